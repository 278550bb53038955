// @vitest-environment happy-dom

import { act, cleanup, renderHook, waitFor } from '@testing-library/react';
import { StrictMode } from 'react';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { memoryOutbox } from '../../src/index.ts';
import { useChannel, useClient, useOutbox, useRealtime, useStatus } from '../../src/react.ts';
import { connected } from '../support/clients.ts';
import { Surroundings } from '../support/node-io.ts';
import { Server } from '../support/server.ts';
import { Heap, untilState } from '../support/until.ts';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());
afterEach(cleanup);

const patient = { timeout: 30_000 };

test('a component follows a channel, the status and the outbox, in strict mode too', async () => {
  const token = server.token('ann');
  const writer = connected(server.url, { token: async () => server.token('bob') });
  const { result, unmount } = renderHook(() => {
    const client = useClient({ urls: server.url, user: 'ann', token: async () => token, outbox: memoryOutbox(), io: new Surroundings().io() });
    return { client, status: useStatus(client), channel: useChannel(client, 'log:react', { presence: true }), refused: useChannel(client, 'nobody:may'), outbox: useOutbox(client) };
  }, { wrapper: StrictMode });
  await waitFor(() => expect(result.current.status.state).toBe('online'), patient);
  await waitFor(() => expect(result.current.refused.error?.code).toBe('forbidden'), patient);
  await waitFor(() => expect(result.current.channel.isSubscribed).toBe(true), patient);
  await writer.publish('log:react', 'hello');
  await waitFor(() => expect(result.current.channel.publications.map((it) => it.data)).toEqual(['hello']), patient);
  await waitFor(() => expect(result.current.channel.members?.map((it) => it.user)).toContain('ann'), patient);

  const { client } = result.current;
  await act(async () => {
    await client.publish('log:react', 'kept', { queue: true });
  });
  expect(result.current.outbox).toEqual([]);
  await waitFor(() => expect(result.current.channel.publications.at(-1)).toMatchObject({ data: 'kept', isOwn: true }), patient);
  unmount();
  expect(client.status.state).toBe('closed');
});

test('another token is another client', async () => {
  const up = new Heap<string>();
  const tokens = { ann: server.token('ann'), bob: server.token('bob') };
  const options = { apiUrl: server.url, wsUrl: server.url, client: { io: new Surroundings().io() } };
  const { result, rerender } = renderHook(({ user }) => useRealtime(tokens[user], options, { onConnect: () => up.push(user) }), { initialProps: { user: 'ann' as 'ann' | 'bob' } });
  await up.atLeast(1);
  const first = result.current;
  rerender({ user: 'bob' });
  await untilState(result.current.client, 'online');
  expect(result.current).not.toBe(first);
  expect(first.client.status.state).toBe('closed');
  expect(up.items).toEqual(['ann', 'bob']);
});
