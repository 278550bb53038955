// The board on the wire: the replica that moves what is shown, who else is here, and what is said of it.

import type { Member as Present, OutboxEntry, Publication } from '@veche/client';
import { VecheError } from '@veche/client';
import { Replica } from '@veche/client/replica';
import { client } from '../lib/live/connection.svelte';
import { describeEntries } from '../lib/live/outbox.svelte';
import { entryWords } from './describe';
import type { Desk, Here } from './desk.svelte';
import { act } from './drag/act';
import type { DeskEvents } from './generated/events';
import { apply, renew } from './model/apply';
import { member, type Board } from './model/board';
import { predict } from './model/predict';
import type { Applied, BoardEvent, BoardOp, CardRead, Snapshot } from './model/wire';
import { Presence } from './presence';
import { react } from './react';

type Events = Omit<DeskEvents, 'desk.boards'>;

/** Follows the board until the returned function is called. */
export function goLive(desk: Desk, snapshot: Snapshot): () => void {
  const page = client();
  const channel = `board:${desk.board.id}`;
  const news: BoardEvent[] = [];
  const replica: Replica<Board, Events> = new Replica<Board, Events>({
    client: page as never,
    channel,
    snapshot: { state: desk.board, position: snapshot.position },
    load: async () => {
      const whole = await load(desk.board.id);
      return { state: renew(replica.confirmed, whole), position: whole.position };
    },
    apply: (board, publication) => apply(board, eventOf(publication)),
    predict: (board, entry) => predict(board, opOf(entry)),
    onPublication: (publication) => void news.push(eventOf(publication)),
    onPresence: ({ members }) => (desk.here = hereOf(desk, members ?? [])),
    onLost: (error) => {
      if (error.code === 'forbidden') desk.show({ ...desk.board, role: null });
    },
  });
  const presence = new Presence((meta) => replica.subscription.setPresence('active', meta));
  const show = () => {
    desk.show(replica.visible);
    act(desk, { type: 'changed' });
    react(desk, news.splice(0));
  };
  const frames = new Frames(show);
  const entries = () => {
    desk.entries = page.outbox.entries.filter((entry) => entry.channel === channel);
    desk.isFull = page.outbox.isFull;
  };
  desk.link = {
    perform: async (op) => (await page.call(op.event, op.data, { channel, queue: true })).data as Applied,
    read: async (card) => (await page.call('card.read', { card }, { channel })).data as CardRead,
    retry: (opId) => page.outbox.retry(opId),
    discard: (opId) => page.outbox.discard(opId),
    present: (meta) => presence.say(meta),
  };
  entries();
  presence.say({ mode: 'view' });
  show();
  // The page has the first cards of each list; the rest comes now.
  if (!desk.board.complete) void replica.reload();
  const stops = [
    replica.onChange(() => frames.ask()),
    page.outbox.onChange(entries),
    describeEntries((entry) => (entry.channel === channel ? entryWords(desk, entry) : null)),
    clock(desk),
    () => replica.close(),
    () => presence.stop(),
    () => frames.stop(),
  ];
  return () => {
    desk.link = null;
    for (const stop of stops) stop();
  };
}

/** Reads a whole board. */
async function load(board: string): Promise<Snapshot> {
  const answer = await fetch(`/api/desk/boards/${encodeURIComponent(board)}`, { headers: { accept: 'application/json' } });
  if (answer.ok) return (await answer.json()) as Snapshot;
  const code = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found' }[answer.status] ?? 'unavailable';
  throw new VecheError({ code, message: `the board answered ${answer.status}`, retryable: code === 'unavailable' });
}

function eventOf({ event, data, position, opId, from, timeMs }: Publication<Events>): BoardEvent {
  const about = { offset: position?.offset ?? 0, timeMs, ...(opId !== null && { opId }), ...(from && { user: from.user }) };
  return { type: event, data, ...about } as BoardEvent;
}

function opOf({ event, data }: OutboxEntry): BoardOp {
  return { event, data } as BoardOp;
}

interface Meta {
  card?: unknown;
  field?: unknown;
  mode?: unknown;
}

/** The others, with what they are at. What they say of themselves is checked: it comes from their browsers. */
function hereOf(desk: Desk, members: readonly Present[]): readonly Here[] {
  const named = members.map(({ user, meta }): Here => {
    const { card, field, mode } = (typeof meta === 'object' && meta !== null ? meta : {}) as Meta;
    return {
      id: user,
      name: member(desk.board, user)?.name ?? user,
      ...(typeof card === 'string' && { card }),
      ...(typeof field === 'string' && { field }),
      mode: mode === 'edit' ? 'edit' : 'view',
    };
  });
  return named.filter((one) => one.id !== desk.me);
}

/** While something waits to be saved, time goes on: a mark shows after a second. */
function clock(desk: Desk): () => void {
  const timer = setInterval(() => {
    if (desk.entries.length > 0) desk.now = Date.now();
  }, 500);
  return () => clearInterval(timer);
}

/** At most one look a frame, however many events come; where no frames come, ten a second. */
class Frames {
  readonly #show: () => void;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(show: () => void) {
    this.#show = show;
  }

  ask(): void {
    if (this.#timer !== undefined) return;
    this.#frame = requestAnimationFrame(() => this.#now());
    this.#timer = setTimeout(() => this.#now(), 100);
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #now(): void {
    this.stop();
    this.#show();
  }
}
