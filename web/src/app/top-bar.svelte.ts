// What the page on the screen puts into the shell's top bar, in the browser. On the server a part's `pages.ts` names
// the place (`places`), because the bar is rendered before the page.

import type { Snippet } from 'svelte';

export interface TopBarParts {
  /** Where the reader is, as a board's title. */
  place?: string;
  /** Who else is here. */
  people?: { id: string; name: string; ring?: boolean }[];
  /** Buttons of the page, left of the people. */
  actions?: Snippet;
}

let parts = $state.raw<TopBarParts>({});

export const topBar = {
  get parts(): TopBarParts {
    return parts;
  },
};

/** For an `$effect`: shows the parts until the returned function is called. */
export function showInTopBar(mine: TopBarParts): () => void {
  parts = mine;
  return () => {
    if (parts === mine) parts = {};
  };
}
