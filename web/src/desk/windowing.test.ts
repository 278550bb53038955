import { describe, expect, test } from 'vitest';
import { random } from './model/testing/random';
import { FIRST, Heights, SHORT, firstRows, rowsAround, topOf } from './windowing';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `card-${index}`);

test('a short list is rendered whole, a long one in part', () => {
  const heights = new Heights();
  expect(firstRows(ids(SHORT), SHORT, heights)).toEqual({ from: 0, to: SHORT, top: 0, bottom: 0 });
  expect(rowsAround(ids(SHORT), heights, { top: 0, height: 10 })).toEqual({ from: 0, to: SHORT, top: 0, bottom: 0 });
  expect(firstRows(ids(5000), 5000, heights).to).toBe(FIRST);
  expect(rowsAround(ids(5000), heights, { top: 0, height: 800 }).to).toBeLessThan(40);
});

test('a part of a list whose rest is on its way has room for it', () => {
  const rows = firstRows(ids(FIRST), 400, new Heights());
  expect(rows).toMatchObject({ from: 0, to: FIRST });
  expect(rows.bottom).toBeGreaterThan(20_000);
});

describe('whatever the heights and the place', () => {
  test.each([1, 2, 3, 4, 5])('what is seen is rendered, seed %i', (seed) => {
    const dice = random(seed);
    const all = ids(SHORT + 1 + dice.below(600));
    const heights = new Heights();
    for (const id of all) if (dice.chance(0.6)) heights.note(id, 40 + dice.below(200));
    const whole = topOf(all, heights, all.length);
    for (let turn = 0; turn < 200; turn += 1) {
      const seen = { top: dice.below(whole + 500), height: 300 + dice.below(900) };
      const rows = rowsAround(all, heights, seen);
      const begin = topOf(all, heights, rows.from);
      const end = topOf(all, heights, rows.to);
      expect(rows.top).toBe(begin);
      expect(rows.top + (end - begin) + rows.bottom).toBeCloseTo(whole);
      expect(begin).toBeLessThanOrEqual(Math.min(seen.top, whole));
      expect(end).toBeGreaterThanOrEqual(Math.min(seen.top + seen.height, whole) - 0.001);
      expect(rows.to - rows.from).toBeLessThan(80);
    }
  });
});
