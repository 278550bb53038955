// How an operation of this browser changes a board before the server has answered: a guess, made anew on top of every
// event that comes in between, and gone once the server's own event is there.
//
// An operation that cannot hold (the list is gone, the card was deleted) changes nothing here; the server's refusal
// brings its text back to the author.

import { between } from '../order';
import { altered, editCard, editList, putCard, putList, removeLabel, setLabel, takeCard, told } from './apply';
import { column, listOf, type Board } from './board';
import type { BoardOp, Card, OpData, OpName, Place } from './wire';

/** The version of what is only a guess: above every offset. */
export const GUESSED = Number.MAX_SAFE_INTEGER;

type Guess<Name extends OpName> = (board: Board, data: OpData<Name>) => Board;

const GUESSES: { readonly [Name in OpName]: Guess<Name> } = {
  'board.create': (board) => board,
  'board.change': (board, { title, archived }) => ({
    ...board,
    title: title?.trim() ?? board.title,
    archived: archived ?? board.archived,
  }),
  'list.create': createList,
  'list.change': (board, { list, title, archived }) =>
    editList(board, list, (old) => ({ ...old, title: title?.trim() ?? old.title, archived: archived ?? old.archived })),
  'list.move': (board, data) => editList(board, data.list, (old) => ({ ...old, ord: listKey(board, data.list, data) })),
  'card.create': createCard,
  'card.change': changeCard,
  'card.move': moveCard,
  'card.label': (board, { card, add, remove }) =>
    guessed(board, card, (old) => ({ ...old, labels: altered(old.labels, add, remove) })),
  'card.assign': (board, { card, add, remove }) =>
    guessed(board, card, (old) => ({ ...old, assignees: altered(old.assignees, add, remove) })),
  'card.delete': (board, { card }) => takeCard(board, card, 'deleted'),
  'card.restore': restoreCard,
  'label.set': (board, { label, name, hue }) => setLabel(board, { id: label, name: name.trim(), hue }),
  'label.remove': (board, { label }) => removeLabel(board, label),
};

/** The state as it will probably be. */
export function predict(board: Board, op: BoardOp): Board {
  const guess = GUESSES[op.event] as Guess<OpName> | undefined;
  return guess ? guess(board, op.data) : board;
}

function createList(board: Board, data: OpData<'list.create'>): Board {
  if (listOf(board, data.list)) return board;
  return putList(board, {
    id: data.list,
    title: data.title.trim(),
    ord: listKey(board, data.list, data),
    archived: false,
    at: { title: 0, place: 0, archived: 0 },
    count: 0,
  });
}

function createCard(board: Board, data: OpData<'card.create'>): Board {
  if (board.cards.get(data.card) || !isOpen(board, data.list)) return board;
  const card: Card = {
    id: data.card,
    list: data.list,
    ord: cardKey(board, data.card, data.list, data),
    title: data.title.trim(),
    labels: [],
    assignees: [],
    due: null,
    archived: false,
    described: Boolean(data.description),
    changed: 0,
    at: { title: 0, description: 0, due: 0, place: 0, archived: 0 },
  };
  return told(putCard(board, card), data.card, data.description ?? '', 0);
}

function changeCard(board: Board, data: OpData<'card.change'>): Board {
  const { card: id, title, description, due, archived } = data;
  const away = board.away.get(id);
  if (away && archived === false) return changeCard(restored(board, away.card), { ...data, archived: undefined });
  if (!board.cards.get(id)) return board;
  const withText = description === undefined ? board : told(board, id, description, GUESSED);
  const edited = guessed(withText, id, (old) => ({
    ...old,
    title: title?.trim() ?? old.title,
    due: due === undefined ? old.due : due,
    described: description === undefined ? old.described : description !== '',
  }));
  return archived ? takeCard(edited, id, 'archived') : edited;
}

function moveCard(board: Board, data: OpData<'card.move'>): Board {
  if (!isOpen(board, data.to_list)) return board;
  return guessed(board, data.card, (old) => ({
    ...old,
    list: data.to_list,
    ord: cardKey(board, data.card, data.to_list, data),
  }));
}

function restoreCard(board: Board, { card }: OpData<'card.restore'>): Board {
  const away = board.away.get(card);
  return away ? restored(board, away.card) : board;
}

function restored(board: Board, card: Card): Board {
  return putCard(board, { ...card, archived: false });
}

/** An edit that keeps the version of the last event: a guess is no version. */
function guessed(board: Board, id: string, edit: (old: Card) => Card): Board {
  const card = board.cards.get(id);
  return card ? editCard(board, id, card.changed, edit) : board;
}

function isOpen(board: Board, list: string): boolean {
  return listOf(board, list)?.archived === false;
}

function cardKey(board: Board, id: string, list: string, where: Place): string {
  const others = column(board, list).filter((one) => one !== id);
  return keyAt(others, where, (one) => board.cards.get(one)?.ord);
}

function listKey(board: Board, id: string, where: Place): string {
  const others = board.lists.filter((list) => list.id !== id);
  return keyAt(
    others.map((list) => list.id),
    where,
    (one) => listOf(board, one)?.ord,
  );
}

/** The key for a place among others: directly after `after`, else directly before `before`, else at the end. */
function keyAt(others: readonly string[], { after, before }: Place, ordOf: (id: string) => string | undefined): string {
  const index = placeAmong(others, { after, before });
  const low = ordOf(others[index - 1] ?? '') ?? null;
  const high = ordOf(others[index] ?? '') ?? null;
  // Two guesses may share a key for a moment; then the id decides, as it does for everybody.
  if (low !== null && high !== null && low >= high) return low;
  return between(low, high);
}

/** The index at which something comes among others. */
export function placeAmong(others: readonly string[], { after, before }: Place): number {
  const behind = after === undefined ? -1 : others.indexOf(after);
  if (behind >= 0) return behind + 1;
  const ahead = before === undefined ? -1 : others.indexOf(before);
  return ahead >= 0 ? ahead : others.length;
}

/** What to say to the server for an index among others. Both neighbours: one of them may be gone by then. */
export function placeAt(others: readonly string[], index: number): Place {
  const [after, before] = [others[index - 1], others[index]];
  return { ...(after !== undefined && { after }), ...(before !== undefined && { before }) };
}
