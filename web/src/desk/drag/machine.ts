// One machine for dragging by pointer, by touch and by keyboard: what is pressed, lifted, and over which spot. Pure:
// time and geometry come in as arguments, and what is to be done comes out as effects.
//
// A spot is an index among the other things of a list, without the lifted one. A lifted thing survives what others do
// to the board meanwhile: the spot follows the neighbour that it was put after.

/** What can be dragged. */
export interface Item {
  readonly kind: 'card' | 'list';
  readonly id: string;
}

/** Where a thing would go. `list` is '' for a list, whose place is among the lists. */
export interface Spot {
  readonly list: string;
  readonly index: number;
}

/** What is on the board: the lists from left to right, and their cards. */
export interface Layout {
  readonly lists: readonly string[];
  cards(list: string): readonly string[];
}

export type By = 'mouse' | 'touch' | 'keyboard';

export type Drag =
  | { readonly phase: 'idle' }
  | { readonly phase: 'pressed'; readonly item: Item; readonly by: By; readonly x: number; readonly y: number; readonly since: number }
  | Lifted;

export interface Lifted {
  readonly phase: 'lifted';
  readonly item: Item;
  readonly by: By;
  readonly from: Spot;
  readonly over: Spot;
  /** The thing directly before the spot; null at the start. */
  readonly after: string | null;
}

export type Input =
  | { readonly type: 'press'; readonly item: Item; readonly by: 'mouse' | 'touch'; readonly x: number; readonly y: number; readonly now: number }
  | { readonly type: 'move'; readonly x: number; readonly y: number; readonly now: number }
  | { readonly type: 'wait'; readonly now: number }
  | { readonly type: 'over'; readonly spot: Spot }
  | { readonly type: 'lift'; readonly item: Item }
  | { readonly type: 'step'; readonly to: Direction }
  | { readonly type: 'release' }
  | { readonly type: 'cancel' }
  | { readonly type: 'changed' };

export type Direction = 'up' | 'down' | 'left' | 'right' | 'first' | 'last';

export type Effect =
  | { readonly type: 'lifted' | 'moved' | 'shifted' | 'restored'; readonly item: Item; readonly spot: Spot }
  | { readonly type: 'dropped'; readonly item: Item; readonly from: Spot; readonly spot: Spot }
  /** The lifted thing is no longer on the board. */
  | { readonly type: 'lost'; readonly item: Item };

export interface Step {
  readonly drag: Drag;
  readonly effects: readonly Effect[];
}

/** A finger that rests this long lifts. */
export const HOLD_MS = 250;
/** A finger that goes farther before that scrolls. */
const TOUCH_SLOP_PX = 8;
/** A mouse that goes farther drags; less is a click. */
const MOUSE_SLOP_PX = 5;

export const IDLE: Drag = { phase: 'idle' };

/** The machine's next state, and what is to be done. */
export function step(drag: Drag, input: Input, layout: Layout): Step {
  if (drag.phase === 'lifted') return lifted(drag, input, layout);
  if (input.type === 'press') return none({ ...input, phase: 'pressed', since: input.now });
  if (input.type === 'lift') return lift(input.item, 'keyboard', layout);
  if (drag.phase === 'pressed') return pressed(drag, input, layout);
  return none(drag);
}

type Pressed = Extract<Drag, { phase: 'pressed' }>;

function pressed(drag: Pressed, input: Input, layout: Layout): Step {
  if (input.type === 'release' || input.type === 'cancel') return none(IDLE);
  if (input.type === 'wait') return isHeld(drag, input.now) ? lift(drag.item, drag.by, layout) : none(drag);
  if (input.type !== 'move') return none(drag);
  const went = Math.hypot(input.x - drag.x, input.y - drag.y);
  if (drag.by === 'mouse') return went > MOUSE_SLOP_PX ? lift(drag.item, 'mouse', layout) : none(drag);
  if (isHeld(drag, input.now)) return lift(drag.item, 'touch', layout);
  return none(went > TOUCH_SLOP_PX ? IDLE : drag);
}

function isHeld(drag: Pressed, now: number): boolean {
  return drag.by === 'touch' && now - drag.since >= HOLD_MS;
}

function lift(item: Item, by: By, layout: Layout): Step {
  const from = spotOf(item, layout);
  if (!from) return none(IDLE);
  const drag: Lifted = { phase: 'lifted', item, by, from, over: from, after: neighbour(item, from, layout) };
  return { drag, effects: [{ type: 'lifted', item, spot: from }] };
}

function lifted(drag: Lifted, input: Input, layout: Layout): Step {
  switch (input.type) {
    case 'over':
      return put(drag, input.spot, layout, 'moved');
    case 'step':
      return put(drag, target(drag, input.to, layout), layout, 'moved');
    case 'release':
      return { drag: IDLE, effects: [{ type: 'dropped', item: drag.item, from: drag.from, spot: drag.over }] };
    case 'cancel':
      return { drag: IDLE, effects: [{ type: 'restored', item: drag.item, spot: drag.from }] };
    case 'changed':
      return changed(drag, layout);
    default:
      return none(drag);
  }
}

/** Others changed the board: the spot stays after its neighbour, or where it is; the thing itself may be gone. */
function changed(drag: Lifted, layout: Layout): Step {
  const from = spotOf(drag.item, layout);
  if (!from) return { drag: IDLE, effects: [{ type: 'lost', item: drag.item }] };
  const others = othersOf(drag.item, drag.over.list, layout);
  if (!others) return put({ ...drag, from }, from, layout, 'shifted');
  const behind = drag.after === null ? -1 : others.indexOf(drag.after);
  const index = drag.after === null ? 0 : behind >= 0 ? behind + 1 : drag.over.index;
  return put({ ...drag, from }, { list: drag.over.list, index }, layout, 'shifted');
}

function put(drag: Lifted, spot: Spot, layout: Layout, type: 'moved' | 'shifted'): Step {
  const others = othersOf(drag.item, spot.list, layout);
  if (!others) return none(drag);
  const over = { list: spot.list, index: Math.max(0, Math.min(spot.index, others.length)) };
  const next = { ...drag, over, after: others[over.index - 1] ?? null };
  const isSame = over.list === drag.over.list && over.index === drag.over.index;
  return { drag: next, effects: isSame ? [] : [{ type, item: drag.item, spot: over }] };
}

/** Where an arrow leads: a card up, down and to the next list at the same height; a list to the left and right. */
function target(drag: Lifted, to: Direction, layout: Layout): Spot {
  const { list, index } = drag.over;
  const back = to === 'up' || (drag.item.kind === 'list' && to === 'left');
  const on = to === 'down' || (drag.item.kind === 'list' && to === 'right');
  if (back) return { list, index: index - 1 };
  if (on) return { list, index: index + 1 };
  if (to === 'first') return { list, index: 0 };
  if (to === 'last') return { list, index: Infinity };
  const next = layout.lists[layout.lists.indexOf(list) + (to === 'left' ? -1 : 1)];
  return next === undefined ? drag.over : { list: next, index };
}

/** The other things of a list; undefined where there is no such list. */
function othersOf(item: Item, list: string, layout: Layout): readonly string[] | undefined {
  if (item.kind === 'list') return list === '' ? layout.lists.filter((id) => id !== item.id) : undefined;
  if (!layout.lists.includes(list)) return undefined;
  return layout.cards(list).filter((id) => id !== item.id);
}

/** Where a thing is now. */
function spotOf(item: Item, layout: Layout): Spot | undefined {
  if (item.kind === 'list') {
    const index = layout.lists.indexOf(item.id);
    return index < 0 ? undefined : { list: '', index };
  }
  for (const list of layout.lists) {
    const index = layout.cards(list).indexOf(item.id);
    if (index >= 0) return { list, index };
  }
  return undefined;
}

function neighbour(item: Item, spot: Spot, layout: Layout): string | null {
  return othersOf(item, spot.list, layout)?.[spot.index - 1] ?? null;
}

function none(drag: Drag): Step {
  return { drag, effects: [] };
}
