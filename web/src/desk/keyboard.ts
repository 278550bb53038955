// The keys of a board. On a card: arrows go, Space lifts, a letter does what the help says; while something is lifted the
// arrows carry it.

import { act } from './drag/act';
import type { Direction } from './drag/machine';
import { cardElement, type Desk } from './desk.svelte';
import { cardAt, isArrow } from './grid';

/** Where keys are text or belong to what floats. */
const TYPING = 'input, textarea, select, [contenteditable], dialog, [popover]';

const STEPS: Record<string, Direction> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  Home: 'first',
  End: 'last',
};

/** Handles a key of the page. */
export function onKey(desk: Desk, event: KeyboardEvent): void {
  const target = event.target instanceof Element ? event.target : null;
  if (!target || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (target.closest(TYPING)) return;
  const isHandled =
    desk.drag.phase === 'lifted' && desk.drag.by === 'keyboard' ? carry(desk, event.key) : start(desk, target, event.key);
  if (isHandled) event.preventDefault();
}

/** A key while something is lifted. */
function carry(desk: Desk, key: string): boolean {
  const { drag } = desk;
  if (drag.phase !== 'lifted') return false;
  const item = drag.item;
  const to = STEPS[key];
  if (to) act(desk, { type: 'step', to });
  else if (key === ' ' || key === 'Enter') act(desk, { type: 'release' });
  else if (key === 'Escape') act(desk, { type: 'cancel' });
  else if (key === 'Tab') act(desk, { type: 'cancel' });
  else return false;
  if (key === 'Tab') return false;
  if (item.kind === 'card') show(desk, item.id);
  else document.querySelector(`[data-list="${item.id}"]`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  return true;
}

/** The lifted card may be in another list than the board says: the focus goes to where it is shown. */
function show(desk: Desk, id: string): void {
  const element = document.getElementById(cardElement(id));
  if (!element) return desk.focusCard(id);
  element.focus({ preventScroll: true });
  element.closest('[data-card]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function start(desk: Desk, target: Element, key: string): boolean {
  const list = target.closest<HTMLElement>('[data-lift]')?.dataset.lift;
  if (list !== undefined && key === ' ') return lift(desk, 'list', list);
  const card = target.id.startsWith('card-') ? target.closest<HTMLElement>('[data-card]')?.dataset.card : undefined;
  if (card !== undefined) return onCard(desk, card, key);
  return key.toLowerCase() === 'n' || key.toLowerCase() === 'т' ? compose(desk, desk.focused) : false;
}

function onCard(desk: Desk, card: string, key: string): boolean {
  if (isArrow(key)) {
    const next = cardAt(desk.layout, card, key);
    if (next !== undefined) desk.focusCard(next);
    return true;
  }
  if (key === ' ') return lift(desk, 'card', card);
  const does = letters[key.toLowerCase()];
  return does !== undefined && desk.canEdit && does(desk, card);
}

type Letter = (desk: Desk, card: string) => boolean;

function compose(desk: Desk, card: string | null): boolean {
  if (!desk.canEdit) return false;
  const list = (card === null ? undefined : desk.board.cards.get(card)?.list) ?? desk.lists[0]?.id;
  if (list !== undefined) desk.composing = list;
  return true;
}

const title: Letter = (desk, card) => {
  desk.titling = card;
  return true;
};
const move: Letter = (desk, card) => {
  desk.moving = card;
  return true;
};
const popup = (kind: 'due' | 'labels' | 'assign'): Letter => {
  return (desk, card) => {
    const box = document.getElementById(cardElement(card))?.closest('[data-card]')?.getBoundingClientRect();
    if (box) desk.popup = { kind, card, box };
    return true;
  };
};

/** By the letter, and by the Russian one that the same key gives. */
const letters: Record<string, Letter> = {
  n: compose,
  т: compose,
  e: title,
  у: title,
  m: move,
  ь: move,
  d: popup('due'),
  в: popup('due'),
  l: popup('labels'),
  д: popup('labels'),
  a: popup('assign'),
  ф: popup('assign'),
};

function lift(desk: Desk, kind: 'card' | 'list', id: string): boolean {
  if (!desk.canEdit) return false;
  act(desk, { type: 'lift', item: { kind, id } });
  return true;
}
