// In the browser a part's pages are a chunk of their own.

import type { Part, Route } from './router';

const parts = import.meta.glob<Part>('../*/pages.ts');

/** The part that a route's page is in, after its chunk; none for the shell's own pages. */
export async function loadPart(route: Route): Promise<Part | undefined> {
  return parts[`../${route.part}/pages.ts`]?.();
}
