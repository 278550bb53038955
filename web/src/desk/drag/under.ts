// What spot is under a pointer, by the places of lists and rows. Rows are measured by their layout and not by what is
// seen, so that a card that is still gliding does not shake under the pointer.

import type { Item, Spot } from './machine';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The spot under a point of the screen; undefined where the board has no list. */
export function spotUnder(board: HTMLElement, item: Item, point: Point): Spot | undefined {
  const x = point.x - board.getBoundingClientRect().left + board.scrollLeft;
  const lists = [...board.querySelectorAll<HTMLElement>(':scope > [data-list]')].sort((a, b) => a.offsetLeft - b.offsetLeft);
  if (item.kind === 'list') {
    const others = lists.filter((list) => list.dataset.list !== item.id);
    return { list: '', index: others.filter((list) => middleOf(list) < x).length };
  }
  const nearest = lists.reduce<HTMLElement | undefined>(
    (best, list) => (!best || Math.abs(middleOf(list) - x) < Math.abs(middleOf(best) - x) ? list : best),
    undefined,
  );
  const cards = nearest?.querySelector<HTMLElement>('[data-cards]');
  if (!nearest || !cards) return undefined;
  return { list: nearest.dataset.list ?? '', index: rowUnder(cards, item.id, point.y) };
}

/** The index among the other cards at a height: before the first one whose middle is below it. */
function rowUnder(cards: HTMLElement, lifted: string, screenY: number): number {
  const y = screenY - cards.getBoundingClientRect().top + cards.scrollTop;
  const rows = [...cards.querySelectorAll<HTMLElement>(':scope > [data-row]')].filter((row) => row.dataset.row !== lifted);
  const next = rows.find((row) => row.offsetTop + row.offsetHeight / 2 > y);
  if (next) return Number(next.dataset.at);
  const last = rows.at(-1);
  return last ? Number(last.dataset.at) + 1 : 0;
}

function middleOf(list: HTMLElement): number {
  return list.offsetLeft + list.offsetWidth / 2;
}

/** How far to scroll for a point near an edge, in pixels a frame. */
export function pull(at: number, start: number, end: number): number {
  const near = Math.min(EDGE_PX, (end - start) / 4);
  if (at < start + near) return -strength(start + near - at);
  if (at > end - near) return strength(at - (end - near));
  return 0;
}

/** So near to an edge the page scrolls by itself. */
const EDGE_PX = 48;
const FASTEST_PX = 18;

function strength(depth: number): number {
  return Math.min(FASTEST_PX, 1 + (depth / EDGE_PX) * FASTEST_PX);
}
