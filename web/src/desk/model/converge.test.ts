// Several browsers and one server, through a network that delays, repeats and drops. Whatever the history: once
// everything has arrived, every browser shows what the server has.

import { describe, expect, test } from 'vitest';
import { apply, renew } from './apply';
import { boardOf, column, openLists, type Board } from './board';
import { predict } from './predict';
import { random, type Dice } from './testing/random';
import { ServerBoard } from './testing/server';
import type { BoardEvent, BoardOp, Snapshot } from './wire';

interface Pending {
  readonly opId: string;
  readonly op: BoardOp;
}

/** A browser: what the server confirmed, and what it has not answered. */
class Browser {
  board: Board;
  pending: Pending[] = [];
  /** On their way to this browser, in order. */
  inbox: BoardEvent[] = [];
  private made = 0;
  /** The whole board, on its way since some steps. */
  private fetched: Snapshot | null = null;

  constructor(
    readonly name: string,
    private readonly server: ServerBoard,
    first: number,
  ) {
    this.board = boardOf(server.snapshot(first), name);
  }

  get visible(): Board {
    return this.pending.reduce((board, { op }) => predict(board, op), this.board);
  }

  step(dice: Dice): void {
    const act = dice.below(20);
    if (act < 7) this.pending.push({ opId: `${this.name}-${(this.made += 1)}`, op: operation(this.visible, dice, this) });
    else if (act < 12) this.receive(dice.below(4));
    else if (act < 17) this.send(dice);
    else if (act < 18) this.lose();
    else if (act < 19 && !this.board.complete) this.fetch();
    else if (this.fetched) this.fetchedWhole();
    else if (dice.chance(0.2)) this.reset(this.server.snapshot());
  }

  private fetch(): void {
    this.fetched ??= this.server.snapshot();
  }

  /** The whole board has come; the channel goes on from its position. Meanwhile events were passed over. */
  private fetchedWhole(): void {
    if (!this.fetched) return;
    this.board = renew(this.board, this.fetched);
    this.fetched = null;
    this.lose();
    this.pending = this.pending.filter(({ opId }) => !this.server.log.slice(0, this.board.offset).some((event) => event.opId === opId));
  }

  newId(): string {
    return `${this.name}${(this.made += 1)}`;
  }

  receive(count: number): void {
    for (const event of this.inbox.splice(0, count)) {
      if (this.fetched) continue;
      this.board = apply(this.board, event);
      this.pending = this.pending.filter(({ opId }) => opId !== event.opId);
    }
  }

  /** Sends the oldest; the answer may be lost, and then it is sent again. */
  send(dice: Dice): void {
    const first = this.pending[0];
    if (!first) return;
    const answer = this.server.perform(this.name, first.opId, first.op);
    if (dice.chance(0.3)) return;
    const settled = 'error' in answer || answer.offset === null || answer.offset <= this.board.offset;
    if (settled) this.pending.shift();
  }

  /** The link breaks and what was on its way is sent once more, with some that had arrived. */
  lose(): void {
    this.inbox = this.server.log.slice(Math.max(0, this.board.offset - 3));
  }

  reset(snapshot: Snapshot): void {
    this.board = renew(this.board, snapshot);
    this.inbox = this.inbox.filter((event) => event.offset > this.board.offset);
    this.pending = this.pending.filter(({ opId }) => !this.server.log.some((event) => event.opId === opId));
  }

  settle(dice: Dice): void {
    this.fetchedWhole();
    while (this.pending.length > 0) {
      this.lose();
      this.receive(this.inbox.length);
      this.send(dice);
    }
    this.lose();
    this.receive(this.inbox.length);
    if (!this.board.complete) this.board = renew(this.board, this.server.snapshot());
  }
}

function operation(board: Board, dice: Dice, by: Browser): BoardOp {
  const lists = board.lists.map((list) => list.id);
  const cards = [...board.cards].map((card) => card.id);
  const list = dice.pick(lists) ?? 'none';
  const card = dice.chance(0.05) ? 'never-was' : (dice.pick([...cards, ...board.away.keys()]) ?? 'none');
  const ids = column(board, list);
  const where = { after: dice.pick(ids), before: dice.pick(ids) };
  switch (dice.below(16)) {
    case 0: return { event: 'list.create', data: { list: by.newId(), title: 'List', after: dice.pick(lists) } };
    case 1: return { event: 'list.move', data: { list, after: dice.pick(lists), before: dice.pick(lists) } };
    case 2: return { event: 'list.change', data: { list, ...(dice.chance(0.5) ? { archived: dice.chance(0.3) } : { title: by.newId() }) } };
    case 3: case 4: case 5: return { event: 'card.create', data: { card: by.newId(), list, title: 'Card', ...where } };
    case 6: return { event: 'card.change', data: { card, title: by.newId(), due: dice.chance(0.5) ? '2026-11-12' : null } };
    case 7: return { event: 'card.change', data: { card, archived: dice.chance(0.6), description: dice.chance(0.5) ? '' : 'x' } };
    case 8: return { event: 'card.delete', data: { card } };
    case 9: return { event: 'card.restore', data: { card } };
    case 10: return { event: 'card.assign', data: { card, add: ['a', 'b'].slice(dice.below(2)), remove: ['c'] } };
    case 11: return { event: 'card.label', data: { card, add: ['l1'], remove: ['l2'] } };
    case 12: return { event: 'label.set', data: { label: dice.pick(['l1', 'l2']) ?? 'l1', name: by.newId(), hue: dice.below(360) } };
    case 13: return dice.chance(0.3) ? { event: 'label.remove', data: { label: 'l1' } } : { event: 'board.change', data: { title: by.newId() } };
    default: return { event: 'card.move', data: { card, to_list: list, ...where } };
  }
}

/** What everybody has to agree on. */
function shown(board: Board) {
  const cards = [...board.cards].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    title: board.title,
    lists: board.lists.map(({ id, title, ord, archived, at, count }) => ({ id, title, ord, archived, at, count })),
    columns: board.lists.map((list) => column(board, list.id)),
    cards,
    labels: board.labels,
    offset: board.offset,
  };
}

function start(dice: Dice): ServerBoard {
  const server = new ServerBoard();
  for (let list = 0; list < 3; list += 1) {
    server.perform('s', `list${list}`, { event: 'list.create', data: { list: `L${list}`, title: 'List' } });
    for (let card = 0; card < 6; card += 1) {
      const data = { card: `C${list}${card}`, list: `L${list}`, title: 'Card' };
      server.perform('s', `card${list}${card}`, { event: 'card.create', data });
    }
  }
  if (dice.chance(0.5)) server.perform('s', 'label', { event: 'label.set', data: { label: 'l1', name: 'x', hue: 1 } });
  return server;
}

describe('every browser comes to show what the server has', () => {
  test.each(Array.from({ length: 60 }, (_, index) => index + 1))('seed %i', (seed) => {
    const dice = random(seed);
    const server = start(dice);
    const browsers = ['A', 'B', 'C'].map((name) => new Browser(name, server, dice.chance(0.5) ? 2 : Infinity));
    let told = server.offset;
    for (let step = 0; step < 300; step += 1) {
      dice.pick(browsers)?.step(dice);
      const fresh = server.log.slice(told);
      told = server.offset;
      for (const browser of browsers) browser.inbox.push(...fresh);
    }
    for (const browser of browsers) browser.settle(dice);
    for (const browser of browsers) browser.settle(dice);
    const truth = shown(boardOf(server.snapshot(), 'T'));
    for (const browser of browsers) {
      expect(shown(browser.visible)).toEqual(truth);
      expect(isWhole(browser.visible)).toBe(true);
    }
  });
});

/** Each card is in exactly the column that it names. */
function isWhole(board: Board): boolean {
  const placed = [...board.columns].flatMap(([list, ids]) => ids.map((id) => `${list}/${id}`));
  const meant = [...board.cards].map((card) => `${card.list}/${card.id}`);
  return placed.length === new Set(placed).size && placed.sort().join() === meant.sort().join();
}

test('the intended place is what is shown at once, and what the server makes of it', () => {
  const dice = random(7);
  const server = start(dice);
  const board = boardOf(server.snapshot(), 'A');
  const op: BoardOp = { event: 'card.move', data: { card: 'C00', to_list: 'L1', after: 'C12', before: 'C13' } };
  server.perform('A', 'move', op);
  const guessed = predict(board, op);
  expect(column(guessed, 'L1')).toEqual(['C10', 'C11', 'C12', 'C00', 'C13', 'C14', 'C15']);
  expect(guessed.cards.get('C00')?.ord).toBe(boardOf(server.snapshot(), 'A').cards.get('C00')?.ord);
});

describe('a guess is the server\'s own rule', () => {
  const cases: [string, BoardOp, string[]][] = [
    ['after', { event: 'card.move', data: { card: 'C00', to_list: 'L1', after: 'C15' } }, ['C10', 'C11', 'C12', 'C13', 'C14', 'C15', 'C00']],
    ['before', { event: 'card.move', data: { card: 'C00', to_list: 'L1', before: 'C10' } }, ['C00', 'C10', 'C11', 'C12', 'C13', 'C14', 'C15']],
    ['the end', { event: 'card.move', data: { card: 'C00', to_list: 'L1', after: 'gone' } }, ['C10', 'C11', 'C12', 'C13', 'C14', 'C15', 'C00']],
    ['its own list', { event: 'card.move', data: { card: 'C10', to_list: 'L1', after: 'C11' } }, ['C11', 'C10', 'C12', 'C13', 'C14', 'C15']],
    ['no such list', { event: 'card.move', data: { card: 'C10', to_list: 'L9', after: 'C11' } }, ['C10', 'C11', 'C12', 'C13', 'C14', 'C15']],
    ['a new card', { event: 'card.create', data: { card: 'N', list: 'L1', title: 'N', after: 'C10' } }, ['C10', 'N', 'C11', 'C12', 'C13', 'C14', 'C15']],
    ['a card that is there', { event: 'card.create', data: { card: 'C15', list: 'L1', title: 'N' , after: 'C10' } }, ['C10', 'C11', 'C12', 'C13', 'C14', 'C15']],
    ['archived', { event: 'card.change', data: { card: 'C15', archived: true } }, ['C10', 'C11', 'C12', 'C13', 'C14']],
    ['deleted', { event: 'card.delete', data: { card: 'C10' } }, ['C11', 'C12', 'C13', 'C14', 'C15']],
  ];
  test.each(cases)('%s', (_, op, expected) => {
    const server = start(random(7));
    const board = boardOf(server.snapshot(), 'A');
    server.perform('A', 'op', op);
    expect(column(predict(board, op), 'L1')).toEqual(expected);
    expect(column(boardOf(server.snapshot(), 'A'), 'L1')).toEqual(expected);
  });
});

test('an event changes what it is about and shares the rest', () => {
  const server = start(random(1));
  const before = boardOf(server.snapshot(), 'A');
  server.perform('B', 'edit', { event: 'card.change', data: { card: 'C00', title: 'New' } });
  const after = server.log.slice(before.offset).reduce(apply, before);
  expect(after.cards.get('C00')?.title).toBe('New');
  expect(after.columns).toBe(before.columns);
  expect(after.lists).toBe(before.lists);
  expect(after.cards.get('C01')).toBe(before.cards.get('C01'));
  expect(server.log.reduce(apply, after)).toBe(after);
  expect(openLists(after).length).toBe(3);
});

test('an event on a board of 5,000 cards is applied in a fraction of a frame', () => {
  const server = new ServerBoard();
  server.perform('s', 'list', { event: 'list.create', data: { list: 'L', title: 'List' } });
  const card = (index: number): BoardEvent => ({
    type: 'card.changed', data: { card: `card-${index}`, title: 'New' }, offset: index + 2, timeMs: 0,
  });
  const empty = server.snapshot();
  const at = { title: 0, description: 0, due: 0, place: 0, archived: 0 };
  const cards = Array.from({ length: 5000 }, (_, index) => ({
    id: `card-${index}`, list: 'L', ord: `c${String(index).padStart(4, '0')}1`, title: 'Card', labels: [], assignees: [],
    due: null, archived: false, described: false, changed: 0, at,
  }));
  const board = boardOf({ ...empty, cards, complete: true }, 'A');
  const buckets = new Set([...board.cards]);
  const after = Array.from({ length: 100 }, (_, index) => card(index)).reduce(apply, board);
  expect([...after.cards].filter((one) => !buckets.has(one)).length).toBe(100);
});
