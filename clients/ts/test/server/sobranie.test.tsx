// @vitest-environment happy-dom

import { cleanup, renderHook } from '@testing-library/react';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { SobranieRealtimeClient } from '../../src/sobranie.ts';
import { nodeSocket, Surroundings } from '../support/node-io.ts';
import { request, Server } from '../support/server.ts';
import { Heap } from '../support/until.ts';
import { useRealtime } from '../sobranie/useRealtime.tsx';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());
afterEach(cleanup);

/** A browser's `WebSocket` over the network that Node has. */
class BrowserSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly #socket;

  constructor(url: string, protocol: string) {
    this.#socket = nodeSocket(url, protocol, {
      opened: () => this.onopen?.(),
      text: (data) => this.onmessage?.({ data }),
      closed: (code, reason) => this.onclose?.({ code, reason }),
    });
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(): void {
    this.#socket.close(1000);
  }
}

/** Sobranie's back end tells a user something. */
async function notify(user: string, data: unknown): Promise<void> {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${server.key('publish')}` };
  const { status, text } = await request(`${server.url}/api/v1/publish`, { method: 'POST', headers }, JSON.stringify({ channel: `user:${user}`, event: 'notification', data }));
  expect({ status, text }).toMatchObject({ status: 200 });
}

test('the hook of the guide connects, shows notifications, updates the chat, and goes', async () => {
  vi.stubGlobal('WebSocket', BrowserSocket);
  vi.stubEnv('NEXT_PUBLIC_API_URL', server.url);
  vi.stubEnv('NEXT_PUBLIC_WS_URL', server.url.replace('http', 'ws'));
  const logged = new Heap<unknown>();
  const notifications = new Heap<unknown>();
  const chat = new Heap<unknown>();
  vi.spyOn(console, 'log').mockImplementation(logged.push);
  vi.stubGlobal('showNotification', notifications.push);
  vi.stubGlobal('updateChat', (...args: unknown[]) => chat.push(args));

  const token = server.token('ann');
  const { result, rerender, unmount } = renderHook((props) => useRealtime(props.token), { initialProps: { token } });
  await logged.atLeast(1);
  expect(logged.items).toEqual(['Real-time connected']);
  // The hook returns the client as of the last time it was rendered.
  rerender({ token });
  const client = result.current!;
  expect(client).toBeInstanceOf(SobranieRealtimeClient);

  await notify('ann', { text: 'Аня ответила вам' });
  await notifications.atLeast(1);
  expect(notifications.items).toEqual([{ text: 'Аня ответила вам' }]);
  client.subscribe('log:circle');
  await client.sendMessage('log:circle', { text: 'привет' });
  await chat.atLeast(1);
  expect(chat.items).toEqual([['log:circle', { text: 'привет' }]]);

  rerender({ token: server.token('bob') });
  await logged.atLeast(2);
  expect(client.isConnected).toBe(false);
  rerender({ token: 'never shown' });
  expect(result.current).not.toBe(client);

  unmount();
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test('a channel brings messages, other events, members and who types', async () => {
  const heard = new Heap<readonly unknown[]>();
  const make = (user: string) => new SobranieRealtimeClient({ apiUrl: server.url, wsUrl: `${server.url.replace('http', 'ws')}/realtime/ws`, token: server.token(user), client: { io: new Surroundings().io() } });
  const ann = make('ann');
  const bob = make('bob');
  const up = new Heap<string>();
  ann
    .on('onConnect', () => up.push('ann'))
    .on('onMessage', (channel, message) => heard.push(['message', channel, message]))
    .on('onTyping', (channel, user, isActive) => heard.push(['typing', channel, user, isActive]))
    .on('onError', (error) => heard.push(['error', error.code]));
  bob.on('onConnect', () => up.push('bob')).on('onDisconnect', () => up.push('bob is gone'));
  ann.subscribe('log:chat').subscribe('nobody:may');
  bob.subscribe('log:chat');
  ann.connect();
  bob.connect();
  await up.atLeast(2);
  await heard.atLeast(1);
  bob.sendTyping('log:chat');
  await heard.atLeast(2);
  await bob.sendMessage('log:chat', { text: 'привет' });
  await heard.until((items) => items.some(([what]) => what === 'message'));
  expect(heard.items).toEqual(expect.arrayContaining([
    ['error', 'forbidden'], ['typing', 'log:chat', 'bob', true], ['message', 'log:chat', { text: 'привет' }],
  ]));
  bob.disconnect();
  await up.until((items) => items.includes('bob is gone'));
  ann.disconnect();
});
