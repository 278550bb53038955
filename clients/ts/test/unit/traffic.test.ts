// What travels on the link: batches, the window of unanswered frames, and the server's word to wait.

import { expect, test } from 'vitest';
import { Rig } from '../support/rig.ts';

function call(rig: Rig, key: string, more: object = {}): Rig {
  return rig.input({ is: 'request', key, frame: { type: 'work', data: key, ...more }, timeoutMs: 15_000 });
}

const ids = (frames: unknown[]) => frames.map((frame) => (frame as { id: number }).id);

test('subscriptions are restored in one batch, each from its position', () => {
  const rig = new Rig();
  rig.input({ is: 'subscribe', key: 1, channel: 'a', since: { epoch: 'e', offset: 4 }, presence: false });
  rig.input({ is: 'subscribe', key: 2, channel: 'b', since: null, presence: true });
  rig.input({ is: 'connect' }).opens().sent();
  rig.welcomes();
  expect(rig.sent()).toEqual([[
    { type: 'subscribe', channel: 'a', id: 1, since: { epoch: 'e', offset: 4 } },
    { type: 'subscribe', channel: 'b', id: 2, presence: true },
  ]]);
});

test('a batch has at most 128 frames and fits into one, and the next waits for its answers', () => {
  const rig = new Rig();
  for (let key = 1; key <= 300; key++) rig.input({ is: 'subscribe', key, channel: `${key}:${'я'.repeat(120)}`, since: null, presence: false });
  rig.input({ is: 'connect' }).opens().sent();
  rig.welcomes();
  const sizes: number[] = [];
  for (let texts = rig.take('send'); texts.length; texts = rig.take('send')) {
    expect(texts).toHaveLength(1);
    expect(Buffer.byteLength(texts[0]!.text)).toBeLessThanOrEqual(65536);
    const frames = JSON.parse(texts[0]!.text) as { id: number; channel: string }[];
    sizes.push(frames.length);
    for (const { id, channel } of frames) rig.says({ type: 'subscribed', id, channel, recovery: 'fresh' });
  }
  expect(sizes.every((size) => size <= 128)).toBe(true);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(300);
  expect(rig.state).toBe('online');
});

test('at most 16 frames are unanswered', () => {
  const rig = new Rig();
  rig.up().sent();
  for (let n = 0; n < 40; n++) call(rig, `c${n}`);
  const first = rig.sent();
  expect(first.length).toBeLessThanOrEqual(16);
  rig.says({ type: 'reply', id: ids(first)[0] });
  expect(rig.sent()).toHaveLength(1);
});

const tooFast = (id: unknown, ms: number) => ({ type: 'error', id, error: { code: 'rate_limited', message: '', retryable: true, retry_after_ms: ms } });

test('at the first word of too fast nothing is sent until the server\'s time is over, and then in order', () => {
  const rig = new Rig();
  rig.up().sent();
  for (let n = 0; n < 20; n++) call(rig, `c${n}`);
  const [first, second] = ids(rig.sent());
  rig.says(tooFast(first, 1_600)).says({ type: 'reply', id: second });
  rig.input({ is: 'subscribe', key: 1, channel: 'a', since: null, presence: false });
  rig.pass(1_599);
  expect(rig.sent()).toEqual([]);
  rig.pass(1);
  expect(rig.sent()).toMatchObject([{ type: 'subscribe' }]);
  expect(rig.take('done').map(({ key }) => key)).toEqual(['c1']);
});

test('a client that is too fast goes one by one, and never so far that it is thrown out', () => {
  const rig = new Rig();
  rig.up().sent();
  for (let n = 0; n < 400; n++) rig.input({ is: 'request', key: `c${n}`, frame: { type: 'work', data: n }, timeoutMs: 3_600_000 });
  const refusals: number[] = [];
  const done: number[] = [];
  // Twenty at once and five a second: a server that answers each frame at once.
  let allowance = 20;
  let last = rig.now;
  for (const end = rig.now + 120_000; rig.now < end; rig.pass(10)) {
    allowance = Math.min(20, allowance + (rig.now - last) / 200);
    last = rig.now;
    for (const frame of rig.sent() as { type: string; id?: number; data?: number }[]) {
      if (frame.type === 'ping') rig.says({ type: 'pong', time_ms: 1 });
      else if (allowance >= 1) {
        allowance--;
        done.push(frame.data!);
        rig.says({ type: 'reply', id: frame.id });
      } else {
        refusals.push(rig.now);
        rig.says(tooFast(frame.id, Math.ceil((1 - allowance) * 200)));
      }
    }
  }
  expect(done).toEqual(Array.from({ length: 400 }, (_, n) => n));
  const inTenSeconds = refusals.map((at) => refusals.filter((other) => other > at - 10_000 && other <= at).length);
  expect(Math.max(...inTenSeconds)).toBeLessThan(20);
});

test('subscriptions after the first ones go in small batches', () => {
  const rig = new Rig();
  rig.up().sent();
  for (let key = 1; key <= 300; key++) rig.input({ is: 'subscribe', key, channel: `c${key}`, since: null, presence: false });
  const sizes: number[] = [];
  for (let frames = rig.sent(); frames.length; frames = rig.sent()) {
    const asks = frames.flat() as { id: number; channel: string }[];
    sizes.push(asks.length);
    for (const { id, channel } of asks) rig.says({ type: 'subscribed', id, channel, recovery: 'fresh' });
  }
  expect(sizes.slice(0, 3)).toEqual([1, 127, 16]);
  expect(Math.max(...sizes.slice(2))).toBe(16);
});

test('a call without a name of its own is not sent twice, one with it is', () => {
  const rig = new Rig();
  rig.up().sent();
  call(rig, 'once');
  call(rig, 'named', { op_id: 'o1' });
  rig.fails();
  expect(rig.take('done')).toMatchObject([{ key: 'once', outcome: { ok: false, error: { code: 'timeout', retryable: true } } }]);
  rig.sent();
  rig.pass(5_000).opens().sent();
  rig.welcomes();
  expect(rig.sent()).toMatchObject([{ data: 'named', op_id: 'o1' }]);
});

test('a call that nobody answers ends in time, sent or not', () => {
  const rig = new Rig();
  call(rig, 'waiting');
  rig.pass(15_000);
  expect(rig.take('done')).toMatchObject([{ key: 'waiting', outcome: { error: { code: 'timeout' } } }]);
  rig.up();
  call(rig, 'sent');
  rig.pass(15_000);
  expect(rig.take('done')).toMatchObject([{ key: 'sent', outcome: { error: { code: 'timeout' } } }]);
});

test('another user gets nothing of what the one before had in mind', () => {
  const rig = new Rig();
  rig.up('ann').fails();
  call(rig, 'of ann', { op_id: 'o1' });
  rig.sent();
  rig.pass(1_000).opens().sent();
  rig.welcomes('bob');
  expect(rig.sent()).toEqual([]);
  expect(rig.take('done')).toMatchObject([{ key: 'of ann', outcome: { error: { code: 'unauthorized' } } }]);
});

test('presence is a list that changes, and old news are dropped', () => {
  const rig = new Rig();
  rig.input({ is: 'subscribe', key: 1, channel: 'a', since: null, presence: true }).up();
  const ann = { user: 'ann', sessions: 1, state: 'active' };
  const bob = { user: 'bob', sessions: 1, state: 'idle' };
  rig.says({ type: 'subscribed', id: 1, channel: 'a', recovery: 'fresh', revision: 3, count: 1, members: [ann] });
  rig.says({ type: 'joined', channel: 'a', revision: 4, count: 2, members: [bob] });
  rig.says({ type: 'left', channel: 'a', revision: 4, count: 1, members: [ann] });
  rig.says({ type: 'left', channel: 'a', revision: 5, count: 1, members: [ann] });
  rig.says({ type: 'joined', channel: 'a', revision: 6, count: 201 });
  const lists = rig.take('tell').map(({ event }) => event).filter((event) => event.kind === 'presence');
  expect(lists).toEqual([
    { kind: 'presence', count: 1, members: [ann] },
    { kind: 'presence', count: 2, members: [ann, bob] },
    { kind: 'presence', count: 1, members: [bob] },
    { kind: 'presence', count: 201, members: null },
  ]);
});

test('what one says of oneself is said again on a new connection', () => {
  const rig = new Rig();
  rig.input({ is: 'subscribe', key: 1, channel: 'a', since: null, presence: true }).up();
  rig.says({ type: 'subscribed', id: 1, channel: 'a', recovery: 'fresh' });
  rig.sent();
  rig.input({ is: 'present', key: 1, state: 'active', meta: { card: 'c1' } });
  const said = { type: 'presence', channel: 'a', state: 'active', meta: { card: 'c1' } };
  expect(rig.sent()).toEqual([said]);
  rig.fails().pass(1_000).opens().sent();
  rig.welcomes();
  expect(rig.sent()).toEqual([[expect.objectContaining({ type: 'subscribe' }), said]]);
});

test('typing is sent while there is a connection, and never later', () => {
  const rig = new Rig();
  rig.input({ is: 'cast', frame: { type: 'typing', channel: 'a', active: true } });
  rig.up();
  expect(rig.sent().filter((frame) => (frame as { type: string }).type === 'typing')).toEqual([]);
});
