// What the board's page shows and what is going on in it: one object that its parts share by context. It knows neither
// the socket (`live.ts`) nor the rules of an operation (`actions.ts`).

import { getContext, setContext, flushSync } from 'svelte';
import type { OutboxEntry } from '@veche/client';
import type { Boot } from '../app/boot';
import { hueOf, initialsOf } from '../lib/ui/person';
import type { Format } from '../lib/i18n/use-format';
import type { Box } from './anchor';
import { IDLE, step, type Drag, type Effect, type Input, type Layout } from './drag/machine';
import { listsInOrder } from './drag/rows';
import { glide } from './glide';
import { marksOf, type Mark } from './marks';
import { wordsOfTiles } from './words';
import { boardOf, canEdit, column, openLists, type Board } from './model/board';
import type { Applied, BoardOp, CardRead, Snapshot } from './model/wire';

/** Somebody else on this board, and what they are at. */
export interface Here {
  readonly id: string;
  readonly name: string;
  readonly card?: string;
  readonly field?: string;
  readonly mode: 'view' | 'edit';
}

/** What floats beside a card. It stays where it was opened, whatever happens to the card. */
export interface Popup {
  readonly kind: 'menu' | 'due' | 'labels' | 'assign';
  readonly card: string;
  readonly box: Box;
}

/** A person's name, hue and letter. */
interface Look {
  readonly name: string;
  readonly hue: number;
  readonly initial: string;
}

/** What somebody else has just done to a card. */
export interface Trace {
  readonly user: string;
  readonly moved: boolean;
}

/** What the page asks of the server. */
export interface Link {
  /** Queues an operation, which survives a reload, and answers when the server has it. */
  perform(op: BoardOp): Promise<Applied>;
  read(card: string): Promise<CardRead>;
  retry(opId: string): void;
  discard(opId: string): void;
  /** Tells the others what this user is at. */
  present(meta: { card?: string; field?: string; mode: 'view' | 'edit' }): void;
}

export class Desk {
  readonly me: string;
  readonly format: Format;
  readonly words = wordsOfTiles();
  /** The server; null until the page runs in a browser. */
  link: Link | null = null;
  board = $state.raw() as Board;
  entries = $state.raw<readonly OutboxEntry[]>([]);
  /** The outbox takes no more: nothing can be changed until it has been sent. */
  isFull = $state(false);
  here = $state.raw<readonly Here[]>([]);
  traces = $state.raw<ReadonlyMap<string, Trace>>(new Map());
  drag = $state.raw<Drag>(IDLE);
  /** How tall the gap is that shows where a card would go. */
  gapPx = $state(0);
  popup = $state.raw<Popup | null>(null);
  /** The card that "Move to…" is about. */
  moving = $state.raw<string | null>(null);
  /** The card whose title is edited in its place. */
  titling = $state.raw<string | null>(null);
  /** The list whose menu is open, and where. */
  listMenu = $state.raw<{ readonly list: string; readonly box: Box } | null>(null);
  /** The list whose title is edited in its place. */
  renaming = $state.raw<string | null>(null);
  /** The list whose composer is open. */
  composing = $state.raw<string | null>(null);
  /** The card that the focus was on last. */
  focused = $state.raw<string | null>(null);
  /** The wall clock; on the server and until the page runs, the boot's. */
  now = $state(0);
  /** Are nodes being moved about? What loses the focus now has not been left. */
  isSettling = false;
  /** When this user moved which card last, to tell them if somebody else moves it on. */
  readonly ownMoves = new Map<string, number>();
  /** Lists that can bring a row of theirs onto the screen. */
  readonly revealers = new Map<string, (index: number) => void>();

  readonly #looks = new Map<string, Look>();

  constructor(snapshot: Snapshot, boot: Boot, format: Format) {
    this.me = boot.user?.id ?? '';
    this.format = format;
    this.board = boardOf(snapshot, this.me);
    this.now = boot.now;
  }

  readonly lists = $derived.by(() => openLists(this.board));
  /** The ids of the lists as they are shown. */
  readonly shownLists = $derived.by(() => listsInOrder(this.lists.map((list) => list.id), this.drag));
  readonly canEdit = $derived.by(() => canEdit(this.board) && !this.isFull);
  readonly marks: ReadonlyMap<string, Mark> = $derived.by(() => marksOf(this.entries, this.now));
  readonly rejected = $derived.by(() => this.entries.filter((entry) => entry.state === 'rejected'));
  readonly hereByCard = $derived.by(() => {
    const cards = new Map<string, Here[]>();
    for (const one of this.here) if (one.card) cards.set(one.card, [...(cards.get(one.card) ?? []), one]);
    return cards;
  });

  readonly #names = $derived.by(() => new Map(this.board.members.map(({ user, name }) => [user, name])));

  /** How a person looks on a card. */
  person(id: string): Look {
    const name = this.#names.get(id) ?? id;
    const known = this.#looks.get(id);
    if (known?.name === name) return known;
    const look = { name, hue: hueOf(id), initial: [...initialsOf(name)][0] ?? '?' };
    this.#looks.set(id, look);
    return look;
  }

  get layout(): Layout {
    return { lists: this.lists.map((list) => list.id), cards: (list) => column(this.board, list) };
  }

  /** Shows another state. Cards glide to their new places; the focus and the caret stay where they are. */
  show(board: Board): void {
    if (board === this.board) return;
    const isMove = board.columns !== this.board.columns || board.lists !== this.board.lists;
    this.settle(() => void (this.board = board), isMove);
  }

  /** Feeds the machine; says what is to be done. */
  input(input: Input): readonly Effect[] {
    const next = step(this.drag, input, this.layout);
    if (next.drag !== this.drag) {
      const isShown = next.drag.phase === 'lifted' || this.drag.phase === 'lifted';
      if (isShown) this.settle(() => void (this.drag = next.drag), true);
      else this.drag = next.drag;
    }
    return next.effects;
  }

  /** Changes something at once, and puts the focus back if its element was moved or made anew. */
  settle(change: () => void, isMove: boolean): void {
    if (this.isSettling) return change();
    const caret = rememberFocus();
    const end = isMove ? glide() : undefined;
    this.isSettling = true;
    try {
      change();
      flushSync();
      caret();
    } finally {
      this.isSettling = false;
    }
    end?.();
  }

  /** Puts the focus on a card, after bringing it onto the page if its list is long. */
  focusCard(id: string): void {
    this.focused = id;
    const list = this.board.cards.get(id)?.list;
    if (list === undefined) return;
    const isRendered = () => document.getElementById(cardElement(id));
    if (!isRendered()) this.revealers.get(list)?.(column(this.board, list).indexOf(id));
    const element = isRendered();
    element?.focus({ preventScroll: true });
    element?.closest('[data-card]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
}

/** The id of the element of a card that takes the focus. */
export function cardElement(id: string): string {
  return `card-${id}`;
}

/** Where the focus and the caret are; calling the answer puts them there again, if they are not. */
function rememberFocus(): () => void {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement) || element.id === '') return () => undefined;
  const isText = element instanceof HTMLTextAreaElement || element instanceof HTMLInputElement;
  const caret = isText ? [element.selectionStart, element.selectionEnd] : null;
  return () => {
    if (document.activeElement?.id === element.id) return;
    const again = document.getElementById(element.id);
    again?.focus({ preventScroll: true });
    const isAgain = again instanceof HTMLTextAreaElement || again instanceof HTMLInputElement;
    if (caret && isAgain) again.setSelectionRange(caret[0] ?? null, caret[1] ?? null);
  };
}

const KEY = 'veche.desk';

export function provideDesk(desk: Desk): void {
  setContext(KEY, desk);
}

/** The board that a component is part of; to be called while it is made. */
export function useDesk(): Desk {
  return getContext<Desk>(KEY);
}
