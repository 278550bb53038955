// The mouse and the finger: what they do to the board, told to the machine, and the card that hangs under them.

import type { Attachment } from 'svelte/attachments';
import { isPhone } from '../../lib/ui/motion';
import type { Desk } from '../desk.svelte';
import { act } from './act';
import { HOLD_MS, type Item } from './machine';
import { pull, spotUnder, type Point } from './under';

/** Pressing these does what they are for. */
const CONTROLS = 'button, input, textarea, select, dialog, [popover], [data-static]';

/** For the element that holds the lists: cards and lists can be dragged by pointer. */
export function drags(desk: Desk): Attachment<HTMLElement> {
  return (board) => {
    const hand = new Hand(desk, board);
    const stops = [
      on(board, 'pointerdown', (event) => hand.press(event)),
      on(board, 'dragstart', (event) => event.preventDefault()),
      on(board, 'contextmenu', (event) => hand.isBusy && event.preventDefault()),
      on(board, 'touchmove', (event) => hand.isHolding && event.preventDefault(), { passive: false }),
      on(window, 'click', (event) => hand.click(event), { capture: true }),
    ];
    $effect(() => {
      if (desk.drag.phase === 'idle') hand.letGo();
    });
    return () => {
      hand.letGo();
      for (const stop of stops) stop();
    };
  };
}

class Hand {
  readonly #desk: Desk;
  readonly #board: HTMLElement;
  #point: Point = { x: 0, y: 0 };
  #pointer: number | null = null;
  #source: HTMLElement | null = null;
  /** From the pointer to the corner of what hangs under it. */
  #grip: Point = { x: 0, y: 0 };
  #ghost: HTMLElement | null = null;
  #hold: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  #stops: (() => void)[] = [];
  /** The click that ends a drag is none. */
  #wasDragged = false;

  constructor(desk: Desk, board: HTMLElement) {
    this.#desk = desk;
    this.#board = board;
  }

  get isHolding(): boolean {
    return this.#ghost !== null;
  }

  get isBusy(): boolean {
    return this.#pointer !== null && this.#desk.drag.phase !== 'idle';
  }

  press(event: PointerEvent): void {
    this.#wasDragged = false;
    const target = event.target instanceof Element ? event.target : null;
    if (!target || event.button !== 0 || !event.isPrimary || !this.#desk.canEdit || target.closest(CONTROLS)) return;
    const item = itemOf(target);
    if (!item || this.#desk.drag.phase === 'lifted') return;
    this.#source = target.closest<HTMLElement>(item.kind === 'card' ? '[data-card]' : '[data-list]');
    this.#pointer = event.pointerId;
    this.#point = { x: event.clientX, y: event.clientY };
    const by = event.pointerType === 'mouse' ? 'mouse' : 'touch';
    this.#desk.input({ type: 'press', item, by, ...this.#point, now: event.timeStamp });
    if (by === 'touch') this.#hold = setTimeout(() => this.#tell({ type: 'wait', now: performance.now() + 1 }), HOLD_MS);
    this.#stops = [
      on(window, 'pointermove', (moved) => this.#move(moved)),
      on(window, 'pointerup', (lifted) => lifted.pointerId === this.#pointer && this.#release()),
      on(window, 'pointercancel', (gone) => gone.pointerId === this.#pointer && this.#tell({ type: 'cancel' })),
      on(window, 'keydown', (key) => this.#key(key), { capture: true }),
    ];
  }

  click(event: MouseEvent): void {
    if (!this.#wasDragged) return;
    this.#wasDragged = false;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Nothing is dragged any more. */
  letGo(): void {
    clearTimeout(this.#hold);
    cancelAnimationFrame(this.#frame);
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#ghost?.remove();
    this.#ghost = null;
    this.#pointer = null;
    this.#board.classList.remove('dragging');
  }

  #move(event: PointerEvent): void {
    if (event.pointerId !== this.#pointer) return;
    this.#point = { x: event.clientX, y: event.clientY };
    if (this.#desk.drag.phase === 'pressed') this.#tell({ type: 'move', ...this.#point, now: event.timeStamp });
  }

  #tell(input: { type: 'move'; x: number; y: number; now: number } | { type: 'wait'; now: number } | { type: 'cancel' }): void {
    const box = this.#source?.getBoundingClientRect();
    if (box && this.#desk.drag.phase === 'pressed') this.#desk.gapPx = box.height;
    act(this.#desk, input);
    if (this.#desk.drag.phase === 'lifted' && !this.#ghost && box) this.#hang(box);
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || this.#desk.drag.phase !== 'lifted') return;
    event.preventDefault();
    event.stopPropagation();
    this.#desk.settle(() => {
      act(this.#desk, { type: 'cancel' });
      this.#ghost?.remove();
    }, true);
  }

  #release(): void {
    this.#wasDragged = this.isHolding;
    this.#desk.settle(() => {
      act(this.#desk, { type: 'release' });
      this.#ghost?.remove();
    }, true);
  }

  /** Hangs a picture of what was lifted under the pointer. */
  #hang(box: DOMRect): void {
    const source = this.#source;
    if (!source) return;
    const ghost = source.cloneNode(true) as HTMLElement;
    ghost.dataset.ghost = '';
    ghost.inert = true;
    for (const named of ghost.querySelectorAll('[id]')) named.removeAttribute('id');
    Object.assign(ghost.style, { position: 'fixed', left: '0', top: '0', width: `${box.width}px`, height: `${box.height}px` });
    this.#grip = { x: box.left - this.#point.x, y: box.top - this.#point.y };
    this.#ghost = ghost;
    this.#board.parentElement?.append(ghost);
    this.#board.classList.add('dragging');
    if (this.#desk.drag.phase === 'lifted' && this.#desk.drag.by === 'touch') navigator.vibrate?.(10);
    this.#follow();
  }

  /** Each frame: the ghost is under the pointer, the page scrolls near its edges, and the spot is what is there. */
  #follow = (): void => {
    const { drag } = this.#desk;
    if (!this.#ghost || drag.phase !== 'lifted') return;
    const { x, y } = this.#point;
    this.#ghost.style.transform = `translate(${x + this.#grip.x}px, ${y + this.#grip.y}px)`;
    this.#scroll();
    const middle = drag.item.kind === 'card' ? y + this.#grip.y + this.#desk.gapPx / 2 : y;
    const spot = spotUnder(this.#board, drag.item, { x, y: middle });
    if (spot && (spot.list !== drag.over.list || spot.index !== drag.over.index)) act(this.#desk, { type: 'over', spot });
    this.#frame = requestAnimationFrame(this.#follow);
  };

  #scroll(): void {
    const { x, y } = this.#point;
    const edges = this.#board.getBoundingClientRect();
    const across = pull(x, edges.left, edges.right);
    // On a phone one list fills the screen: a slow turn of the page is enough.
    if (across !== 0) this.#board.scrollLeft += isPhone() ? across / 2 : across;
    if (this.#desk.drag.phase !== 'lifted' || this.#desk.drag.item.kind === 'list') return;
    const cards = this.#board.querySelector<HTMLElement>(`[data-cards="${this.#desk.drag.over.list}"]`);
    if (!cards) return;
    const box = cards.getBoundingClientRect();
    const along = pull(y, box.top, box.bottom);
    if (along !== 0) cards.scrollTop += along;
  }
}

function itemOf(target: Element): Item | null {
  const card = target.closest<HTMLElement>('[data-card]')?.dataset.card;
  if (card !== undefined) return { kind: 'card', id: card };
  const list = target.closest<HTMLElement>('[data-grip]')?.dataset.grip;
  return list === undefined ? null : { kind: 'list', id: list };
}

type Events = WindowEventMap & HTMLElementEventMap;

/** Listens until the returned function is called. */
function on<Name extends keyof Events>(
  target: EventTarget,
  name: Name,
  listener: (event: Events[Name]) => unknown,
  options?: AddEventListenerOptions,
): () => void {
  const listen = (event: Event) => void listener(event as Events[Name]);
  target.addEventListener(name, listen, options);
  return () => target.removeEventListener(name, listen, options);
}
