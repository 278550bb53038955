// Which rows of a long list are on the page: those that are seen, and some before and after them. The rest is padding
// of the height that they have, or had when they were last seen, or probably have.

export interface Rows {
  /** The first row that is rendered, and the first that is no longer. */
  readonly from: number;
  readonly to: number;
  /** Padding before and after, in pixels. */
  readonly top: number;
  readonly bottom: number;
}

/** Lists up to this length are rendered whole. */
export const SHORT = 40;
/** What the server renders of a longer one; it cannot know what is seen. */
export const FIRST = 20;
const OVERSCAN = 5;
/** A card with a title of one line and a line of details, and the gap below it. */
const USUAL_PX = 76;

/** The heights of rows as far as they are known. */
export class Heights {
  readonly #known = new Map<string, number>();
  #sum = 0;

  /** Notes a height; says whether that is news. */
  note(id: string, height: number): boolean {
    const old = this.#known.get(id);
    if (old === height) return false;
    this.#sum += height - (old ?? 0);
    this.#known.set(id, height);
    return true;
  }

  of(id: string): number {
    return this.#known.get(id) ?? (this.#known.size > 0 ? this.#sum / this.#known.size : USUAL_PX);
  }
}

/** All of a short list, or the part of a long one around what is seen. */
export function rowsAround(ids: readonly string[], heights: Heights, seen: { top: number; height: number }): Rows {
  if (ids.length <= SHORT) return { from: 0, to: ids.length, top: 0, bottom: 0 };
  const tops = topsOf(ids, heights);
  const first = lastAtOrBefore(tops, seen.top);
  const last = lastAtOrBefore(tops, seen.top + seen.height);
  const from = Math.max(0, Math.min(first - OVERSCAN, ids.length - FIRST));
  const to = Math.min(ids.length, last + 1 + OVERSCAN);
  return { from, to, top: tops[from] ?? 0, bottom: (tops[ids.length] ?? 0) - (tops[to] ?? 0) };
}

/** What is rendered before anything is known of the screen. */
export function firstRows(ids: readonly string[], total: number, heights: Heights): Rows {
  if (ids.length <= SHORT && total <= ids.length) return { from: 0, to: ids.length, top: 0, bottom: 0 };
  const to = Math.min(FIRST, ids.length);
  return { from: 0, to, top: 0, bottom: Math.round((total - to) * heights.of('')) };
}

/** Where a row begins. */
export function topOf(ids: readonly string[], heights: Heights, index: number): number {
  return topsOf(ids, heights)[index] ?? 0;
}

function topsOf(ids: readonly string[], heights: Heights): number[] {
  const tops = [0];
  let top = 0;
  for (const id of ids) {
    top += heights.of(id);
    tops.push(top);
  }
  return tops;
}

/** By halving: the last row that begins at or before a height. */
function lastAtOrBefore(tops: readonly number[], height: number): number {
  let [low, high] = [0, Math.max(0, tops.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}
