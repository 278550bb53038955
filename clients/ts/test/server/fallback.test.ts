import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Publication, SubscribedEvent } from '../../src/index.ts';
import { connected } from '../support/clients.ts';
import { Proxy } from '../support/proxy.ts';
import { Server } from '../support/server.ts';
import { Heap, until, untilState } from '../support/until.ts';

let server: Server;
let proxy: Proxy;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());
beforeEach(async () => {
  proxy = await Proxy.to(server.port);
  proxy.refusesUpgrades = true;
});
afterEach(() => proxy.stop());

const as = (user: string) => ({ token: async () => server.token(user) });

test('where WebSockets are refused, channels come by a stream and calls go by requests', async () => {
  const writer = connected(server.url, as('writer'));
  const { position } = await writer.publish('log:fallback', 'before');
  await writer.publish('log:fallback', 'missed');
  const client = connected(proxy.url, as('ann'));
  const status = await untilState(client, 'degraded');
  expect(status).toMatchObject({ transport: 'sse', user: 'ann' });

  const seen = new Heap<Publication>();
  const told = new Heap<SubscribedEvent>();
  client.subscribe('log:fallback', { since: position!, onPublication: seen.push, onSubscribed: told.push });
  const open = new Heap<Publication>();
  client.subscribe('test', { onPublication: open.push, onSubscribed: told.push });
  await told.atLeast(2);
  await writer.publish('log:fallback', 'live');
  await writer.publish('test', 'for whoever is here');
  await seen.atLeast(2);
  await open.atLeast(1);
  expect(seen.items.map((it) => it.data)).toEqual(['missed', 'live']);
  expect(open.items.map((it) => it.data)).toEqual(['for whoever is here']);
  expect(await client.call('friends.list', {})).toMatchObject({ data: { items: [] } });
  await expect(client.call('nothing.answers', {})).rejects.toMatchObject({ code: 'not_found' });
  await expect(client.publish('test', 1)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
});

test('a stream that is cut goes on from its positions, and a WebSocket is taken as soon as it may be', async () => {
  const writer = connected(server.url, as('writer'));
  const { position } = await writer.publish('log:cut', 0);
  const client = connected(proxy.url, as('ann'));
  const seen = new Heap<Publication>();
  const resets = new Heap<SubscribedEvent>();
  for (let n = 0; n < 20; n++) client.subscribe(`log:other-${n}`, {});
  client.subscribe('log:cut', { since: position!, onPublication: seen.push, onReset: resets.push });
  await untilState(client, 'degraded');
  for (let n = 1; n <= 30; n++) {
    await writer.publish('log:cut', n);
    if (n % 10 === 0) proxy.cutAll();
  }
  await seen.atLeast(30);

  void client.publish('log:cut', 31, { queue: true });
  proxy.refusesUpgrades = false;
  await untilState(client, 'online');
  await seen.atLeast(31);
  await until(() => client.outbox.size === 0, (changed) => client.outbox.onChange(changed));
  expect(seen.items.map((it) => it.data)).toEqual(Array.from({ length: 31 }, (_, n) => n + 1));
  expect(resets.items).toEqual([]);
});

test('a position that is not there any more is a reset by a stream too', async () => {
  const client = connected(proxy.url, as('ann'));
  const resets = new Heap<SubscribedEvent>();
  const subscription = client.subscribe('log:reset', { since: { epoch: 'another', offset: 7 }, onReset: resets.push });
  await resets.atLeast(1);
  expect(resets.items[0]).toMatchObject({ recovery: 'reset', reason: 'epoch' });
  expect(subscription.position).toEqual(resets.items[0]!.position);
});

test('what is refused by a stream is lost, and the other channels go on', async () => {
  const client = connected(proxy.url, as('ann'));
  const lost = new Heap<{ code: string }>();
  const told = new Heap<SubscribedEvent>();
  client.subscribe('nobody:may', { onLost: lost.push });
  client.subscribe('test', { onSubscribed: told.push });
  await lost.atLeast(1);
  await told.atLeast(1);
  expect(lost.items[0]!.code).toBe('forbidden');
});

test('a wrong token is an expired sign-in by requests too', async () => {
  const client = connected(proxy.url, { token: async () => 'not.a.token' });
  await untilState(client, 'auth-expired');
});
