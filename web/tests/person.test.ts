import { expect, test } from 'vitest';
import { hueOf, initialsOf } from '../src/lib/ui/person';

test('a person has one hue for ever, and people have all of them', () => {
  // Written down: a change of the hash would repaint everybody.
  expect(['anya', 'pasha', 'admin'].map(hueOf)).toEqual([40, 275, 90]);
  const hues = new Map<number, number>();
  for (let at = 0; at < 1_200; at++) hues.set(hueOf(`user-${at}`), (hues.get(hueOf(`user-${at}`)) ?? 0) + 1);
  expect(hues.size).toBe(12);
  expect(Math.min(...hues.values())).toBeGreaterThan(50);
});

test.each([
  ['Аня', 'А'],
  ['аня белова', 'АБ'],
  ['  Ann   Mary Lee ', 'AL'],
  ['🦊 fox', '🦊F'],
  ['', '?'],
])('the initials of "%s" are %s', (name, initials) => {
  expect(initialsOf(name)).toBe(initials);
});
