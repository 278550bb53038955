// What of a board is seldom needed at once: its dialogs. Their code comes when the page has nothing else to do, so that a
// card opens in an instant, and also without a network.

import type { Component } from 'svelte';
import { toasts } from '../lib/ui';
import { m } from '../paraglide/messages.js';

const parts = {
  popup: () => import('./card/CardPopup.svelte'),
  move: () => import('./card/MoveDialog.svelte'),
  card: () => import('./card/CardDialog.svelte'),
  list: () => import('./parts/ListMenu.svelte'),
  archive: () => import('./parts/Archive.svelte'),
};

type Loaded<Part extends keyof typeof parts> = Awaited<ReturnType<(typeof parts)[Part]>>['default'];

/** A dialog's component; `null` where its code did not come, which the user is told. */
export async function lazy<Part extends keyof typeof parts>(part: Part): Promise<Loaded<Part> | null> {
  try {
    return (await parts[part]()).default as Loaded<Part>;
  } catch {
    toasts.show({ key: 'part-failed', tone: 'error', text: m.part_failed() });
    return null;
  }
}

/** Loads all of it when the browser is idle, until the returned function is called. */
export function loadLater(): () => void {
  const load = () => void Promise.allSettled(Object.values(parts).map((part: () => Promise<{ default: Component<never> }>) => part()));
  if (!('requestIdleCallback' in window)) {
    const timer = setTimeout(load, 2000);
    return () => clearTimeout(timer);
  }
  const idle = requestIdleCallback(load, { timeout: 5000 });
  return () => cancelIdleCallback(idle);
}
