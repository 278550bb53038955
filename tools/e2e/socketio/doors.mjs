// One channel, many doors: the native WebSocket, a stock Socket.IO client, server-sent events and HTTP.
//
// A stock client sends the frames of the native protocol as events: the name is the frame's `type`, and the one argument
// has its other fields. A call has its data as the first argument, and `{channel, op_id}` as the second. The ack gets the
// reply's `data`, or `{error}`. What it
// subscribes to comes as events of the publication's name, with the publication's `data` as the first argument.

import assert from 'node:assert/strict';
import { Wire, ask, connected, listen, required, test, unique, until, within } from './kit.mjs';

const OURS = { ours: true };

test('what any door publishes comes to all of them, alike and in order', OURS, async (t) => {
  const channel = unique('doors');
  const [native, stock, events] = await listeners(t, channel);
  const values = [{ text: 'é€😀', n: [1, null] }, 'a text', 7, null, [1, [2]], false];
  const ways = [
    (data) => native.call({ type: 'message', channel, data }),
    (data) => emit(stock, 'message', channel, data),
    (data) => publish({ channel, data }),
  ];
  const expected = [];
  for (const [at, value] of values.entries()) {
    // Each value by two of the three, in turn.
    for (const way of [ways[at % 3], ways[(at + 1) % 3]]) {
      await way(value);
      expected.push(value);
    }
  }
  await until('all is heard', () => [native, stock, events].map((door) => door.heard.length), (counts) => counts.every((count) => count >= expected.length));
  for (const door of [native, stock, events]) assert.deepEqual(door.heard.map(({ data }) => data), expected);
  assert.deepEqual(native.frames.map(({ offset }) => offset), expected.map((_, at) => at + 1));
  assert.deepEqual(events.frames, native.frames, 'a stream has the frames of a WebSocket');
});

test('what all doors publish at once has one order', OURS, async (t) => {
  const channel = unique('doors');
  const [native, stock, events] = await listeners(t, channel);
  const rounds = [0, 1, 2, 3];
  await Promise.all(rounds.flatMap((n) => [
    native.call({ type: 'message', channel, data: `native ${n}` }),
    emit(stock, 'message', channel, `stock ${n}`),
    publish({ channel, data: `http ${n}` }),
  ]));
  const count = 3 * rounds.length;
  await until('all is heard', () => [native, stock, events].map((door) => door.heard.length), (counts) => counts.every((length) => length >= count));
  const order = native.heard.map(({ data }) => data);
  assert.equal(new Set(order).size, count);
  assert.deepEqual(stock.heard.map(({ data }) => data), order);
  assert.deepEqual(events.heard.map(({ data }) => data), order);
  for (const name of ['native', 'stock']) {
    assert.deepEqual(order.filter((text) => text.startsWith(name)), rounds.map((n) => `${name} ${n}`), `${name} is in its own order`);
  }
});

test('an event with a name of its own keeps it', OURS, async (t) => {
  const channel = unique('doors');
  const [native, stock, events] = await listeners(t, channel);
  const noted = listen(stock.socket, 'new_post');
  await publish({ channel, event: 'new_post', data: { title: 'Tea' } });
  await until('it is heard', () => [native, events].every(({ frames }) => frames.length === 1) && noted.length === 1);
  assert.deepEqual(noted, [{ title: 'Tea' }]);
  assert.equal(native.frames[0].type, 'new_post');
  assert.deepEqual(events.frames, native.frames);
});

test('bytes of a stock client are bytes to stock clients, and text to the others', OURS, async (t) => {
  const channel = unique('doors');
  const [native, stock, events] = await listeners(t, channel);
  const bytes = Buffer.from([0, 1, 254, 255]);
  await emit(stock, 'message', channel, { picture: bytes });
  await until('it is heard', () => [native, stock, events].every((door) => door.heard.length === 1));
  assert.deepEqual(Buffer.from(stock.heard[0].data.picture), bytes);
  assert.deepEqual(native.heard[0].data, { picture: { $binary: bytes.toString('base64') } });
  assert.deepEqual(events.heard[0].data, native.heard[0].data);
});

test('a channel that was left is silent, and one that may not be heard is refused', OURS, async (t) => {
  const channel = unique('doors');
  const [native, stock] = await listeners(t, channel);
  await publish({ channel, data: 1 });
  await until('one is heard', () => stock.heard.length === 1);
  const left = await ask(stock.socket, 'unsubscribe', { channel });
  assert.equal(left?.error, undefined);
  await publish({ channel, data: 2 });
  await until('two is heard', () => native.heard.length === 2);
  const refused = await ask(stock.socket, 'subscribe', { channel: 'nobody-declared-this:x' });
  assert.equal(refused.error.code, 'forbidden');
  assert.equal(stock.heard.length, 1);
});

test('a stock client moves a card of Realtime Desk, and all doors see it', OURS, async (t) => {
  const native = await Native.open(t);
  const board = unique('b').slice(0, 32);
  const channel = `board:${board}`;
  const make = (type, data, where = channel) => native.call({ type, channel: where, op_id: unique('op'), data });
  await make('board.create', { board, title: 'Doors' }, undefined);
  for (const list of ['todo', 'done']) await make('list.create', { list, title: list });
  await make('card.create', { card: 'tea', list: 'todo', title: 'Tea' });
  await native.subscribe(channel);
  const [stock, events] = await Promise.all([Stock.open(t), Events.open(t, channel)]);
  await stock.subscribe(channel);
  const moved = listen(stock.socket, 'card.moved');

  const op_id = unique('op');
  const reply = await ask(stock.socket, 'card.move', { card: 'tea', to_list: 'done' }, { channel, op_id });
  assert.equal(reply.error, undefined, JSON.stringify(reply));
  await until('the card is moved at all doors', () => [native, events].every(({ frames }) => frames.length === 1) && moved.length === 1);
  const [frame] = native.frames;
  assert.equal(frame.type, 'card.moved');
  assert.equal(frame.op_id, op_id);
  assert.equal(frame.from.user, 'ann');
  assert.equal(frame.data.card, 'tea');
  assert.equal(frame.data.list, 'done');
  assert.deepEqual(moved, [frame.data]);
  assert.deepEqual(events.frames, [frame]);

  const refused = await ask(stock.socket, 'card.move', { card: 'coffee', to_list: 'done' }, { channel, op_id: unique('op') });
  assert.equal(refused.error.code, 'not_found');
});

/** One listener a door, each subscribed. */
async function listeners(t, channel) {
  const [native, stock, events] = await Promise.all([Native.open(t), Stock.open(t), Events.open(t, channel)]);
  await Promise.all([native.subscribe(channel), stock.subscribe(channel)]);
  return [native, stock, events];
}

/** A native WebSocket. `frames` are the publications that came, `heard` what they say. */
class Native {
  #replies = new Map();
  #id = 0;
  frames = [];

  static async open(t) {
    const native = new Native();
    const headers = { authorization: `Bearer ${required('SIO_TOKEN')}` };
    native.wire = await Wire.open(t, `${required('SIO_VECHE')}/realtime/ws`, { headers });
    native.wire.socket.on('message', (text) => native.#take(JSON.parse(text)));
    return native;
  }

  get heard() {
    return this.frames;
  }

  #take(frame) {
    if (frame.id !== undefined) this.#replies.get(frame.id)(frame);
    else if (frame.time_ms !== undefined && 'data' in frame && !frame.channel.startsWith('user:')) this.frames.push(frame);
  }

  /** Sends a frame and waits for its answer. */
  async call(frame) {
    const id = (this.#id += 1);
    const answer = new Promise((resolve) => this.#replies.set(id, resolve));
    this.wire.send(JSON.stringify({ ...frame, id }));
    const reply = await within(answer, `the reply to ${frame.type}`);
    assert.notEqual(reply.type, 'error', JSON.stringify(reply));
    return reply;
  }

  subscribe(channel) {
    return this.call({ type: 'subscribe', channel });
  }
}

/** A stock Socket.IO client: `heard` has the first arguments of `message`. */
class Stock {
  heard = [];

  static async open(t) {
    const stock = new Stock();
    stock.socket = await connected(t, '/', { url: required('SIO_VECHE'), auth: { token: required('SIO_TOKEN') } });
    stock.socket.on('message', (data) => stock.heard.push({ data }));
    return stock;
  }

  async subscribe(channel) {
    const answer = await ask(this.socket, 'subscribe', { channel });
    assert.equal(answer?.error, undefined, JSON.stringify(answer));
  }
}

/** A stream of server-sent events; `frames` and `heard` are as of a native WebSocket. */
class Events {
  frames = [];

  static async open(t, channel) {
    const events = new Events();
    const controller = new AbortController();
    t.after(() => controller.abort());
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${required('SIO_TOKEN')}` };
    const url = `${required('SIO_VECHE')}/realtime/events?channel=${encodeURIComponent(channel)}`;
    const response = await within(fetch(url, { headers, signal: controller.signal }), 'the stream');
    assert.equal(response.status, 200);
    const begun = new Promise((resolve) => {
      events.#read(response.body, resolve).catch((error) => controller.signal.aborted || t.diagnostic(`the stream broke: ${error}`));
    });
    await within(begun, 'the first id of the stream');
    return events;
  }

  get heard() {
    return this.frames;
  }

  async #read(body, begun) {
    let text = '';
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + piece).split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        if (/^id: /m.test(block)) begun();
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data) this.frames.push(JSON.parse(data));
      }
    }
  }
}

/** A frame by a stock client: its fields are one argument, and its answer is the ack. */
async function emit(stock, type, channel, data) {
  const answer = await ask(stock.socket, type, { channel, data });
  assert.equal(answer?.error, undefined, JSON.stringify(answer));
}

/** A publication of a back end. */
async function publish(body) {
  const headers = { authorization: `Bearer ${required('SIO_KEY')}`, 'content-type': 'application/json' };
  const response = await fetch(`${required('SIO_VECHE')}/api/v1/publish`, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(response.status, 200, await response.text());
}
