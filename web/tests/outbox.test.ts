import type { Client, OutboxEntry } from '@veche/client';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { describeEntries, entryCopy, entryText, followOutbox, waiting } from '../src/lib/live/outbox.svelte';

type EntryState = OutboxEntry['state'];
const entry = (opId: string, state: EntryState = 'pending', data: unknown = { title: 'Tea' }): OutboxEntry => ({
  key: opId,
  opId,
  event: 'card.change',
  channel: 'board:b',
  data,
  bytes: 1,
  createdMs: 1,
  user: 'anya',
  state,
  failures: 0,
});

/** A client of which the test says how it stands. */
class Stand {
  status = { state: 'online' };
  outbox = { entries: [] as readonly OutboxEntry[], onChange: (listener: () => void) => this.#add(listener) };
  readonly #listeners = new Set<() => void>();
  onStatus = (listener: () => void) => this.#add(listener);

  set(state: string, entries: OutboxEntry[]) {
    this.status = { state };
    this.outbox.entries = entries;
    for (const listener of this.#listeners) listener();
  }

  #add(listener: () => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

let stand: Stand;
let leave: ((event: { preventDefault(): void }) => void) | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('window', { addEventListener: (_: string, listener: typeof leave) => (leave = listener) });
  stand = new Stand();
  followOutbox(stand as unknown as Client);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('what was written without a connection is counted, sent, and said to be saved for two seconds', () => {
  stand.set('offline', [entry('1'), entry('2'), entry('3')]);
  expect([waiting.unsent, waiting.most, waiting.isSaved]).toEqual([3, 3, false]);
  stand.set('online', [entry('2', 'sending'), entry('3')]);
  expect([waiting.unsent, waiting.most, waiting.isSaved]).toEqual([2, 3, false]);
  stand.set('online', []);
  expect([waiting.unsent, waiting.isSaved]).toEqual([0, true]);
  vi.advanceTimersByTime(1_999);
  expect(waiting.isSaved).toBe(true);
  vi.advanceTimersByTime(1);
  expect(waiting.isSaved).toBe(false);
});

test('what is saved at once is not worth a word', () => {
  stand.set('online', [entry('1', 'sending')]);
  stand.set('online', []);
  expect(waiting.isSaved).toBe(false);
});

test('what was refused is counted apart, and not all is saved', () => {
  stand.set('offline', [entry('1'), entry('2')]);
  stand.set('online', [entry('2', 'rejected')]);
  expect([waiting.unsent, waiting.rejected, waiting.isSaved]).toEqual([0, 1, false]);
});

test('leaving is asked about only while something waits', () => {
  const event = { preventDefault: vi.fn() };
  stand.set('offline', [entry('1', 'rejected')]);
  leave?.(event);
  expect(event.preventDefault).not.toHaveBeenCalled();
  stand.set('offline', [entry('1')]);
  leave?.(event);
  expect(event.preventDefault).toHaveBeenCalledOnce();
});

test('a part says what an entry does, until it is gone', () => {
  const stop = describeEntries(({ event }) => (event === 'card.change' ? 'Change “Tea”' : null));
  expect(entryText(entry('1'))).toBe('Change “Tea”');
  stop();
  expect(entryText(entry('1'))).toBe('card.change');
});

test.each<[unknown, string]>([
  ['plain text', 'plain text'],
  [{ title: 'Tea' }, '{\n  "title": "Tea"\n}'],
])('%j is copied as %j', (data, text) => {
  expect(entryCopy(entry('1', 'rejected', data))).toBe(text);
});
