import { describe, expect, test } from 'vitest';
import { toneOf } from './due';
import { cardAt, heir, tabStop, type Arrow } from './grid';
import { linkify } from './linkify';

const columns: Record<string, string[]> = { a: ['a1', 'a2', 'a3'], b: [], c: ['c1'], d: ['d1', 'd2'] };
const layout = { lists: Object.keys(columns), cards: (list: string) => columns[list] ?? [] };

describe('the focus goes', () => {
  const cases: [string, Arrow, string | undefined][] = [
    ['a1', 'ArrowDown', 'a2'],
    ['a1', 'ArrowUp', undefined],
    ['a3', 'ArrowDown', undefined],
    ['a3', 'ArrowRight', 'c1'],
    ['c1', 'ArrowLeft', 'a1'],
    ['d2', 'ArrowLeft', 'c1'],
    ['d2', 'ArrowRight', undefined],
    ['a2', 'Home', 'a1'],
    ['a2', 'End', 'a3'],
    ['gone', 'End', undefined],
  ];
  test.each(cases)('from %s by %s', (from, key, to) => expect(cardAt(layout, from, key)).toBe(to));

  test('to the last card, or the first', () => {
    expect(tabStop(layout, 'd2')).toBe('d2');
    expect(tabStop(layout, 'gone')).toBe('a1');
    expect(tabStop({ lists: ['b'], cards: () => [] }, null)).toBe(undefined);
  });

  test('on, when its card leaves', () => {
    expect(heir(layout, 'a2')).toBe('a3');
    expect(heir(layout, 'a3')).toBe('a2');
    expect(heir(layout, 'c1')).toBe(undefined);
  });
});

test.each([[-1, 'overdue'], [0, 'today'], [1, 'soon'], [2, 'soon'], [3, 'later']])('due in %i days: %s', (days, tone) => {
  expect(toneOf(days)).toBe(tone);
});

describe('addresses become links', () => {
  const cases: [string, (string | [string])[]][] = [
    ['see https://a.example/b?c=d, please', ['see ', ['https://a.example/b?c=d'], ', please']],
    ['(https://a.example/x_(y))', ['(', ['https://a.example/x_(y)'], ')']],
    ['http://', ['http://']],
    ['javascript:alert(1)', ['javascript:alert(1)']],
    ['<a href="https://a.example">', ['<a href="', ['https://a.example'], '">']],
    ['https://a.example/\u202eevil', [['https://a.example/'], '\u202eevil']],
    ['HTTPS://A.example', [['HTTPS://A.example']]],
    ['', []],
  ];
  test.each(cases)('%s', (text, expected) => {
    const pieces = linkify(text);
    expect(pieces.map((piece) => (piece.href === undefined ? piece.text : [piece.text]))).toEqual(expected);
    expect(pieces.map((piece) => piece.text).join('')).toBe(text);
    for (const { href } of pieces) if (href !== undefined) expect(href).toMatch(/^https?:\/\/./i);
  });
});
