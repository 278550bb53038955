import { describe, expect, test } from 'vitest';
import { random } from '../model/testing/random';
import { IDLE, step, type Drag, type Effect, type Input, type Item, type Layout } from './machine';

const CARD: Item = { kind: 'card', id: 'b' };

function layout(columns: Record<string, string[]>): Layout {
  return { lists: Object.keys(columns), cards: (list) => columns[list] ?? [] };
}

const BOARD = layout({ todo: ['a', 'b', 'c'], doing: ['d'], done: [] });

/** Runs inputs, and says what came of it. */
function run(inputs: Input[], on: Layout | Layout[] = BOARD) {
  let drag: Drag = IDLE;
  const effects: Effect[] = [];
  inputs.forEach((input, index) => {
    const next = step(drag, input, Array.isArray(on) ? (on[index] ?? BOARD) : on);
    drag = next.drag;
    effects.push(...next.effects);
  });
  return { drag, effects, types: effects.map((effect) => effect.type).join(' '), last: effects.at(-1) };
}

const press = (by: 'mouse' | 'touch'): Input => ({ type: 'press', item: CARD, by, x: 100, y: 100, now: 0 });
const move = (x: number, now: number): Input => ({ type: 'move', x, y: 100, now });

describe('what lifts', () => {
  const cases: [string, Input[], string][] = [
    ['a mouse that moves', [press('mouse'), move(107, 10)], 'lifted'],
    ['no mouse that trembles', [press('mouse'), move(104, 10), { type: 'release' }], ''],
    ['no mouse that rests', [press('mouse'), { type: 'wait', now: 9000 }], ''],
    ['a finger that rests', [press('touch'), { type: 'wait', now: 250 }], 'lifted'],
    ['a finger that rests, told by its next move', [press('touch'), move(101, 260)], 'lifted'],
    ['no finger that taps', [press('touch'), { type: 'wait', now: 249 }, { type: 'release' }, { type: 'wait', now: 900 }], ''],
    ['no finger that scrolls', [press('touch'), move(109, 100), { type: 'wait', now: 900 }], ''],
    ['a finger within the slop', [press('touch'), move(107, 100), { type: 'wait', now: 300 }], 'lifted'],
    ['the keyboard', [{ type: 'lift', item: CARD }], 'lifted'],
    ['nothing that is not there', [{ type: 'lift', item: { kind: 'card', id: 'x' } }], ''],
    ['no press that the browser takes over', [press('touch'), { type: 'cancel' }, { type: 'wait', now: 900 }], ''],
  ];
  test.each(cases)('%s', (_, inputs, types) => expect(run(inputs).types).toBe(types));
});

describe('arrows', () => {
  const steps = (...to: ('up' | 'down' | 'left' | 'right' | 'first' | 'last')[]): Input[] => [
    { type: 'lift', item: CARD },
    ...to.map((one): Input => ({ type: 'step', to: one })),
    { type: 'release' },
  ];
  const cases: [string, Input[], { list: string; index: number }][] = [
    ['up', steps('up'), { list: 'todo', index: 0 }],
    ['not above the first', steps('up', 'up', 'up'), { list: 'todo', index: 0 }],
    ['down', steps('down'), { list: 'todo', index: 2 }],
    ['not below the last', steps('down', 'down', 'down'), { list: 'todo', index: 2 }],
    ['right', steps('right'), { list: 'doing', index: 1 }],
    ['into an empty list', steps('right', 'right'), { list: 'done', index: 0 }],
    ['not beyond the last list', steps('right', 'right', 'right'), { list: 'done', index: 0 }],
    ['left and right again', steps('right', 'left'), { list: 'todo', index: 1 }],
    ['to the ends', steps('first', 'last'), { list: 'todo', index: 2 }],
  ];
  test.each(cases)('%s', (_, inputs, spot) => expect(run(inputs).last).toMatchObject({ type: 'dropped', spot }));

  test('Escape restores', () => {
    const inputs: Input[] = [...steps('right', 'down').slice(0, -1), { type: 'cancel' }];
    expect(run(inputs).last).toMatchObject({ type: 'restored', spot: { list: 'todo', index: 1 } });
  });

  test('a list goes to the left and right', () => {
    const inputs: Input[] = [{ type: 'lift', item: { kind: 'list', id: 'todo' } }, { type: 'step', to: 'right' }, { type: 'release' }];
    expect(run(inputs).last).toMatchObject({ type: 'dropped', from: { list: '', index: 0 }, spot: { list: '', index: 1 } });
  });
});

describe('others change the board meanwhile', () => {
  const after = (changed: Layout) =>
    run([{ type: 'lift', item: CARD }, { type: 'step', to: 'right' }, { type: 'changed' }], [BOARD, BOARD, changed]);

  test('the spot follows its neighbour', () => {
    const { last } = after(layout({ todo: ['a', 'b', 'c'], doing: ['x', 'y', 'd'], done: [] }));
    expect(last).toMatchObject({ type: 'shifted', spot: { list: 'doing', index: 3 } });
  });
  test('a neighbour that is gone leaves the spot where it is', () => {
    const { drag } = after(layout({ todo: ['a', 'b', 'c'], doing: ['x', 'y'], done: [] }));
    expect(drag).toMatchObject({ over: { list: 'doing', index: 1 }, after: 'x' });
  });
  test('a card that is gone is lost', () => {
    expect(after(layout({ todo: ['a', 'c'], doing: ['d'], done: [] }))).toMatchObject({ drag: IDLE, last: { type: 'lost' } });
  });
  test('a list that is gone gives the card back', () => {
    const { last } = after(layout({ todo: ['a', 'b', 'c'], done: [] }));
    expect(last).toMatchObject({ type: 'shifted', spot: { list: 'todo', index: 1 } });
  });
  test('a card that somebody moved stays lifted, and Escape leaves it there', () => {
    const moved = layout({ todo: ['a', 'c'], doing: ['d'], done: ['b'] });
    const { types, last } = run([{ type: 'lift', item: CARD }, { type: 'changed' }, { type: 'cancel' }], [BOARD, moved, moved]);
    expect(types).toBe('lifted restored');
    expect(last).toMatchObject({ spot: { list: 'done', index: 0 } });
  });
});

test.each(Array.from({ length: 40 }, (_, seed) => seed))('whatever happens, a lifted card has a spot on the board, seed %i', (seed) => {
  const dice = random(seed);
  let columns: Record<string, string[]> = { p: ['a', 'b', 'c'], q: ['d', 'e'], r: [] };
  let drag: Drag = IDLE;
  let open = 0;
  for (let turn = 0; turn < 400; turn += 1) {
    if (dice.chance(0.2)) columns = shuffled(columns, dice.below);
    const next = step(drag, input(dice.below, turn), layout(columns));
    for (const effect of next.effects) {
      if (effect.type === 'lifted') open += 1;
      if (['dropped', 'restored', 'lost'].includes(effect.type)) open -= 1;
    }
    drag = next.drag;
    expect(open).toBe(drag.phase === 'lifted' ? 1 : 0);
    if (drag.phase === 'lifted' && columns[drag.over.list]) {
      const others = (columns[drag.over.list] ?? []).length;
      expect(drag.over.index).toBeGreaterThanOrEqual(0);
      expect(drag.over.index).toBeLessThanOrEqual(Math.max(others, 5));
    }
    drag = step(drag, { type: 'changed' }, layout(columns)).drag;
    if (drag.phase !== 'lifted') open = 0;
    else expect(columns[drag.over.list]?.length).toBeGreaterThanOrEqual(drag.over.index);
  }
});

function shuffled(columns: Record<string, string[]>, below: (limit: number) => number): Record<string, string[]> {
  const all = Object.values(columns).flat();
  if (all.length > 2 && below(5) === 0) all.splice(below(all.length), 1);
  const names = below(6) === 0 ? ['p', 'q'] : ['p', 'q', 'r'];
  const next: Record<string, string[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (const card of all) next[names[below(names.length)] ?? 'p']?.push(card);
  return next;
}

function input(below: (limit: number) => number, now: number): Input {
  const item: Item = { kind: 'card', id: 'abcdex'.charAt(below(6)) };
  const all: Input[] = [
    { type: 'press', item, by: below(2) ? 'mouse' : 'touch', x: 0, y: 0, now },
    { type: 'move', x: below(20), y: 0, now },
    { type: 'wait', now: now + below(400) },
    { type: 'over', spot: { list: 'pqrz'.charAt(below(4)), index: below(9) - 2 } },
    { type: 'lift', item },
    { type: 'step', to: (['up', 'down', 'left', 'right', 'first', 'last'] as const)[below(6)] ?? 'up' },
    { type: 'release' },
    { type: 'cancel' },
    { type: 'changed' },
  ];
  return all[below(all.length)] ?? { type: 'cancel' };
}
