// The rows of a list while something is dragged. By keyboard the card itself goes from place to place; under a pointer
// it stays where it was, hidden, for the browser ends a touch whose element is gone, and a gap shows where it would go.

import type { Drag } from './machine';

/** The row that is a gap. No card has this id: it would have to be 1 to 32 of `0-9A-Za-z_-`. */
export const GAP = '·';

/** A list's rows: ids of cards, and perhaps the gap. */
export function rowsOf(list: string, cards: readonly string[], drag: Drag): readonly string[] {
  if (drag.phase !== 'lifted' || drag.item.kind !== 'card') return cards;
  const { item, over } = drag;
  const isHere = over.list === list;
  if (drag.by === 'keyboard') {
    const others = cards.filter((id) => id !== item.id);
    return isHere ? [...others.slice(0, over.index), item.id, ...others.slice(over.index)] : others;
  }
  if (!isHere) return cards;
  const source = cards.indexOf(item.id);
  const at = source >= 0 && source < over.index ? over.index + 1 : over.index;
  return [...cards.slice(0, at), GAP, ...cards.slice(at)];
}

/** The lists from left to right; one that is dragged shows itself at its spot. */
export function listsInOrder(lists: readonly string[], drag: Drag): readonly string[] {
  if (drag.phase !== 'lifted' || drag.item.kind !== 'list') return lists;
  const others = lists.filter((id) => id !== drag.item.id);
  return [...others.slice(0, drag.over.index), drag.item.id, ...others.slice(drag.over.index)];
}
