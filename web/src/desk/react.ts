// What the page makes of the others' events, besides showing the new state: a trace in their hue, and a word to the one
// whose card was moved on.

import { toasts } from '../lib/ui';
import { m } from '../paraglide/messages.js';
import type { Desk } from './desk.svelte';
import { member } from './model/board';
import type { BoardEvent } from './model/wire';

/** As long a trace is seen. */
const TRACE_MS = 1200;
/** Somebody who moved a card a moment ago wonders why it goes elsewhere; later it is the board's ordinary life. */
const OWN_MOVE_MS = 5000;

export function react(desk: Desk, events: readonly BoardEvent[]): void {
  for (const event of events) {
    const card = cardOf(event);
    if (card === null || event.user === undefined || event.user === desk.me) continue;
    trace(desk, card, event.user, event.type === 'card.moved');
    if (event.type === 'card.moved') tellMoved(desk, card, event.user);
  }
}

function cardOf(event: BoardEvent): string | null {
  if (event.type === 'card.created' || event.type === 'card.restored') return event.data.card.id;
  return 'card' in event.data && typeof event.data.card === 'string' ? event.data.card : null;
}

function trace(desk: Desk, card: string, user: string, moved: boolean): void {
  const mine = { user, moved };
  desk.traces = new Map(desk.traces).set(card, mine);
  setTimeout(() => {
    if (desk.traces.get(card) !== mine) return;
    desk.traces = new Map([...desk.traces].filter(([id]) => id !== card));
  }, TRACE_MS);
}

function tellMoved(desk: Desk, card: string, user: string): void {
  const mine = desk.ownMoves.get(card);
  desk.ownMoves.delete(card);
  if (mine === undefined || Date.now() - mine > OWN_MOVE_MS) return;
  const name = member(desk.board, user)?.name ?? user;
  const title = desk.board.cards.get(card)?.title ?? '';
  toasts.show({ key: `moved ${card}`, tone: 'info', text: m.desk_moved_by({ name, title }) });
}
