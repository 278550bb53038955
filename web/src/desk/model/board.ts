// A board's state in the browser, immutable, and what is read off it. `apply.ts` moves it by the server's events,
// `predict.ts` by this browser's own operations that the server has not answered yet.

import { compare } from '../order';
import { Cards } from './cards';
import type { BoardEvent, Card, Label, List, Member, Role, Snapshot } from './wire';

/** A description that an event brought; a later one of `card.read` has a higher `at`. */
export interface Text {
  readonly text: string;
  readonly at: number;
}

/** Why a card is not on the board. */
export interface Away {
  readonly card: Card;
  readonly why: 'archived' | 'deleted';
}

/** A board as this browser knows it. */
export interface Board {
  readonly me: string | null;
  readonly id: string;
  readonly title: string;
  readonly archived: boolean;
  /** Null: no longer a member. */
  readonly role: Role | null;
  readonly members: readonly Member[];
  readonly labels: readonly Label[];
  /** Archived ones, too, by (ord, id). */
  readonly lists: readonly List[];
  readonly cards: Cards;
  /** For each list the ids of its cards by (ord, id). */
  readonly columns: ReadonlyMap<string, readonly string[]>;
  /** Cards that left since the page was opened: for [Undo], and to say what became of one that is open. */
  readonly away: ReadonlyMap<string, Away>;
  readonly texts: ReadonlyMap<string, Text>;
  readonly epoch: string;
  /** All events up to here are in the state; one at or below it changes nothing. */
  readonly offset: number;
  /** False: each list has its first cards only, and an event of a card that is not here changes nothing. */
  readonly complete: boolean;
  /** The latest events, for those who show what has just changed. */
  readonly recent: readonly BoardEvent[];
}

/** The state at a snapshot's position. */
export function boardOf(snapshot: Snapshot, me: string | null): Board {
  return {
    me,
    ...snapshot.board,
    role: snapshot.role,
    members: snapshot.members,
    labels: snapshot.labels,
    lists: [...snapshot.lists].sort(compare),
    cards: Cards.of(snapshot.cards),
    columns: columnsOf(snapshot.lists, snapshot.cards),
    away: new Map(),
    texts: new Map(),
    ...snapshot.position,
    complete: snapshot.complete,
    recent: [],
  };
}

/** A snapshot's columns. They come sorted; sorting again costs little and trusts nobody. */
function columnsOf(lists: readonly List[], cards: readonly Card[]): Map<string, readonly string[]> {
  const grouped = new Map<string, Card[]>(lists.map((list) => [list.id, []]));
  for (const card of cards) grouped.get(card.list)?.push(card);
  return new Map([...grouped].map(([list, of]) => [list, of.sort(compare).map((card) => card.id)]));
}

/** The lists on the board, from left to right. */
export function openLists(board: Board): readonly List[] {
  return board.lists.filter((list) => !list.archived);
}

/** The ids of a list's cards, from top to bottom. */
export function column(board: Board, list: string): readonly string[] {
  return board.columns.get(list) ?? [];
}

export function listOf(board: Board, id: string): List | undefined {
  return board.lists.find((list) => list.id === id);
}

/** A card wherever it is: on the board, archived, or in the trash. */
export function anyCard(board: Board, id: string): Card | undefined {
  return board.cards.get(id) ?? board.away.get(id)?.card;
}

/** How many cards a list has: those that are here, or more while the rest is on its way. */
export function countOf(board: Board, list: List): number {
  const here = column(board, list.id).length;
  return board.complete ? here : Math.max(here, list.count);
}

export function member(board: Board, user: string): Member | undefined {
  return board.members.find((one) => one.user === user);
}

/** The labels of a card that still exist, in the board's order. */
export function labelsOf(board: Board, card: Card): readonly Label[] {
  if (card.labels.length === 0) return [];
  return board.labels.filter((label) => card.labels.includes(label.id));
}

/** May this user change cards? */
export function canEdit(board: Board): boolean {
  return !board.archived && (board.role === 'owner' || board.role === 'editor');
}
