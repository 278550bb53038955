import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SocketEvents } from '../../src/index.ts';
import { connected } from '../support/clients.ts';
import { nodeSocket, Surroundings } from '../support/node-io.ts';
import { Server } from '../support/server.ts';
import { Heap, untilState } from '../support/until.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** A world that shows what travels: `>` to the server, `<` from it. */
function tapped(): { io: ReturnType<Surroundings['io']>; wire: Heap<string> } {
  const wire = new Heap<string>();
  const socket = (url: string, protocol: string, events: SocketEvents) => {
    const tap = { ...events, text: (text: string) => (wire.push(`< ${text}`), events.text(text)), closed: (code: number, reason: string) => (wire.push(`< ${code}`), events.closed(code, reason)) };
    const open = nodeSocket(url, protocol, tap);
    return { ...open, send: (text: string) => (wire.push(`> ${text}`), open.send(text)) };
  };
  return { io: new Surroundings().io({ socket }), wire };
}

test('a token that expires is renewed over the open socket', async () => {
  const tokens = [server.token('ann', '20s'), server.token('ann', '1h')];
  const { io, wire } = tapped();
  const client = connected(server.url, { token: async () => tokens.shift() ?? null, io });
  const states = new Heap<string>();
  client.onStatus((status) => states.push(status.state));
  await wire.until((lines) => lines.filter((line) => line.startsWith('> {"type":"auth"')).length === 2);
  await wire.until((lines) => lines.some((line) => line.startsWith('< {"type":"reply","id":"auth"')));
  await client.publish('test', 'still the same session');
  expect(client.status).toMatchObject({ state: 'online', user: 'ann' });
  expect(states.items).not.toContain('reconnecting');
});

test('a token that ends is followed by a new one on a new connection', async () => {
  const tokens = [async () => server.token('ann', '2s'), async () => Promise.reject(new Error('no network')), async () => server.token('ann')];
  const { io, wire } = tapped();
  const client = connected(server.url, { token: () => tokens.shift()!(), io });
  await wire.until((lines) => lines.includes('< 3005'));
  await untilState(client, 'online');
  expect(client.status.user).toBe('ann');
  expect(tokens).toEqual([]);
});

test('a token of another user ends the sign-in, and no outbox is sent for them', async () => {
  const tokens = [server.token('ann', '20s'), server.token('bob')];
  const { io } = tapped();
  const client = connected(server.url, { token: async () => tokens.shift() ?? null, io });
  const status = await untilState(client, 'auth-expired');
  expect(status.reason).toBe('invalid_token');
});
