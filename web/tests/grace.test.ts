import type { State } from '@veche/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Grace } from '../src/lib/live/grace';

let shown: State[];
let grace: Grace;

beforeEach(() => {
  vi.useFakeTimers();
  shown = [];
  grace = new Grace((state) => shown.push(state));
});
afterEach(() => vi.useRealTimers());

test('an interruption that ends within 800 ms is not shown', () => {
  grace.take('online');
  grace.take('reconnecting');
  vi.advanceTimersByTime(799);
  grace.take('online');
  vi.advanceTimersByTime(10_000);
  expect(shown).toEqual(['online', 'online']);
});

test('a longer one is shown as it then is, and what follows at once', () => {
  grace.take('connecting');
  vi.advanceTimersByTime(500);
  grace.take('reconnecting');
  vi.advanceTimersByTime(299);
  expect(shown).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(shown).toEqual(['reconnecting']);
  grace.take('catching-up');
  expect(shown).toEqual(['reconnecting', 'catching-up']);
});

test.each<State>(['auth-expired', 'update-required', 'closed'])('%s does not wait', (state) => {
  grace.take('online');
  grace.take(state);
  expect(shown.at(-1)).toBe(state);
});

test('the next interruption after a good time has its grace again', () => {
  grace.take('offline');
  vi.advanceTimersByTime(800);
  grace.take('online');
  grace.take('offline');
  expect(shown).toEqual(['offline', 'online']);
  vi.advanceTimersByTime(800);
  expect(shown).toEqual(['offline', 'online', 'offline']);
});
