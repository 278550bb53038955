import { describe, expect, test } from 'vitest';
import { dayOf, sayDay, toneOf } from './due';
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

describe('due days', () => {
  test.each([
    ['2026-11-28', 'overdue'],
    ['2026-11-29', 'today'],
    ['2026-12-01', 'soon'],
    ['2026-12-02', 'later'],
    ['2027-01-01', 'later'],
  ])('%s', (due, tone) => expect(toneOf(due, '2026-11-29')).toBe(tone));

  test('are seen from the reader\'s own day', () => {
    const lateInLondon = Date.UTC(2026, 10, 28, 23, 30);
    expect(dayOf(lateInLondon, 0)).toBe('2026-11-28');
    expect(dayOf(lateInLondon, 180)).toBe('2026-11-29');
    expect(dayOf(lateInLondon, -480)).toBe('2026-11-28');
  });

  test.each([
    ['2026-11-02', 'en', '2\u00a0Nov'],
    ['2026-05-09', 'ru', '9\u00a0мая'],
    ['2027-01-31', 'en', '31\u00a0Jan\u00a02027'],
  ] as const)('%s in %s', (due, locale, said) => expect(sayDay(due, '2026-11-29', locale)).toBe(said));
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
