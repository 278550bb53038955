// What of a board is seldom needed at once: its dialogs. Their code comes when the page has nothing else to do, so that a
// card opens in an instant, and also without a network.

import { toasts } from '../lib/ui';
import { m } from '../paraglide/messages.js';

const parts = {
  popup: () => import('./card/CardPopup.svelte'),
  move: () => import('./card/MoveDialog.svelte'),
  card: () => import('./card/CardDialog.svelte'),
  list: () => import('./parts/ListMenu.svelte'),
  archive: () => import('./parts/Archive.svelte'),
};

type Part = keyof typeof parts;
type Loaded<P extends Part> = Awaited<ReturnType<(typeof parts)[P]>>['default'];

/** What has come. A module that the page has already is still brought by a later task, frames after the click. */
const loaded: { [P in Part]?: Loaded<P> } = {};

/** A dialog's component, at once when its code has come; `null` where it did not come, which the user is told. */
export function lazy<P extends Part>(part: P): Loaded<P> | Promise<Loaded<P> | null> {
  return loaded[part] ?? load(part).catch(() => {
    toasts.show({ key: 'part-failed', tone: 'error', text: m.part_failed() });
    return null;
  });
}

/** Loads all of it when the browser is idle, until the returned function is called. */
export function loadLater(): () => void {
  const loadAll = () => void Promise.allSettled((Object.keys(parts) as Part[]).map((part) => load(part)));
  if (!('requestIdleCallback' in window)) {
    const timer = setTimeout(loadAll, 2000);
    return () => clearTimeout(timer);
  }
  const idle = requestIdleCallback(loadAll, { timeout: 5000 });
  return () => cancelIdleCallback(idle);
}

async function load<P extends Part>(part: P): Promise<Loaded<P>> {
  const component = (await parts[part]()).default as Loaded<P>;
  // A server's page is not another for what an earlier one has loaded.
  if (!import.meta.env.SSR) (loaded as Record<Part, unknown>)[part] = component;
  return component;
}
