import { afterAll, beforeAll, expect, test } from 'vitest';
import { VecheError, type ClientOptions, type Publication, type SubscribedEvent } from '../../src/index.ts';
import { connected } from '../support/clients.ts';
import { Server } from '../support/server.ts';
import { Heap, untilState } from '../support/until.ts';

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());
const open = (options: Partial<ClientOptions> = {}) => connected(server.url, options);
const as = (user: string) => ({ token: async () => server.token(user) });

test('a guest connects, subscribes, publishes and gets its own publication', async () => {
  const client = open();
  const status = await untilState(client, 'online');
  expect(status.transport).toBe('websocket');
  expect(status.user).toMatch(/^guest:/);

  const seen = new Heap<Publication>();
  client.subscribe('test', { onPublication: seen.push });
  const reply = await client.publish('test', { text: 'hello' });
  await seen.atLeast(1);
  expect(seen.items[0]).toMatchObject({ event: 'message', data: { text: 'hello' }, isOwn: true, channel: 'test' });
  expect(reply.class).toBeDefined();
});

test('a token makes the session its user\'s, in spite of guests', async () => {
  const client = open(as('ann'));
  expect((await untilState(client, 'online')).user).toBe('ann');
});

test('a wrong token is an expired sign-in, and a retry asks for a new one', async () => {
  let token = 'not.a.token';
  const client = open({ token: async () => token });
  await untilState(client, 'auth-expired');
  token = server.token('ann');
  client.retryNow();
  expect((await untilState(client, 'online')).user).toBe('ann');
});

test('a durable channel goes on from a position', async () => {
  const client = open(as('ann'));
  const { position } = await client.publish('log:positions', 1);
  await client.publish('log:positions', 2);
  await client.publish('log:positions', 3);
  const seen = new Heap<Publication>();
  const told = new Heap<SubscribedEvent>();
  const subscription = client.subscribe('log:positions', { since: position!, onPublication: seen.push, onSubscribed: told.push });
  await seen.atLeast(2);
  expect(told.items).toEqual([{ recovery: 'replay', position }]);
  expect(seen.items.map((it) => it.data)).toEqual([2, 3]);
  expect(subscription.position).toEqual({ epoch: position!.epoch, offset: position!.offset + 2 });
});

test('what is refused says so, and the connection goes on', async () => {
  const client = open(as('ann'));
  const lost = new Heap<VecheError>();
  client.subscribe('nobody:may', { onLost: lost.push });
  await lost.atLeast(1);
  expect(lost.items[0]).toMatchObject({ code: 'forbidden' });
  await expect(client.call('nothing.answers', {})).rejects.toMatchObject({ code: 'not_found', retryable: false });
  await expect(client.publish('test', 'x'.repeat(70_000))).rejects.toMatchObject({ code: 'too_large' });
  expect(client.status.state).toBe('online');
});
