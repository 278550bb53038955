// What an operation that waits does, in words: a line of the queue inspector.

import type { OutboxEntry } from '@veche/client';
import { m } from '../paraglide/messages.js';
import type { Desk } from './desk.svelte';
import { aboutOf } from './marks';
import { anyCard, listOf } from './model/board';
import type { OpName } from './model/wire';

/** A sentence for an entry of this board. */
export function entryWords(desk: Desk, entry: OutboxEntry): string {
  const data = entry.data as { title?: string; name?: string; to_list?: string; archived?: boolean };
  const about = aboutOf(entry) ?? '';
  const title = data.title ?? anyCard(desk.board, about)?.title ?? listOf(desk.board, about)?.title ?? data.name ?? '';
  const words = WORDS[entry.event as OpName] as ((of: Words) => string) | undefined;
  return words?.({ title, list: listOf(desk.board, data.to_list ?? '')?.title ?? '', archived: data.archived === true }) ?? entry.event;
}

interface Words {
  title: string;
  list: string;
  archived: boolean;
}

const WORDS: Record<OpName, (of: Words) => string> = {
  'board.create': m.desk_did_board,
  'board.change': () => m.desk_did_board_change(),
  'list.create': m.desk_did_list_create,
  'list.change': m.desk_did_list_change,
  'list.move': m.desk_did_list_move,
  'card.create': m.desk_did_card_create,
  'card.change': (of) => (of.archived ? m.desk_did_card_archive(of) : m.desk_did_card_change(of)),
  'card.move': m.desk_did_card_move,
  'card.label': m.desk_did_card_label,
  'card.assign': m.desk_did_card_assign,
  'card.delete': m.desk_did_card_delete,
  'card.restore': m.desk_did_card_restore,
  'label.set': m.desk_did_label,
  'label.remove': m.desk_did_label,
};
