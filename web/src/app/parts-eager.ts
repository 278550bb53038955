// The server's bundle is one file and a render is synchronous, so that it has all parts at once.

import type { Page, Part, Route } from './router';

const parts = import.meta.glob<Part>('../*/pages.ts', { eager: true });

/** The page's component; `null` is the shell's own page. */
export function pageOf(route: Route): Page | null {
  return parts[`../${route.part}/pages.ts`]?.pages[route.page] ?? null;
}

/** The chunk's name in Vite's manifest, for the server's preload and style links. */
export function chunkOf(route: Route): string | null {
  return parts[`../${route.part}/pages.ts`] ? `src/${route.part}/pages.ts` : null;
}
