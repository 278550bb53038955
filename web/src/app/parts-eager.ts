// The server's bundle is one file and a render is synchronous, so that it has all parts at once.

import type { Boot } from './boot';
import { shownBy, type Part, type Route, type Shown } from './router';

const parts = import.meta.glob<Part>('../*/pages.ts', { eager: true });

/** The page of a route. */
export function pageOf(route: Route, boot: Boot): Shown {
  return shownBy(parts[`../${route.part}/pages.ts`], route, boot);
}

/** The chunk's name in Vite's manifest, for the server's preload and style links. */
export function chunkOf(route: Route): string | null {
  return parts[`../${route.part}/pages.ts`] ? `src/${route.part}/pages.ts` : null;
}
