// In the browser a part's pages are a chunk of their own.

import type { Page, Part, Route } from './router';

const parts = import.meta.glob<Part>('../*/pages.ts');

/** The page's component, after its chunk; `null` is the shell's own page. */
export async function loadPage(route: Route): Promise<Page | null> {
  const part = parts[`../${route.part}/pages.ts`];
  return part ? ((await part()).pages[route.page] ?? null) : null;
}
