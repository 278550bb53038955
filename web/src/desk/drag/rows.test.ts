import { expect, test } from 'vitest';
import type { By, Drag, Spot } from './machine';
import { GAP, listsInOrder, rowsOf } from './rows';

const lifted = (by: By, over: Spot, kind: 'card' | 'list' = 'card'): Drag => ({
  phase: 'lifted', item: { kind, id: 'b' }, by, from: { list: 'one', index: 1 }, over, after: null,
});

const cases: [string, string, string[], Drag, string[]][] = [
  ['nothing is dragged', 'one', ['a', 'b'], { phase: 'idle' }, ['a', 'b']],
  ['by keyboard, within', 'one', ['a', 'b', 'c'], lifted('keyboard', { list: 'one', index: 2 }), ['a', 'c', 'b']],
  ['by keyboard, away', 'one', ['a', 'b', 'c'], lifted('keyboard', { list: 'two', index: 0 }), ['a', 'c']],
  ['by keyboard, to here', 'two', ['d'], lifted('keyboard', { list: 'two', index: 1 }), ['d', 'b']],
  ['by pointer, unmoved', 'one', ['a', 'b', 'c'], lifted('mouse', { list: 'one', index: 1 }), ['a', GAP, 'b', 'c']],
  ['by pointer, down', 'one', ['a', 'b', 'c'], lifted('touch', { list: 'one', index: 2 }), ['a', 'b', 'c', GAP]],
  ['by pointer, up', 'one', ['a', 'b', 'c'], lifted('mouse', { list: 'one', index: 0 }), [GAP, 'a', 'b', 'c']],
  ['by pointer, away', 'one', ['a', 'b', 'c'], lifted('mouse', { list: 'two', index: 0 }), ['a', 'b', 'c']],
  ['by pointer, to here', 'two', ['d'], lifted('mouse', { list: 'two', index: 0 }), [GAP, 'd']],
];
test.each(cases)('%s', (_, list, cards, drag, rows) => expect(rowsOf(list, cards, drag)).toEqual(rows));

test('a dragged list stands at its spot', () => {
  expect(listsInOrder(['a', 'b', 'c'], lifted('mouse', { list: '', index: 0 }, 'list'))).toEqual(['b', 'a', 'c']);
  expect(listsInOrder(['a', 'b'], lifted('mouse', { list: 'a', index: 0 }))).toEqual(['a', 'b']);
});
