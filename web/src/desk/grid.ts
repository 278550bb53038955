// Where the focus goes among the cards. One card is the tab stop; arrows go from card to card as on a sheet of paper.

import type { Layout } from './drag/machine';

export type Arrow = 'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight' | 'Home' | 'End';

export function isArrow(key: string): key is Arrow {
  return ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(key);
}

/** The card that a key leads to from another; undefined where it leads nowhere. Empty lists are passed over. */
export function cardAt(layout: Layout, from: string, key: Arrow): string | undefined {
  const list = layout.lists.find((one) => layout.cards(one).includes(from));
  if (list === undefined) return undefined;
  const cards = layout.cards(list);
  const row = cards.indexOf(from);
  if (key === 'ArrowUp') return cards[row - 1];
  if (key === 'ArrowDown') return cards[row + 1];
  if (key === 'Home') return cards[0];
  if (key === 'End') return cards.at(-1);
  const by = key === 'ArrowLeft' ? -1 : 1;
  for (let at = layout.lists.indexOf(list) + by; at >= 0 && at < layout.lists.length; at += by) {
    const beside = layout.cards(layout.lists[at] ?? '');
    if (beside.length > 0) return beside[Math.min(row, beside.length - 1)];
  }
  return undefined;
}

/** The card that is the tab stop: the one last focused, else the first of the board. */
export function tabStop(layout: Layout, last: string | null): string | undefined {
  if (last !== null && layout.lists.some((list) => layout.cards(list).includes(last))) return last;
  return layout.lists.map((list) => layout.cards(list)[0]).find((card) => card !== undefined);
}

/** Where the focus goes when a card leaves: the next of its list, else the one before. */
export function heir(layout: Layout, leaving: string): string | undefined {
  return cardAt(layout, leaving, 'ArrowDown') ?? cardAt(layout, leaving, 'ArrowUp');
}
