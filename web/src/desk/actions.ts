// What a user does to a board, as operations: with the neighbours and the versions that they saw, and with what is said
// when the server has answered.

import { VecheError } from '@veche/client';
import { errorText } from '../lib/i18n/errors';
import { announce, toasts } from '../lib/ui';
import { m } from '../paraglide/messages.js';
import type { Desk } from './desk.svelte';
import { heir } from './grid';
import { newId } from './ids';
import { anyCard, column, listOf, member } from './model/board';
import { placeAt, predict } from './model/predict';
import type { Applied, BoardOp, Card, CardSeen, CardVersions, Overwritten } from './model/wire';

/** The largest description, in bytes of UTF-8. */
export const DESCRIPTION_BYTES = 32 * 1024;
/** The largest title, in bytes of UTF-8, without space around it. */
export const TITLE_BYTES = 512;

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Performs an operation; true when the server has it. What it refuses stays in the outbox with its text. */
export async function perform(desk: Desk, op: BoardOp): Promise<Applied | null> {
  if (!desk.link) return null;
  const answer = desk.link.perform(op);
  desk.show(predict(desk.board, op));
  try {
    const applied = await answer;
    for (const one of applied.overwrote ?? []) tellOverwritten(desk, op, one);
    return applied;
  } catch (error) {
    const code = error instanceof VecheError ? error.code : 'internal';
    if (!['discarded', 'superseded', 'closed'].includes(code)) announce(m.desk_not_saved({ why: errorText(code) }), 'urgent');
    return null;
  }
}

export function createCard(desk: Desk, list: string, title: string): string {
  const card = newId();
  const after = column(desk.board, list).at(-1);
  void perform(desk, { event: 'card.create', data: { card, list, title, ...(after !== undefined && { after }) } });
  return card;
}

export function createList(desk: Desk, title: string): void {
  const after = desk.lists.at(-1)?.id;
  void perform(desk, { event: 'list.create', data: { list: newId(), title, ...(after !== undefined && { after }) } });
}

/** The fields of a card that are set as a whole. */
export interface Fields {
  title?: string;
  description?: string;
  due?: string | null;
  archived?: boolean;
}

/** Changes fields. `seen` is what the user saw when they began; without it, what the board shows now. */
export function changeCard(desk: Desk, card: string, fields: Fields, seen?: CardSeen): Promise<Applied | null> {
  const versions = seen ?? seenOf(anyCard(desk.board, card), fields);
  return perform(desk, { event: 'card.change', data: { card, ...fields, seen: versions } });
}

function seenOf(card: Card | undefined, fields: object): CardSeen {
  const names = Object.keys(fields).filter((name): name is keyof CardVersions => card !== undefined && name in card.at);
  return Object.fromEntries(names.map((name) => [name, card?.at[name] ?? 0]));
}

/** Puts a card at an index of a list, among the others there. */
export function moveCard(desk: Desk, id: string, list: string, index: number): void {
  const card = desk.board.cards.get(id);
  if (!card) return;
  const others = column(desk.board, list).filter((one) => one !== id);
  const isSame = card.list === list && column(desk.board, list).indexOf(id) === Math.min(index, others.length);
  if (isSame) return;
  desk.ownMoves.set(id, Date.now());
  const data = { card: id, to_list: list, ...placeAt(others, index), seen: { place: card.at.place } };
  void perform(desk, { event: 'card.move', data });
}

/** Puts a list at an index among the other lists. */
export function moveList(desk: Desk, id: string, index: number): void {
  const shown = desk.lists.map((list) => list.id);
  const others = shown.filter((one) => one !== id);
  if (shown.indexOf(id) === Math.min(index, others.length)) return;
  void perform(desk, { event: 'list.move', data: { list: id, ...placeAt(others, index) } });
}

export function renameList(desk: Desk, id: string, title: string): void {
  const list = listOf(desk.board, id);
  if (!list || list.title === title) return;
  void perform(desk, { event: 'list.change', data: { list: id, title, seen: { title: list.at.title } } });
}

/** Puts a list and its cards away, with [Undo]. */
export function archiveList(desk: Desk, id: string): void {
  const title = listOf(desk.board, id)?.title ?? '';
  void perform(desk, { event: 'list.change', data: { list: id, archived: true } });
  const run = () => void perform(desk, { event: 'list.change', data: { list: id, archived: false } });
  toasts.show({ key: `away ${id}`, tone: 'info', text: m.desk_list_archived({ title }), action: { label: m.desk_undo(), run } });
}

export function archiveCard(desk: Desk, id: string): void {
  leave(desk, id, (title) => m.desk_card_archived({ title }), () => void changeCard(desk, id, { archived: false }, {}));
  void changeCard(desk, id, { archived: true });
}

/** Puts a card into the trash, with [Undo]. */
export function deleteCard(desk: Desk, id: string): void {
  leave(desk, id, (title) => m.desk_card_deleted({ title }), () => restoreCard(desk, id));
  void perform(desk, { event: 'card.delete', data: { card: id } });
}

export function restoreCard(desk: Desk, card: string): void {
  void perform(desk, { event: 'card.restore', data: { card } });
}

/** A card goes: the focus passes to its neighbour, and a toast takes it back. */
function leave(desk: Desk, id: string, text: (title: string) => string, run: () => void): void {
  const next = heir(desk.layout, id);
  const isFocused = desk.focused === id;
  toasts.show({
    key: `away ${id}`,
    tone: 'info',
    text: text(anyCard(desk.board, id)?.title ?? ''),
    action: { label: m.desk_undo(), run },
  });
  if (isFocused && next !== undefined) queueMicrotask(() => desk.focusCard(next));
}

export function toggleLabel(desk: Desk, card: string, label: string): void {
  const has = anyCard(desk.board, card)?.labels.includes(label);
  void perform(desk, { event: 'card.label', data: { card, [has ? 'remove' : 'add']: [label] } });
}

/** Makes a label and puts it on a card. */
export function createLabel(desk: Desk, card: string, name: string, hue: number): void {
  const label = newId();
  void perform(desk, { event: 'label.set', data: { label, name, hue } });
  void perform(desk, { event: 'card.label', data: { card, add: [label] } });
}

export function toggleAssignee(desk: Desk, card: string, user: string): void {
  const has = anyCard(desk.board, card)?.assignees.includes(user);
  void perform(desk, { event: 'card.assign', data: { card, [has ? 'remove' : 'add']: [user] } });
}

/** Says to the writer whose value they have just replaced, and offers to put it back. */
function tellOverwritten(desk: Desk, op: BoardOp, one: Overwritten): void {
  if (op.event !== 'card.change' && op.event !== 'card.move') return;
  const card = op.data.card;
  const name = member(desk.board, one.by)?.name ?? one.by_name;
  const run = () => putBack(desk, card, one);
  toasts.show({
    key: `overwrote ${card} ${one.field}`,
    tone: 'info',
    text: overwrittenText(desk, name, one),
    action: { label: m.desk_restore_theirs(), run },
    stayMs: 10_000,
  });
}

function overwrittenText(desk: Desk, name: string, one: Overwritten): string {
  const seconds = Math.max(1, Math.round((Date.now() - one.at_ms) / 1000));
  const ago = seconds < 60 ? m.desk_seconds_ago({ count: seconds }) : desk.format.ago(one.at_ms);
  if (one.field === 'title') return m.desk_overwrote_title({ name, ago, value: String(one.old) });
  if (one.field === 'due') {
    const value = one.old === null ? m.desk_no_due() : desk.format.day(String(one.old));
    return m.desk_overwrote_due({ name, ago, value });
  }
  if (one.field === 'place') return m.desk_overwrote_place({ name, ago });
  return m.desk_overwrote_description({ name, ago });
}

function putBack(desk: Desk, card: string, { field, old }: Overwritten): void {
  if (field === 'place' && old !== null && typeof old === 'object') {
    const { list, after } = old;
    void perform(desk, { event: 'card.move', data: { card, to_list: list, ...(after === null ? firstOf(desk, list) : { after }) } });
  } else if (field !== 'place') {
    void changeCard(desk, card, { [field]: old });
  }
}

function firstOf(desk: Desk, list: string): { before?: string } {
  const before = column(desk.board, list)[0];
  return before === undefined ? {} : { before };
}
