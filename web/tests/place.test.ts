import { expect, test } from 'vitest';
import { position, type Placement } from '../src/lib/ui/place';

const screen = { width: 400, height: 300 };
const floating = { width: 120, height: 80 };
const at = (left: number, top: number, placement: Placement) =>
  position({ left, top, width: 40, height: 20 }, floating, screen, placement);

test.each<[string, number, number, Placement, number, number]>([
  ['below, at the beginning', 100, 50, 'bottom-start', 100, 76],
  ['below, at the end', 200, 50, 'bottom-end', 120, 76],
  ['below, in the middle', 200, 50, 'bottom', 160, 76],
  ['above where below is no room', 100, 260, 'bottom-start', 100, 174],
  ['above where it is wanted', 200, 150, 'top', 160, 64],
  ['below where above is no room', 200, 20, 'top', 160, 46],
  ['not over the right edge', 370, 50, 'bottom-start', 272, 76],
  ['not over the left edge', 0, 50, 'bottom-end', 8, 76],
])('it stands %s', (_, left, top, placement, x, y) => {
  expect(at(left, top, placement)).toEqual({ left: x, top: y });
});

test('what is higher than the screen begins at its top', () => {
  const { top } = position({ left: 0, top: 140, width: 40, height: 20 }, { width: 100, height: 600 }, screen, 'bottom-start');
  expect(top).toBe(8);
});
