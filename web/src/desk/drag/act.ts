// What the machine's effects do: the words, and the operation of a drop.

import { moveCard, moveList } from '../actions';
import type { Desk } from '../desk.svelte';
import { say } from '../say';
import type { Effect, Input } from './machine';

/** Feeds the machine and does what comes of it. */
export function act(desk: Desk, input: Input): void {
  for (const effect of desk.input(input)) perform(desk, effect);
}

function perform(desk: Desk, effect: Effect): void {
  say(desk, effect);
  if (effect.type !== 'dropped') return;
  const { item, spot } = effect;
  if (item.kind === 'card') moveCard(desk, item.id, spot.list, spot.index);
  else moveList(desk, item.id, spot.index);
}
