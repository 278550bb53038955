import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { SocketEvents } from '../../src/index.ts';
import { connected } from '../support/clients.ts';
import { Surroundings, wrap } from '../support/node-io.ts';
import { request, Server } from '../support/server.ts';
import { untilState } from '../support/until.ts';

const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

async function started(flags: readonly string[]): Promise<Server> {
  const server = await Server.start(undefined, flags);
  servers.push(server);
  return server;
}

test('where guests are not served, nobody is told so at once, and may sign in on the same page', async () => {
  const server = await started([]);
  let token: string | null = null;
  const client = connected(server.url, { token: async () => token });
  expect((await untilState(client, 'auth-expired')).reason).toBe('unauthorized');
  token = server.token('ann');
  client.retryNow();
  expect((await untilState(client, 'online')).user).toBe('ann');
});

test('the cookie of a sign-in is enough, and brings what waited for its user', async () => {
  const server = await started(['--demo']);
  const headers = { 'Content-Type': 'application/json', Origin: server.url };
  const { cookies } = await request(`${server.url}/api/people/demo-sign-in`, { method: 'POST', headers }, '{"user":"anya"}');
  const cookie = cookies.map((it) => it.split(';')[0]).join('; ');
  // As a browser does it: the cookie and the origin are its own to send.
  const socket = (url: string, protocol: string, events: SocketEvents) => wrap(new WebSocket(url, protocol, { headers: { Cookie: cookie, Origin: server.url } }), events);
  const client = connected(server.url, { io: new Surroundings().io({ socket }) });
  const status = await untilState(client, 'online', 'auth-expired');
  expect(status).toMatchObject({ state: 'online', user: 'anya' });
  await expect(client.call('inbox.counters', {})).resolves.toHaveProperty('data');
});
