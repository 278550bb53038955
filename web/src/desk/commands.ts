// What the palette and the help say of a board.

import type { Command, Shortcut } from '../lib/commands.svelte';
import { m } from '../paraglide/messages.js';
import type { Desk } from './desk.svelte';
import { anyCard } from './model/board';

/** The board's keys, which `keyboard.ts` handles. */
export function shortcutsOf(): Shortcut[] {
  return [
    { keys: '← ↑ ↓ →', label: m.desk_key_arrows() },
    { keys: 'Home End', label: m.desk_key_ends() },
    { keys: 'Enter', label: m.desk_key_open() },
    { keys: 'Space', label: m.desk_key_lift() },
    { keys: 'Esc', label: m.desk_key_escape() },
    { keys: 'M', label: m.desk_move_to() },
    { keys: 'N', label: m.desk_new_card() },
    { keys: 'E', label: m.desk_key_title() },
    { keys: 'D', label: m.desk_key_due() },
    { keys: 'L', label: m.desk_labels() },
    { keys: 'A', label: m.desk_assign() },
  ];
}

/** What the palette offers on this board, and for the card that had the focus last. */
export function commandsOf(desk: Desk, openArchive: () => void): Command[] {
  const section = m.desk_board();
  const archive = { id: 'desk.archive', title: m.desk_archived_cards(), section, run: openArchive };
  if (!desk.canEdit) return [archive];
  const list = desk.lists[0]?.id ?? null;
  const board: Command[] = [
    { id: 'desk.new-card', title: m.desk_new_card(), section, keys: 'N', run: () => (desk.composing = ofFocus(desk) ?? list) },
    { id: 'desk.new-list', title: m.desk_new_list(), section, run: () => document.getElementById('new-list')?.click() },
    archive,
  ];
  const card = desk.focused === null ? undefined : anyCard(desk.board, desk.focused);
  if (!card) return board;
  const about = { section: m.desk_card_named({ title: card.title }) };
  return [
    ...board,
    { id: 'desk.move', title: m.desk_move_to(), keys: 'M', ...about, run: () => (desk.moving = card.id) },
    { id: 'desk.title', title: m.desk_key_title(), keys: 'E', ...about, run: () => (desk.titling = card.id) },
  ];
}

function ofFocus(desk: Desk): string | undefined {
  return desk.focused === null ? undefined : desk.board.cards.get(desk.focused)?.list;
}
