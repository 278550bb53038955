// The life of the connection, moved by hand.

import { expect, test } from 'vitest';
import { Rig } from '../support/rig.ts';

test('a first connection goes by its states', () => {
  const rig = new Rig();
  expect(rig.state).toBe('closed');
  rig.input({ is: 'connect' });
  expect(rig.state).toBe('connecting');
  rig.input({ is: 'subscribe', key: 1, channel: 'a', since: null, presence: false });
  rig.opens().welcomes();
  expect(rig.machine.status).toMatchObject({ state: 'catching-up', progress: { done: 0, total: 1 } });
  rig.says({ type: 'subscribed', id: 1, channel: 'a', epoch: 'e', offset: 4, recovery: 'fresh' });
  expect(rig.machine.status).toMatchObject({ state: 'online', transport: 'websocket', user: 'ann', node: 'n1' });
});

test('a replay is caught up with before the connection counts as online', () => {
  const rig = new Rig();
  rig.input({ is: 'subscribe', key: 1, channel: 'a', since: { epoch: 'e', offset: 4 }, presence: false }).up();
  rig.says({ type: 'subscribed', id: 1, channel: 'a', epoch: 'e', offset: 6, recovery: 'replay' });
  expect(rig.state).toBe('catching-up');
  rig.says({ type: 'message', channel: 'a', offset: 5, time_ms: 1, data: 1 });
  expect(rig.state).toBe('catching-up');
  rig.says({ type: 'skipped', channel: 'a', offset: 6 });
  expect(rig.state).toBe('online');
});

test('a token goes ahead of everything, and a guest\'s welcome before it is passed over', () => {
  const rig = new Rig();
  rig.input({ is: 'connect' }).opens('jwt');
  expect(rig.sent()).toEqual([{ type: 'auth', token: 'jwt', id: 'auth' }, { type: 'ping', ts: rig.now }]);
  rig.welcomes('guest:7');
  expect(rig.state).toBe('connecting');
  rig.welcomes('ann');
  expect(rig.machine.status).toMatchObject({ state: 'online', user: 'ann' });
});

test('a server that answers a ping before it welcomes anybody knows nobody', () => {
  const rig = new Rig();
  rig.input({ is: 'connect' }).opens(null);
  rig.says({ type: 'pong', ts: rig.now, time_ms: rig.now });
  expect(rig.machine.status).toMatchObject({ state: 'auth-expired', reason: 'unauthorized' });
  rig.input({ is: 'retry' }).opens('jwt').welcomes();
  expect(rig.state).toBe('online');
});

test('a lost connection comes back by full jitter, at most 20 s', () => {
  const rig = new Rig();
  rig.random = 0.999_999;
  rig.up();
  const waits: number[] = [];
  for (let n = 0; n < 8; n++) {
    rig.fails(3000);
    waits.push(Math.round(rig.machine.status.retryAtMs! - rig.now));
    rig.pass(rig.machine.status.retryAtMs! - rig.now).opens().welcomes();
  }
  expect(rig.state).toBe('online');
  // Each of these lasted for less than five seconds.
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
  rig.pass(5_000).fails(3000);
  expect(Math.round(rig.machine.status.retryAtMs! - rig.now)).toBe(500);
});

test.each<[string, (rig: Rig) => void]>([
  ['the browser is online again', (rig) => rig.input({ is: 'network', online: true })],
  ['the page becomes visible', (rig) => rig.input({ is: 'visible', visible: true })],
  ['the page is shown out of the cache', (rig) => rig.input({ is: 'wake' })],
  ['the user wants it now', (rig) => rig.input({ is: 'retry' })],
])('a wait ends at once when %s', (_, happens) => {
  const rig = new Rig();
  rig.up().fails();
  expect(rig.state).toBe('reconnecting');
  rig.take('token');
  happens(rig);
  expect(rig.take('token')).toHaveLength(1);
});

test('a goodbye says when to come back, and only the user may be quicker', () => {
  const rig = new Rig({ urls: ['http://one', 'http://two'] });
  rig.up().says({ type: 'bye', reason: 'drain', retry_after_ms: 7_000 });
  rig.fails(3001);
  expect(rig.machine.status).toMatchObject({ state: 'reconnecting', retryAtMs: rig.now + 7_000, reason: 'drain' });
  rig.take('token');
  rig.input({ is: 'network', online: true });
  expect(rig.take('token')).toEqual([]);
  rig.pass(6_999);
  expect(rig.take('token')).toEqual([]);
  rig.take('open');
  rig.pass(1).opens();
  expect(rig.take('open')[0]).toMatchObject({ url: 'http://two' });
});

test('a server that says goodbye and does not hang up is left', () => {
  const rig = new Rig();
  rig.up().says({ type: 'bye', reason: 'drain', retry_after_ms: 1_000 }).pass(1_000);
  expect(rig.take('close')).toHaveLength(1);
  expect(rig.state).toBe('reconnecting');
});

test.each([[3500, 'auth-expired'], [3501, 'closed'], [3503, 'closed'], [3504, 'closed'], [1009, 'closed'], [1000, 'closed']])(
  'after %i it stays %s until somebody wants it back', (code, state) => {
    const rig = new Rig();
    rig.up().fails(code).pass(600_000);
    expect(rig.state).toBe(state);
    expect(rig.take('token')).toHaveLength(0);
    rig.input({ is: 'retry' });
    expect(rig.take('token')).toHaveLength(1);
  });

test('silence after a ping ends the link, and sooner after the world has changed', () => {
  const rig = new Rig();
  rig.up().sent();
  rig.pass(25_000);
  expect(rig.sent()).toEqual([{ type: 'ping', ts: rig.now }]);
  rig.pass(9_999);
  expect(rig.state).toBe('online');
  rig.pass(1);
  expect(rig.machine.status).toMatchObject({ state: 'reconnecting', reason: 'heartbeat_lost' });

  rig.pass(20_000).opens().welcomes().sent();
  rig.input({ is: 'visible', visible: true });
  expect(rig.sent()).toEqual([{ type: 'ping', ts: rig.now }]);
  rig.pass(5_000);
  expect(rig.state).toBe('reconnecting');
});

test('a pong measures the way and the clocks', () => {
  const rig = new Rig();
  rig.up();
  rig.says({ type: 'pong', ts: rig.now - 80, time_ms: rig.now + 960 });
  expect(rig.machine.status).toMatchObject({ state: 'online', rttMs: 80, clockOffsetMs: 1000 });
  rig.says({ type: 'pong', ts: rig.now - 1_500, time_ms: rig.now });
  expect(rig.machine.status.state).toBe('degraded');
});

test('a page that is hidden for five minutes gives its connection up, and takes it back when it is seen', () => {
  const rig = new Rig();
  const alive = () => rig.says({ type: 'pong', time_ms: 1 });
  rig.up().input({ is: 'visible', visible: false });
  for (let n = 0; n < 30; n++) {
    rig.pass(9_999);
    alive();
  }
  expect(rig.state).toBe('online');
  rig.pass(30);
  expect(rig.take('close')).toHaveLength(1);
  rig.take('token');
  rig.pass(600_000);
  expect(rig.take('token')).toEqual([]);
  rig.input({ is: 'visible', visible: true });
  expect(rig.take('token')).toHaveLength(1);
});

test('offline is said where the browser says so and nothing is open', () => {
  const rig = new Rig();
  rig.up().input({ is: 'network', online: false });
  expect(rig.state).toBe('online');
  rig.pass(5_000);
  expect(rig.state).toBe('offline');
  rig.input({ is: 'network', online: true });
  expect(rig.state).toBe('reconnecting');
});

test('the next address is tried after a failure, and the fallback after two', () => {
  const rig = new Rig({ urls: ['http://one', 'http://two'] });
  rig.random = 0;
  rig.input({ is: 'connect' }).opens().fails();
  expect(rig.take('open')).toMatchObject([{ url: 'http://one', transport: 'websocket' }]);
  rig.pass(0).opens().fails();
  expect(rig.take('open')).toMatchObject([{ url: 'http://two', transport: 'websocket' }, { url: 'http://two', transport: 'sse' }]);
  rig.input({ is: 'opened', link: rig.link }).welcomes();
  expect(rig.machine.status).toMatchObject({ state: 'degraded', transport: 'sse' });

  // It looks for a WebSocket again, ever more seldom, and takes it when there is one.
  rig.pass(1_000);
  expect(rig.take('probe')).toEqual([{ do: 'probe', url: 'http://two' }]);
  rig.input({ is: 'probed', ok: false }).pass(4_999);
  expect(rig.take('probe')).toEqual([]);
  rig.pass(1);
  expect(rig.take('probe')).toHaveLength(1);
  rig.input({ is: 'probed', ok: true }).opens().welcomes();
  expect(rig.machine.status).toMatchObject({ state: 'online', transport: 'websocket' });
});

test('a socket that opens and never says welcome is given up', () => {
  const rig = new Rig();
  rig.input({ is: 'connect' }).opens('jwt').pass(10_000);
  expect(rig.take('close')).toHaveLength(1);
  expect(rig.machine.status).toMatchObject({ state: 'reconnecting', reason: 'timeout' });
});

test('an expiring token is asked for and shown over the open socket', () => {
  const rig = new Rig();
  rig.input({ is: 'connect' }).opens('old').welcomes().sent();
  rig.says({ type: 'expiring' });
  rig.input({ is: 'token', ask: rig.take('token')[0]!.ask, token: 'new' });
  expect(rig.sent()).toEqual([{ type: 'auth', token: 'new', id: 'auth' }]);
  rig.says({ type: 'reply', id: 'auth' });
  expect(rig.state).toBe('online');
});

test('another protocol ends it, another build only says so', () => {
  const rig = new Rig({ build: 'b1' });
  rig.input({ is: 'connect' }).opens().welcomes('ann', { build: 'b2' });
  expect(rig.machine.status).toMatchObject({ state: 'update-required', transport: 'websocket' });
  rig.fails().pass(20_000).opens().welcomes('ann', { protocol: 2 });
  expect(rig.machine.status).toMatchObject({ state: 'update-required', transport: null });
});

test('what a former link still says is not heard', () => {
  const rig = new Rig();
  rig.up();
  const former = rig.link;
  rig.fails().pass(20_000).opens();
  rig.input({ is: 'text', link: former, text: '{"type":"welcome","user":"bob","protocol":1,"limits":{}}' });
  rig.input({ is: 'closed', link: former, code: 1000, reason: '' });
  expect(rig.state).toBe('reconnecting');
  expect(rig.machine.status.user).toBe('ann');
});
