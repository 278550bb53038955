import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Publication, SubscribedEvent } from '../../src/index.ts';
import { Dice } from '../model/dice.ts';
import { connected } from '../support/clients.ts';
import { Proxy } from '../support/proxy.ts';
import { Server } from '../support/server.ts';
import { Heap, until, untilState } from '../support/until.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

test('links reset at any byte, twenty times each, lose and double nothing', async () => {
  const seed = Number(process.env.VECHE_SEED ?? Date.now() % 100_000);
  const dice = new Dice(seed);
  const channel = 'log:resets';
  const writer = connected(server.url, { token: async () => server.token('writer') });
  await untilState(writer, 'online');
  const { position: since } = await writer.publish(channel, 'first');

  const subscribers = await Promise.all(Array.from({ length: 5 }, async (_, n) => {
    const proxy = await Proxy.to(server.port);
    // Some die in their handshake, some in the welcome, some in the midst of a replay.
    proxy.cutAfter = () => (proxy.resets < 20 ? dice.below(4000) : Infinity);
    const seen = new Heap<unknown>();
    const resets = new Heap<SubscribedEvent>();
    const token = server.token(`reader-${n}`);
    const client = connected(proxy.url, { token: async () => token });
    client.subscribe(channel, { since: since!, onPublication: (it: Publication) => seen.push(it.data), onReset: resets.push });
    return { proxy, seen, resets, client };
  }));

  let written = 0;
  const isCut = () => subscribers.every(({ proxy }) => proxy.resets >= 20);
  while (!isCut()) await writer.publish(channel, { n: written++, filler: 'x'.repeat(dice.below(300)) });
  await Promise.all(subscribers.map(({ seen }) => seen.atLeast(written)));

  for (const { seen, resets, proxy } of subscribers) {
    expect(seen.items.map((it) => (it as { n: number }).n), `seed ${seed}`).toEqual(Array.from({ length: written }, (_, n) => n));
    expect(resets.items).toEqual([]);
    await proxy.stop();
  }
});

test('what is written while links are reset at any byte is applied once and in order', async () => {
  const seed = Number(process.env.VECHE_SEED ?? Date.now() % 100_000);
  const dice = new Dice(seed);
  const channel = 'log:written';
  const proxy = await Proxy.to(server.port);
  proxy.cutAfter = () => (proxy.resets < 20 ? dice.below(3000) : Infinity);
  const token = server.token('writer');
  const reader = connected(server.url, { token: async () => token });
  const seen = new Heap<unknown>();
  reader.subscribe(channel, { onPublication: (it: Publication) => seen.push(it.data) });
  await untilState(reader, 'online');

  const writer = connected(proxy.url, { token: async () => token, user: 'writer' });
  let written = 0;
  while (proxy.resets < 20) {
    await writer.publish(channel, written++, { queue: true });
  }
  await until(() => writer.outbox.size === 0, (changed) => writer.outbox.onChange(changed));
  await seen.atLeast(written);
  expect(seen.items, `seed ${seed}`).toEqual(Array.from({ length: written }, (_, n) => n));
  await proxy.stop();
});
