// How an event of the channel changes a board. Pure, and idempotent by offset; whatever an event does not touch is
// shared between the states before and after it.

import { compare } from '../order';
import { boardOf, type Board, type Text } from './board';
import type { Cards } from './cards';
import type { BoardEvent, Card, EventData, EventName, List, Snapshot } from './wire';

/** How many of the latest events and descriptions are kept. */
const KEPT = 100;

/** The state after an event. */
export function apply(board: Board, event: BoardEvent): Board {
  if (event.offset <= board.offset) return board;
  const changed = reduce(board, event);
  return {
    ...changed,
    offset: event.offset,
    recent: [...board.recent.slice(1 - KEPT), event],
  };
}

/**
 * Another snapshot of the same board, as after a reset, or the whole of it after its first part. What the page still
 * knows of cards that left stays.
 */
export function renew(board: Board, snapshot: Snapshot): Board {
  const whole = boardOf(snapshot, board.me);
  return { ...whole, recent: board.recent, away: without(board.away, whole) };
}

/** What had left before, except what is back. */
function without(away: Board['away'], board: Board): Board['away'] {
  return new Map([...away].filter(([id]) => board.cards.get(id) === undefined));
}

type Step<Name extends EventName> = (board: Board, data: EventData<Name>, offset: number) => Board;

const STEPS: { readonly [Name in EventName]: Step<Name> } = {
  'board.created': (board, { title }) => ({ ...board, title }),
  'board.changed': (board, { title, archived }) => ({
    ...board,
    title: title ?? board.title,
    archived: archived ?? board.archived,
  }),
  'list.created': (board, { list }) => putList(board, list),
  'list.changed': changeList,
  'list.moved': (board, { list, ord }, offset) =>
    editList(board, list, (old) => ({ ...old, ord, at: { ...old.at, place: offset } })),
  'lists.rekeyed': (board, { keys }) => {
    const ords = new Map(keys);
    return { ...board, lists: board.lists.map((list) => ({ ...list, ord: ords.get(list.id) ?? list.ord })).sort(compare) };
  },
  'list.rekeyed': (board, { keys }) => rekey(board, keys),
  'card.created': (board, { card, description }, offset) =>
    told(putCard(board, card), card.id, description, Math.max(offset, card.at.description)),
  'card.changed': changeCard,
  'card.moved': (board, { card, list, ord }, offset) =>
    editCard(board, card, offset, (old) => ({ ...old, list, ord, at: { ...old.at, place: offset } })),
  'card.labelled': (board, { card, add, remove }, offset) =>
    editCard(board, card, offset, (old) => ({ ...old, labels: altered(old.labels, add, remove) })),
  'card.assigned': (board, { card, add, remove }, offset) =>
    editCard(board, card, offset, (old) => ({ ...old, assignees: altered(old.assignees, add, remove) })),
  'card.deleted': (board, { card }) => takeCard(board, card, 'deleted'),
  'card.restored': (board, { card }) => putCard(board, card),
  'label.set': (board, { label, name, hue }) => setLabel(board, { id: label, name, hue }),
  'label.removed': (board, { label }) => removeLabel(board, label),
  'member.set': (board, { user, name, role }) => ({
    ...board,
    role: user === board.me ? role : board.role,
    members: byKey([...board.members.filter((one) => one.user !== user), { user, name, role }], (one) => one.user),
  }),
  'member.removed': removeMember,
};

function reduce(board: Board, event: BoardEvent): Board {
  // An event that a newer server has and this page does not know only moves the offset.
  const step = STEPS[event.type] as Step<EventName> | undefined;
  return step ? step(board, event.data, event.offset) : board;
}

function changeList(board: Board, data: EventData<'list.changed'>, offset: number): Board {
  return editList(board, data.list, (old) => ({
    ...old,
    title: data.title ?? old.title,
    archived: data.archived ?? old.archived,
    at: {
      ...old.at,
      title: data.title === undefined ? old.at.title : offset,
      archived: data.archived === undefined ? old.at.archived : offset,
    },
  }));
}

function changeCard(board: Board, data: EventData<'card.changed'>, offset: number): Board {
  const { card: id, title, description, due, archived } = data;
  const withText = description === undefined ? board : told(board, id, description, offset);
  if (data.restored) return putCard(withText, data.restored);
  const edited = editCard(withText, id, offset, (old) => ({
    ...old,
    title: title ?? old.title,
    due: due === undefined ? old.due : due,
    archived: archived ?? old.archived,
    described: description === undefined ? old.described : description !== '',
    at: {
      ...old.at,
      ...(title !== undefined && { title: offset }),
      ...(description !== undefined && { description: offset }),
      ...(due !== undefined && { due: offset }),
      ...(archived !== undefined && { archived: offset }),
    },
  }));
  return archived ? takeCard(edited, id, 'archived') : edited;
}

/** Adds a list or replaces it. */
export function putList(board: Board, list: List): Board {
  const lists = [...board.lists.filter((one) => one.id !== list.id), list].sort(compare);
  const columns = board.columns.has(list.id) ? board.columns : new Map(board.columns).set(list.id, []);
  return { ...board, lists, columns };
}

/** Changes a list, and puts it where its key says. */
export function editList(board: Board, id: string, edit: (old: List) => List): Board {
  if (!board.lists.some((list) => list.id === id)) return board;
  return { ...board, lists: board.lists.map((list) => (list.id === id ? edit(list) : list)).sort(compare) };
}

/** Puts a card where its list and key say, whether or not it was there. */
export function putCard(board: Board, card: Card): Board {
  const old = board.cards.get(card.id);
  const cards = board.cards.with(card);
  if (old && old.list === card.list && old.ord === card.ord) return { ...board, cards };
  const columns = new Map(board.columns);
  if (old) columns.set(old.list, (columns.get(old.list) ?? []).filter((id) => id !== card.id));
  columns.set(card.list, inserted(columns.get(card.list) ?? [], card, cards));
  const lists = counted(board.lists, old?.list, card.list);
  const away = board.away.has(card.id) ? new Map([...board.away].filter(([id]) => id !== card.id)) : board.away;
  return { ...board, cards, columns, lists, away };
}

/** Changes a card that is on the board, or one that has left it. */
export function editCard(board: Board, id: string, offset: number, edit: (old: Card) => Card): Board {
  const old = board.cards.get(id);
  if (old) return putCard(board, { ...edit(old), changed: offset });
  const gone = board.away.get(id);
  if (!gone) return board;
  return { ...board, away: new Map(board.away).set(id, { ...gone, card: { ...edit(gone.card), changed: offset } }) };
}

/** Takes a card from the board and remembers why. */
export function takeCard(board: Board, id: string, why: 'archived' | 'deleted'): Board {
  const card = board.cards.get(id) ?? board.away.get(id)?.card;
  if (!card) return board;
  const away = new Map([...board.away].slice(-KEPT)).set(id, { card, why });
  if (!board.cards.get(id)) return { ...board, away };
  const left = (board.columns.get(card.list) ?? []).filter((one) => one !== id);
  const columns = new Map(board.columns).set(card.list, left);
  return { ...board, cards: board.cards.without(id), columns, away, lists: counted(board.lists, card.list, undefined) };
}

/** Remembers a description. */
export function told(board: Board, card: string, text: string, at: number): Board {
  const texts = new Map<string, Text>([...board.texts].slice(-KEPT));
  texts.delete(card);
  return { ...board, texts: texts.set(card, { text, at }) };
}

export function setLabel(board: Board, label: Board['labels'][number]): Board {
  const known = board.labels.some((one) => one.id === label.id);
  return {
    ...board,
    labels: known
      ? board.labels.map((one) => (one.id === label.id ? label : one))
      : byKey([...board.labels, label], (one) => one.id),
  };
}

/** Removes a label from the board and from the cards that bear it; the others stay as they are. */
export function removeLabel(board: Board, label: string): Board {
  let cards: Cards = board.cards;
  for (const card of board.cards) {
    if (card.labels.includes(label)) cards = cards.with({ ...card, labels: card.labels.filter((one) => one !== label) });
  }
  return { ...board, cards, labels: board.labels.filter((one) => one.id !== label) };
}

/** Removes a member from the board and from their cards. */
function removeMember(board: Board, { user }: EventData<'member.removed'>): Board {
  let cards: Cards = board.cards;
  for (const card of board.cards) {
    const assignees = card.assignees.filter((one) => one !== user);
    if (assignees.length < card.assignees.length) cards = cards.with({ ...card, assignees });
  }
  const members = board.members.filter((one) => one.user !== user);
  return { ...board, cards, members, role: user === board.me ? null : board.role };
}

/** A set with some taken away and others added, sorted as the server sorts. */
export function altered(set: readonly string[], add: readonly string[] = [], remove: readonly string[] = []): string[] {
  const kept = set.filter((one) => !remove.includes(one));
  return byKey([...kept, ...add.filter((one) => !kept.includes(one))], (one) => one);
}

function byKey<T>(items: T[], key: (item: T) => string): T[] {
  return items.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function rekey(board: Board, keys: readonly (readonly [string, string])[]): Board {
  let cards = board.cards;
  for (const [id, ord] of keys) {
    const card = cards.get(id);
    if (card) cards = cards.with({ ...card, ord });
  }
  const ords = new Map(keys);
  const away = new Map(
    [...board.away].map(([id, gone]) => [id, { ...gone, card: { ...gone.card, ord: ords.get(id) ?? gone.card.ord } }]),
  );
  return { ...board, cards, away };
}

function counted(lists: readonly List[], from: string | undefined, to: string | undefined): readonly List[] {
  if (from === to) return lists;
  const step = (id: string) => (id === to ? 1 : 0) - (id === from ? 1 : 0);
  return lists.map((list) => (step(list.id) === 0 ? list : { ...list, count: list.count + step(list.id) }));
}

/** A column with a card at its place, found by halving. */
function inserted(column: readonly string[], card: Card, cards: Cards): string[] {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = cards.get(column[middle] ?? '');
    if (other && compare(other, card) < 0) low = middle + 1;
    else high = middle;
  }
  return [...column.slice(0, low), card.id, ...column.slice(low)];
}
