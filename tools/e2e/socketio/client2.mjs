// A client of the 2.x line, which speaks EIO3, against a server that lets it in.

import assert from 'node:assert/strict';
import io from 'socket.io-client-2';
import { OURS, Wire, ask, connected as connected4, listen, next, required, test, unique, until, within } from './kit.mjs';

const APP = required('SIO_APP');
const FIXTURE = required('SIO_FIXTURE');
const BYTES = Buffer.from([0, 1, 2, 253, 254, 255]);
const WAYS = {
  'by default': {},
  'by polling': { transports: ['polling'] },
  'by polling of text alone': { transports: ['polling'], forceBase64: true },
  'by WebSocket': { transports: ['websocket'] },
};

for (const [way, options] of Object.entries(WAYS)) {
  test(`events, acks and bytes ${way}`, async (t) => {
    const socket = await connected(t, '/', options);
    const args = [1, '2', { 3: [true, null] }, 'é€😀'];
    assert.deepEqual(await answers(socket, 'echo', ...args), args);
    const bounced = next(socket, 'bounce');
    socket.emit('bounce', ...args);
    assert.deepEqual((await bounced).slice(0, args.length), args);

    const [echoed] = await answers(socket, 'echo', { list: [BYTES, { deep: BYTES }] });
    assert.deepEqual([Buffer.from(echoed.list[0]), Buffer.from(echoed.list[1].deep)], [BYTES, BYTES]);
    const back = next(socket, 'bounce');
    socket.emit('bounce', BYTES, 'and a text');
    const [bytes, text] = await back;
    assert.deepEqual(Buffer.from(bytes), BYTES);
    assert.equal(text, 'and a text');
  });

  test(`a namespace ${way}`, async (t) => {
    const socket = await connected(t, '/chat', { ...options, query: { flavour: 'vanilla' } });
    const seen = await ask(socket, 'whoami');
    assert.equal(seen.nsp, '/chat');
    // A client of this revision calls itself by its engine's id, which is a secret of ours.
    if (!OURS) assert.equal(seen.id, socket.id);
    assert.equal(seen.query.flavour, 'vanilla');
    const room = unique('room');
    const other = await connected(t, '/chat', options);
    for (const each of [socket, other]) await ask(each, 'join', { room });
    const heard = listen(other, 'said');
    socket.emit('say', { room, text: 'hello' });
    await until('it is heard', () => heard.length);
    assert.deepEqual(heard, [{ from: seen.id, text: 'hello' }]);
  });

  test(`the server asks ${way}`, async (t) => {
    const socket = await connected(t, '/', options);
    socket.on('question', (question, answer) => answer(`${question} yes`));
    assert.equal(await ask(socket, 'ask_me', { question: 'well?' }), 'well? yes');
  });

  test(`the server disconnects ${way}`, async (t) => {
    const socket = await connected(t, '/', options);
    const gone = next(socket, 'disconnect');
    socket.emit('disconnect_me', { close: false });
    assert.equal((await gone)[0], 'io server disconnect');
  });
}

test('a client upgrades from polling to WebSocket', async (t) => {
  const socket = await connected(t, '/');
  await until('the upgrade', () => socket.io.engine.transport.name, (name) => name === 'websocket');
  assert.deepEqual(await answers(socket, 'echo', 'upgraded'), ['upgraded']);
});

test('a namespace that is none, and a refusal, are the event error', async (t) => {
  assert.deepEqual(await next(client(t, '/nope'), 'error'), [{ message: 'Invalid namespace' }]);
  assert.deepEqual(await next(client(t, '/private'), 'error'), [{ code: 'E_AUTH' }]);
});

test('the query of a namespace is its auth', async (t) => {
  const socket = await connected(t, '/chat?key=let%20me%20in');
  const seen = await ask(socket, 'whoami');
  assert.equal(seen.nsp, '/chat');
  assert.equal(seen.auth.key, 'let me in');
});

test('a token in an address is refused', { ours: true }, async (t) => {
  // The client repeats the namespace's query in the engine's address, which proxies log.
  await assert.rejects(connected(t, '/private?token=let%20me%20in'), /400/);
});

test('both lines of clients meet in a room', async (t) => {
  const room = unique('room');
  const [old, young] = await Promise.all([connected(t, '/'), connected4(t)]);
  for (const socket of [old, young]) await ask(socket, 'join', { room });
  const heard = [listen(old, 'item'), listen(young, 'item')];
  await ask(young, 'publish', { room, from: 1, to: 5 });
  await until('all is heard', () => heard.every(({ length }) => length === 5));
  assert.deepEqual(heard, [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]);
});

// Byte by byte

test('the root is joined unasked, and the client pings', async (t) => {
  const wire = await Wire.open(t, `${APP}/socket.io/?EIO=3&transport=websocket`, { answersPings: false });
  const { sid, ...rest } = JSON.parse((await wire.next('the open packet')).slice(1));
  assert.ok(sid);
  assert.deepEqual(rest.upgrades, []);
  assert.equal(await wire.next('CONNECT'), '40');
  wire.send('2', '420["echo",1]', '2probe');
  assert.deepEqual([await wire.next(), await wire.next(), await wire.next()].sort(), ['3', '3', '430[1]']);
  // Bytes bear their type.
  wire.send('451-["bounce",{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 2, 3]));
  assert.match(await wire.next(), /^451-\["bounce",\{"_placeholder":true,"num":0\}/);
  assert.deepEqual(await wire.next(), Buffer.from([4, 1, 2, 3]));
});

test('packets of a poll are framed by their length in UTF-16 units', async () => {
  const url = `${APP}/socket.io/?EIO=3&transport=polling&b64=1`;
  const get = async (query) => unframe(await (await fetch(`${url}${query}`)).text());
  const [open, ...early] = await get('');
  const { sid, upgrades } = JSON.parse(open.slice(1));
  assert.deepEqual(upgrades, ['websocket']);
  const packets = early;
  const more = async (count) => {
    while (packets.length < count) packets.push(...(await get(`&sid=${sid}`)));
    return packets.splice(0, count);
  };
  assert.deepEqual(await more(1), ['40']);
  const texts = ['é€😀', 'plain'].map((text) => `42${text.length}["echo","${text}"]`);
  const body = texts.map((packet) => `${packet.length}:${packet}`).join('');
  assert.equal(await (await fetch(`${url}&sid=${sid}`, { method: 'POST', body })).text(), 'ok');
  assert.deepEqual(await more(2), ['434["é€😀"]', '435["plain"]']);
  const bytes = '451-0["echo",{"_placeholder":true,"num":0}]';
  await (await fetch(`${url}&sid=${sid}`, { method: 'POST', body: `${bytes.length}:${bytes}10:b4AQIDBA==` })).text();
  assert.deepEqual(await more(2), ['461-0[{"_placeholder":true,"num":0}]', 'b4AQIDBA==']);
  await (await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '1:1' })).text().catch(() => {});
});

function unframe(text) {
  const packets = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const end = colon + 1 + Number(text.slice(at, colon));
    packets.push(text.slice(colon + 1, end));
    at = end;
  }
  return packets;
}

test('a server that does not let them in says so', async (t) => {
  const response = await fetch(`${FIXTURE}/socket.io/?EIO=3&transport=polling`);
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), { code: 5, message: 'Unsupported protocol version' });
  const socket = io(FIXTURE, { forceNew: true, reconnection: false });
  t.after(() => socket.close());
  assert.ok(await next(socket, 'connect_error'));
});

/** A client that ends with its test; it is not yet connected. */
function client(t, namespace, options = {}) {
  const socket = io(`${APP}${namespace}`, { forceNew: true, reconnection: false, ...options });
  t.after(() => socket.close());
  return socket;
}

async function connected(t, namespace, options) {
  const socket = client(t, namespace, options);
  const joined = new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    for (const refusal of ['connect_error', 'error']) socket.once(refusal, (error) => reject(new Error(`refused: ${JSON.stringify(error)}`)));
  });
  await within(joined, 'a connection');
  return socket;
}

function answers(socket, event, ...args) {
  return within(new Promise((resolve) => socket.emit(event, ...args, (...all) => resolve(all))), `an ack of ${event}`);
}
