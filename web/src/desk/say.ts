// What the live region says while something is moved: who sees nothing still knows where it is.

import { announce } from '../lib/ui';
import { m } from '../paraglide/messages.js';
import type { Desk } from './desk.svelte';
import type { Effect, Item, Spot } from './drag/machine';
import { anyCard, column, listOf } from './model/board';

/** Says what an effect of the machine means. */
export function say(desk: Desk, effect: Effect): void {
  announce(effect.item.kind === 'card' ? ofCard(desk, effect) : ofList(desk, effect));
}

function ofCard(desk: Desk, effect: Effect): string {
  const title = anyCard(desk.board, effect.item.id)?.title ?? '';
  if (effect.type === 'lost') return m.desk_say_lost({ title });
  const where = m.desk_say_place(placeOf(desk, effect.item, effect.spot));
  if (effect.type === 'lifted') return m.desk_say_lifted({ title, where });
  if (effect.type === 'dropped') return m.desk_say_dropped({ title, where });
  if (effect.type === 'restored') return m.desk_say_restored({ title, where });
  return effect.type === 'shifted' ? m.desk_say_shifted({ where }) : where;
}

function ofList(desk: Desk, effect: Effect): string {
  const title = listOf(desk.board, effect.item.id)?.title ?? '';
  if (effect.type === 'lost') return m.desk_say_list_lost({ title });
  const where = m.desk_say_list_place({ place: effect.spot.index + 1, count: desk.lists.length });
  if (effect.type === 'lifted') return m.desk_say_list_lifted({ title, where });
  if (effect.type === 'dropped') return m.desk_say_list_dropped({ title, where });
  if (effect.type === 'restored') return m.desk_say_list_restored({ title, where });
  return effect.type === 'shifted' ? m.desk_say_shifted({ where }) : where;
}

function placeOf(desk: Desk, item: Item, spot: Spot): { list: string; place: number; count: number } {
  const others = column(desk.board, spot.list).filter((id) => id !== item.id).length;
  return { list: listOf(desk.board, spot.list)?.title ?? '', place: spot.index + 1, count: others + 1 };
}
