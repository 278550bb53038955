import { useView } from '../app/view.svelte';

/** Sample words in the reader's language; the kit's page is no part of the product, so they are no messages. */
export function useWords(): (en: string, ru: string) => string {
  const view = useView();
  return (en, ru) => (view.locale === 'ru' ? ru : en);
}
