import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Toasts } from '../src/lib/ui/toasts.svelte';

let toasts: Toasts;
const texts = () => toasts.shown.map(({ text }) => text);

beforeEach(() => {
  vi.useFakeTimers();
  toasts = new Toasts(() => Date.now());
});
afterEach(() => vi.useRealTimers());

test('one leaves after five seconds, with an action after eight, an error not at all', () => {
  toasts.show({ text: 'plain' });
  toasts.show({ text: 'action', action: { label: 'Undo', run: () => undefined } });
  toasts.show({ text: 'error', tone: 'error' });
  vi.advanceTimersByTime(4_999);
  expect(texts()).toEqual(['plain', 'action', 'error']);
  vi.advanceTimersByTime(1);
  expect(texts()).toEqual(['action', 'error']);
  vi.advanceTimersByTime(3_000);
  expect(texts()).toEqual(['error']);
  vi.advanceTimersByTime(3_600_000);
  expect(texts()).toEqual(['error']);
  toasts.dismiss('error');
  expect(texts()).toEqual([]);
});

test('three are shown, others wait for room with their whole time', () => {
  for (const text of ['a', 'b', 'c', 'd']) toasts.show({ text });
  expect(texts()).toEqual(['a', 'b', 'c']);
  vi.advanceTimersByTime(5_000);
  expect(texts()).toEqual(['d']);
  vi.advanceTimersByTime(4_999);
  expect(texts()).toEqual(['d']);
  vi.advanceTimersByTime(1);
  expect(texts()).toEqual([]);
});

test('a second one with the same key takes the place and the time of the first', () => {
  toasts.show({ key: 'moved', text: 'Moved once' });
  toasts.show({ text: 'other' });
  vi.advanceTimersByTime(3_000);
  toasts.show({ key: 'moved', text: 'Moved twice' });
  expect(texts()).toEqual(['Moved twice', 'other']);
  vi.advanceTimersByTime(2_000);
  expect(texts()).toEqual(['Moved twice']);
  vi.advanceTimersByTime(3_000);
  expect(texts()).toEqual([]);
});

test('one that waits is replaced by its key as well', () => {
  for (const text of ['a', 'b', 'c']) toasts.show({ text, tone: 'error' });
  toasts.show({ key: 'k', text: 'first' });
  toasts.show({ key: 'k', text: 'second' });
  toasts.dismiss('a');
  expect(texts()).toEqual(['b', 'c', 'second']);
  toasts.dismiss('b');
  expect(texts()).toEqual(['c', 'second']);
});

test('while the pointer rests on them none leaves, and the rest of the time is left', () => {
  toasts.show({ text: 'a' });
  vi.advanceTimersByTime(4_000);
  toasts.pause();
  toasts.pause();
  vi.advanceTimersByTime(60_000);
  expect(texts()).toEqual(['a']);
  toasts.resume();
  vi.advanceTimersByTime(999);
  expect(texts()).toEqual(['a']);
  vi.advanceTimersByTime(1);
  expect(texts()).toEqual([]);
});
