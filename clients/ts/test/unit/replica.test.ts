// A list of words that the server keeps: what is confirmed, and what this user has added on top.

import { afterEach, expect, test, vi } from 'vitest';
import type { OutboxEntry, Position, Publication, SubscribeOptions } from '../../src/index.ts';
import { VecheError } from '../../src/index.ts';
import type { ReplyFrame } from '../../src/frames.ts';
import { Replica, type Snapshot } from '../../src/replica.ts';

type Words = readonly string[];

const at = (offset: number, epoch = 'e'): Position => ({ epoch, offset });

/** The parts of a client that a replica uses, in a test's hands. */
class Stage {
  entries: OutboxEntry[] = [];
  heard!: SubscribeOptions;
  resumed: Position[] = [];
  since: Position | null | undefined;
  isClosed = false;
  #changed = new Set<() => void>();
  #saved = new Set<(entry: OutboxEntry, reply: ReplyFrame) => void>();
  drained = Promise.resolve();
  loads: { done(snapshot: Snapshot<Words>): void; failed(error: unknown): void }[] = [];

  replica(words: Words = ['a'], position: Position | null = at(1)): Replica<Words> {
    return new Replica<Words>({
      client: this.#client(),
      channel: 'words',
      snapshot: { state: words, position },
      load: () => new Promise((done, failed) => this.loads.push({ done, failed })),
      apply: (state, { data }) => [...state, data as string],
      predict: (state, { data }) => [...state, `${data as string}?`],
      onLost: () => {},
    });
  }

  #client(): ConstructorParameters<typeof Replica<Words>>[0]['client'] {
    const outbox = {
      entries: () => this.entries,
      onChange: (listener: () => void) => (this.#changed.add(listener), () => void this.#changed.delete(listener)),
      onSaved: (listener: (entry: OutboxEntry, reply: ReplyFrame) => void) => (this.#saved.add(listener), () => void this.#saved.delete(listener)),
      drained: () => this.drained,
    };
    const stage = this;
    const client = {
      outbox: { ...outbox, get entries() { return stage.entries; } },
      subscribe: (channel: string, options: SubscribeOptions) => {
        this.heard = options;
        this.since = options.since;
        return { channel, position: null, setPresence: () => {}, resume: (position: Position) => this.resumed.push(position), close: () => (this.isClosed = true) };
      },
    };
    return client as unknown as ConstructorParameters<typeof Replica<Words>>[0]['client'];
  }

  write(word: string, opId = word): void {
    const entry = { key: opId, opId, event: 'add', channel: 'words', data: word, bytes: 1, createdMs: 0, user: 'ann', state: 'pending', failures: 0 } as const;
    this.change([...this.entries, entry]);
  }

  change(entries: OutboxEntry[]): void {
    this.entries = entries;
    this.#changed.forEach((listener) => listener());
  }

  saved(opId: string, data: unknown): void {
    const entry = this.entries.find((it) => it.opId === opId)!;
    this.#saved.forEach((listener) => listener(entry, { kind: 'reply', id: 1, data }));
    this.change(this.entries.filter((it) => it !== entry));
  }

  hears(word: string, position: Position, opId: string | null = null, user = 'ann'): void {
    const publication = { event: 'added', channel: 'words', data: word, position, from: { user, session: 's' }, opId, timeMs: 1, isOwn: user === 'ann' } satisfies Publication;
    this.heard.onPublication?.(publication);
  }
}

afterEach(() => vi.useRealTimers());

test('it goes on from the position of what the page shows, with no second load', () => {
  const stage = new Stage();
  const replica = stage.replica();
  stage.heard.onSubscribed?.({ recovery: 'replay', position: at(1) });
  stage.hears('b', at(2), null, 'bob');
  expect([stage.since, replica.visible, replica.position, stage.loads]).toEqual([at(1), ['a', 'b'], at(2), []]);
});

test('the same event twice is applied once', () => {
  const stage = new Stage();
  const replica = stage.replica();
  stage.hears('b', at(2));
  stage.hears('b', at(2));
  expect(replica.visible).toEqual(['a', 'b']);
});

test('an own change is shown at once, stays on top of others\' and never twice', () => {
  const stage = new Stage();
  const replica = stage.replica();
  stage.write('mine');
  expect(replica.visible).toEqual(['a', 'mine?']);
  stage.hears('b', at(2), null, 'bob');
  expect(replica.visible).toEqual(['a', 'b', 'mine?']);
  expect(replica.confirmed).toEqual(['a', 'b']);
  // The event before the reply.
  stage.hears('mine', at(3), 'mine');
  expect(replica.visible).toEqual(['a', 'b', 'mine']);
  stage.saved('mine', { position: at(3) });
  expect([replica.visible, replica.pending]).toEqual([['a', 'b', 'mine'], []]);
});

test('after the reply it stays shown until its event has come, and does not flicker', () => {
  const stage = new Stage();
  const replica = stage.replica();
  const shown: Words[] = [];
  replica.onChange(() => shown.push(replica.visible));
  stage.write('mine');
  stage.saved('mine', { position: at(3) });
  stage.hears('b', at(2), null, 'bob');
  stage.hears('mine', at(3), 'mine');
  expect(shown.every((words) => words.some((word) => word.startsWith('mine')))).toBe(true);
  expect(replica.visible).toEqual(['a', 'b', 'mine']);
});

test.each<[string, unknown]>([
  ['a reply without a position, as nothing has changed', {}],
  ['a reply whose position the state has already', { position: at(1) }],
])('it leaves with %s', (_, data) => {
  const stage = new Stage();
  const replica = stage.replica();
  stage.write('mine');
  stage.saved('mine', data);
  expect(replica.visible).toEqual(['a']);
});

test('what is rejected vanishes, and the rest stays on top', () => {
  const stage = new Stage();
  const replica = stage.replica();
  stage.write('one');
  stage.write('two');
  stage.change(stage.entries.map((it) => (it.opId === 'one' ? { ...it, state: 'rejected' } : it)));
  expect(replica.visible).toEqual(['a', 'two?']);
});

test('another user\'s op_id takes nothing of this one\'s away', () => {
  const stage = new Stage();
  const replica = stage.replica();
  stage.write('mine', 'op');
  stage.hears('theirs', at(2), 'op', 'bob');
  expect(replica.visible).toEqual(['a', 'theirs', 'mine?']);
});

test('a reset loads the state, after what was written was sent, and goes on from there', async () => {
  const stage = new Stage();
  let drained = () => {};
  stage.drained = new Promise((done) => (drained = done));
  const replica = stage.replica();
  stage.heard.onReset?.({ recovery: 'reset', position: at(9, 'f'), reason: 'epoch' });
  stage.hears('meanwhile', at(10, 'f'), null, 'bob');
  expect([replica.status, replica.visible, stage.loads]).toEqual(['stale', ['a'], []]);
  drained();
  await vi.waitFor(() => expect(stage.loads).toHaveLength(1));
  stage.loads[0]!.done({ state: ['a', 'meanwhile'], position: at(10, 'f') });
  await vi.waitFor(() => expect(replica.status).toBe('live'));
  expect(stage.resumed).toEqual([at(10, 'f')]);
  stage.hears('meanwhile', at(10, 'f'), null, 'bob');
  stage.hears('later', at(11, 'f'), null, 'bob');
  expect(replica.visible).toEqual(['a', 'meanwhile', 'later']);
});

test('of two resets the later load counts', async () => {
  const stage = new Stage();
  const replica = stage.replica();
  const reset = () => stage.heard.onReset?.({ recovery: 'reset', position: at(9, 'f'), reason: 'epoch' });
  reset();
  reset();
  await vi.waitFor(() => expect(stage.loads).toHaveLength(2));
  stage.loads[1]!.done({ state: ['new'], position: at(12, 'f') });
  await vi.waitFor(() => expect(replica.status).toBe('live'));
  stage.loads[0]!.done({ state: ['old'], position: at(10, 'f') });
  await Promise.resolve();
  expect([replica.visible, stage.resumed]).toEqual([['new'], [at(12, 'f')]]);
});

test('a load that fails is tried again, one that is refused is the end', async () => {
  vi.useFakeTimers();
  const stage = new Stage();
  const replica = stage.replica();
  stage.heard.onReset?.({ recovery: 'reset', position: at(9, 'f'), reason: 'trimmed' });
  await vi.advanceTimersByTimeAsync(0);
  stage.loads[0]!.failed(new TypeError('no network'));
  await vi.advanceTimersByTimeAsync(999);
  expect([replica.status, replica.error?.code, stage.loads.length]).toEqual(['stale', 'unavailable', 1]);
  await vi.advanceTimersByTimeAsync(1);
  expect(stage.loads).toHaveLength(2);
  stage.loads[1]!.failed(new VecheError({ code: 'forbidden', message: '', retryable: false }));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([replica.status, replica.error?.code, stage.loads.length, replica.visible]).toEqual(['lost', 'forbidden', 2, ['a']]);
});

test('without a position it loads once the subscription stands', async () => {
  const stage = new Stage();
  const replica = stage.replica([], null);
  stage.heard.onSubscribed?.({ recovery: 'fresh', position: at(4) });
  await vi.waitFor(() => expect(stage.loads).toHaveLength(1));
  stage.loads[0]!.done({ state: ['a', 'b'], position: at(5) });
  await vi.waitFor(() => expect(replica.visible).toEqual(['a', 'b']));
});

test('once closed it hears nothing and tells nobody', () => {
  const stage = new Stage();
  const replica = stage.replica();
  let changes = 0;
  replica.onChange(() => changes++);
  replica.close();
  stage.write('mine');
  expect([changes, stage.isClosed]).toEqual([0, true]);
});
