import 'fake-indexeddb/auto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { indexedDbOutbox, memoryOutbox, type Client, type OutboxStore, type Publication } from '../../src/index.ts';
import { Browser } from '../support/browser.ts';
import { connected, newClient } from '../support/clients.ts';
import { Server } from '../support/server.ts';
import { Heap, until, untilState } from '../support/until.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

const as = (user: string) => ({ user, token: async () => server.token(user) });
const outboxIs = (client: Client, isSo: () => boolean) => until(isSo, (changed) => client.outbox.onChange(changed));
const drained = (client: Client) => outboxIs(client, () => client.outbox.size === 0);

/** A reader of everything that a channel carries from now on. */
async function reader(channel: string): Promise<Heap<Publication>> {
  const client = connected(server.url, as('reader'));
  const seen = new Heap<Publication>();
  const standing = new Heap<unknown>();
  client.subscribe(channel, { onPublication: seen.push, onSubscribed: standing.push });
  await standing.atLeast(1);
  return seen;
}

/** A store whose writes can be waited for, as a test would wait before it closes the page. */
function counted(database: string): { store: OutboxStore; written: Heap<string> } {
  const store = indexedDbOutbox(database);
  const written = new Heap<string>();
  return { store: { ...store, put: (entry) => store.put(entry).then(() => written.push(entry.opId)) }, written };
}

test('500 messages written offline survive a reload and go out once and in order', async () => {
  const channel = 'log:offline';
  const { store, written } = counted('offline');
  const writer = connected(server.url, { ...as('ann'), outbox: store });
  await untilState(writer, 'online');
  const { position } = await writer.publish(channel, 'first');

  await server.kill();
  await untilState(writer, 'reconnecting');
  for (let n = 0; n < 500; n++) void writer.publish(channel, n, { queue: true });
  expect(writer.outbox.size).toBe(500);
  await written.atLeast(500);
  writer.close();

  await server.run();
  const reloaded = connected(server.url, { ...as('ann'), outbox: indexedDbOutbox('offline') });
  const seen = new Heap<Publication>();
  reloaded.subscribe(channel, { since: position!, onPublication: seen.push });
  await seen.atLeast(500);
  await drained(reloaded);
  expect(seen.items.map((it) => it.data)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  expect(await indexedDbOutbox('offline').load()).toEqual([]);
});

test('a server that is killed between taking and answering applies everything once', async () => {
  const channel = 'log:killed';
  const seen = await reader(channel);
  const writer = connected(server.url, as('ann'));
  await untilState(writer, 'online');
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 20; n++) void writer.publish(channel, round * 20 + n, { queue: true });
    // In the midst of them: some are answered, one is under way.
    await seen.atLeast(round * 20 + 7);
    await server.kill();
    await server.run();
  }
  await drained(writer);
  await seen.atLeast(100);
  expect(seen.items.map((it) => it.data)).toEqual(Array.from({ length: 100 }, (_, n) => n));
});

test('what the server allows a minute bounds the rate, and nothing is lost or out of order', async () => {
  const slow = await Server.start(['limits.messages_per_minute=1200']);
  const token = slow.token('ann');
  const writer = connected(slow.url, { user: 'ann', token: async () => token });
  const seen = new Heap<Publication>();
  const { position } = await writer.publish('log:slow', 'first');
  writer.subscribe('log:slow', { since: position!, onPublication: seen.push });
  for (let n = 0; n < 60; n++) void writer.publish('log:slow', n, { queue: true });
  await seen.atLeast(60);
  await drained(writer);
  expect(seen.items.map((it) => it.data)).toEqual(Array.from({ length: 60 }, (_, n) => n));
  expect(writer.status.state).toBe('online');
  await slow.stop();
});

test('what the server refuses keeps its text until it is discarded, over a reload too', async () => {
  const { store, written } = counted('refused');
  const client = connected(server.url, { ...as('ann'), outbox: store });
  await expect(client.call('friends.ask', { nobody: true, text: 'mine' }, { queue: true, opId: 'ask-1' })).rejects.toMatchObject({ code: 'bad_request' });
  expect(client.outbox.entries).toMatchObject([{ opId: 'ask-1', state: 'rejected', data: { text: 'mine' }, error: { code: 'bad_request' } }]);
  expect(client.outbox.size).toBe(0);
  await written.atLeast(2);
  client.close();

  const reloaded = connected(server.url, { ...as('ann'), outbox: indexedDbOutbox('refused') });
  await outboxIs(reloaded, () => reloaded.outbox.entries.length === 1);
  expect(reloaded.outbox.entries).toMatchObject([{ opId: 'ask-1', state: 'rejected', data: { text: 'mine' } }]);
  reloaded.outbox.retry('ask-1');
  await outboxIs(reloaded, () => reloaded.outbox.entries[0]?.state === 'sending');
  await outboxIs(reloaded, () => reloaded.outbox.entries[0]?.state === 'rejected');
  reloaded.outbox.discard('ask-1');
  expect(reloaded.outbox.entries).toEqual([]);
});

test('what one user wrote is never sent as another', async () => {
  const seen = await reader('log:users');
  const outbox = memoryOutbox();
  const ann = newClient(server.url, { ...as('ann'), outbox });
  void ann.publish('log:users', 'of ann', { queue: true });
  await outboxIs(ann, () => ann.outbox.size === 1);
  ann.close();

  const bob = connected(server.url, { ...as('bob'), outbox });
  await untilState(bob, 'online');
  expect(bob.outbox.entries).toEqual([]);
  await bob.publish('log:users', 'of bob', { queue: true });
  bob.close();
  await seen.atLeast(1);
  expect(seen.items.map((it) => it.data)).toEqual(['of bob']);

  const again = connected(server.url, { ...as('ann'), outbox });
  await seen.atLeast(2);
  await drained(again);
  expect(seen.items.map((it) => [it.data, it.from?.user])).toEqual([['of bob', 'bob'], ['of ann', 'ann']]);
});

test('what was written before anybody was known belongs to whom this page welcomes first', async () => {
  const seen = await reader('log:unknown');
  const client = newClient(server.url, { token: async () => server.token('ann') });
  void client.publish('log:unknown', 'early', { queue: true });
  client.connect();
  await seen.atLeast(1);
  expect(seen.items[0]).toMatchObject({ data: 'early', from: { user: 'ann' } });
});

test('a full outbox says so, and takes more when there is room again', async () => {
  const client = newClient(server.url, as('ann'));
  for (let n = 0; n < 1000; n++) void client.publish('log:full', n, { queue: true });
  expect(client.outbox.isFull).toBe(true);
  await expect(client.publish('log:full', 1000, { queue: true })).rejects.toMatchObject({ code: 'outbox_full', retryable: false });
  client.outbox.discard(client.outbox.entries[0]!.opId);
  expect(client.outbox.isFull).toBe(false);

  const large = newClient(server.url, as('ann'));
  const text = 'x'.repeat(60_000);
  for (let n = 0; !large.outbox.isFull; n++) void large.publish('log:full', text, { queue: true });
  expect(large.outbox.size).toBe(Math.ceil((5 << 20) / large.outbox.entries[0]!.bytes));
  await expect(large.publish('log:full', text, { queue: true })).rejects.toMatchObject({ code: 'outbox_full' });
});

test('a later change takes the place of one that was not sent', async () => {
  const seen = await reader('log:superseded');
  const client = newClient(server.url, as('ann'));
  const first = client.publish('log:superseded', 'first', { queue: true, opId: 'one' });
  void client.publish('log:superseded', 'second', { queue: true, supersedes: 'one' });
  await expect(first).rejects.toMatchObject({ code: 'superseded' });
  client.connect();
  await drained(client);
  await seen.atLeast(1);
  expect(seen.items.map((it) => it.data)).toEqual(['second']);
});

test('of several tabs one sends, each shows all, and each learns what its own came to', async () => {
  const seen = await reader('log:tabs');
  const browser = new Browser('tabs');
  const one = browser.tab(server.url, as('ann'));
  await untilState(one.client, 'online');
  const two = browser.tab(server.url, as('ann'));
  await untilState(two.client, 'online');
  const replies = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? one : two).client.publish('log:tabs', n, { queue: true })));
  expect(replies.every((it) => it.position)).toBe(true);
  await expect(two.client.call('friends.ask', {}, { queue: true, opId: 'bad' })).rejects.toMatchObject({ code: 'bad_request' });
  await outboxIs(one.client, () => one.client.outbox.entries.some((it) => it.opId === 'bad' && it.state === 'rejected'));

  // The tab that sends is closed: the other one takes over.
  one.client.close();
  await two.client.publish('log:tabs', 'after', { queue: true });
  await seen.atLeast(21);
  expect(seen.items).toHaveLength(21);
  expect(new Set(seen.items.map((it) => it.data)).size).toBe(21);
  expect(browser.most).toBe(1);
});

test('where nothing can be kept the outbox says so, and works while the page is there', async () => {
  const store: OutboxStore = { name: 'broken', load: () => Promise.reject(new Error('no')), put: () => Promise.reject(new Error('no')), remove: () => Promise.reject(new Error('no')) };
  const client = connected(server.url, { ...as('ann'), outbox: store });
  expect(client.outbox.isDurable).toBe(true);
  expect(await client.publish('log:broken', 1, { queue: true })).toHaveProperty('position');
  expect(client.outbox.isDurable).toBe(false);
});
