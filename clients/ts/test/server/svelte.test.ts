import { derived, type Readable } from 'svelte/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Publication } from '../../src/index.ts';
import { channel, outbox, Replica, replica, status } from '../../src/svelte.ts';
import { connected, newClient } from '../support/clients.ts';
import { Server } from '../support/server.ts';
import { Heap } from '../support/until.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** The values of a store, as a component that uses it sees them: the first one at once. */
function values<T>(store: Readable<T>): { seen: Heap<T>; stop(): void } {
  const seen = new Heap<T>();
  const stop = store.subscribe(seen.push);
  expect(seen.items).toHaveLength(1);
  return { seen, stop };
}

test('what comes by the socket goes into stores, and from there into what is derived of them', async () => {
  const writer = connected(server.url, { token: async () => server.token('bob') });
  const { position } = await writer.publish('log:words', 'first');
  const token = server.token('ann');
  const client = newClient(server.url, { user: 'ann', token: async () => token });
  const words = new Replica<readonly string[]>({
    client,
    channel: 'log:words',
    snapshot: { state: ['first'], position: position! },
    load: () => Promise.reject(new Error('there is no need to')),
    apply: (state, { data }) => [...state, data as string],
    predict: (state, { data }) => [...state, `${data as string}?`],
  });
  const shown = values(replica(words));
  const count = values(derived(replica(words), (state) => state.length));
  const states = values(derived(status(client), ({ state }) => state));
  const waiting = values(derived(outbox(client), ({ size }) => size));
  const latest = values(derived(channel(client, 'log:words', 2), (publications: readonly Publication[]) => publications.map((it) => it.data)));
  expect(shown.seen.items).toEqual([['first']]);

  // Written before there is a connection, and shown at once.
  void client.publish('log:words', 'mine', { queue: true });
  expect(shown.seen.items.at(-1)).toEqual(['first', 'mine?']);
  expect(waiting.seen.items).toEqual([0, 1]);
  client.connect();
  await shown.seen.until((items) => items.at(-1)?.join() === 'first,mine');
  await states.seen.until((items) => items.includes('online'));
  await writer.publish('log:words', 'theirs');
  await writer.publish('log:words', 'last');
  await shown.seen.until((items) => items.at(-1)?.length === 4);
  await waiting.seen.until((items) => items.at(-1) === 0);
  expect(shown.seen.items.at(-1)).toEqual(['first', 'mine', 'theirs', 'last']);
  expect(count.seen.items.at(-1)).toBe(4);
  await latest.seen.until((items) => items.at(-1)?.length === 2);
  expect(latest.seen.items.at(-1)).toEqual(['theirs', 'last']);

  for (const it of [shown, count, states, waiting, latest]) it.stop();
  const before = shown.seen.items.length;
  await writer.publish('log:words', 'unheard');
  words.close();
  expect(shown.seen.items).toHaveLength(before);
});
