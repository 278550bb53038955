// Socket.IO 5, byte by byte, against the conformance fixture: namespaces, events, acks, bytes, what ends a connection,
// and the echo of the codec.

import assert from 'node:assert/strict';
import { OURS, Wire } from './kit.mjs';
import { FIXTURE, Polling, SEPARATOR, SOCKETS, check, join, pong, sockets, take } from './kit/raw.mjs';

const ECHO_LIMIT = 16 * 1024 * 1024;

// Namespaces

for (const [packet, reply, auth] of [
  ['40', '40', '42["auth",{}]'],
  ['40{}', '40', '42["auth",{}]'],
  ['40{"token":"123"}', '40', '42["auth",{"token":"123"}]'],
  ['40/,', '40', '42["auth",{}]'],
  ['40/custom,', '40/custom,', '42/custom,["auth",{}]'],
  ['40/custom', '40/custom,', '42/custom,["auth",{}]'],
  ['40/custom,{"token":"abc","n":[1]}', '40/custom,', '42/custom,["auth",{"token":"abc","n":[1]}]'],
]) {
  check(`${packet} connects, and the reply comes first`, async (t) => {
    const polling = await Polling.open(SOCKETS);
    assert.equal(await polling.post(`4${packet.slice(1)}`), 'ok');
    const packets = await polling.packets(2);
    sid(packets[0], reply, polling.sid);
    assert.equal(packets[1], auth);

    const wire = await sockets(t);
    wire.send(packet);
    sid(await wire.next('CONNECT'), reply);
    assert.equal(await wire.next('the event auth'), auth);
  });
}

function sid(packet, head, engineSid) {
  assert.ok(packet.startsWith(head), packet);
  const payload = JSON.parse(packet.slice(head.length));
  assert.deepEqual(Object.keys(payload), ['sid']);
  assert.match(payload.sid, /^\S{8,}$/);
  assert.notEqual(payload.sid, engineSid, 'the id of the engine is a secret');
}

check('a namespace that is none is refused, and the engine lives', async (t) => {
  const wire = await sockets(t);
  for (const packet of ['40/random', '40/random,', '40/random,{"token":"x"}']) {
    wire.send(packet);
    assert.equal(await wire.next('CONNECT_ERROR'), '44/random,{"message":"Invalid namespace"}');
  }
  await join(wire);
  await echoes(wire);
});

check('both namespaces live side by side and end one by one', async (t) => {
  const wire = await sockets(t);
  await join(wire);
  await join(wire, '/custom,');
  wire.send('41/custom,');
  await echoes(wire);
  await join(wire, '/custom,');
  wire.send('41/custom');
  await echoes(wire);
});

check('who left the root is pinged, and keeps the other namespace', async (t) => {
  const wire = await sockets(t, { answersPings: false });
  await join(wire);
  await join(wire, '/custom,');
  wire.send('41');
  assert.equal(await wire.next('a ping'), '2');
  wire.send('3');
  assert.equal(await wire.next('a ping'), '2');
  wire.send('3');
  await join(wire);
  await echoes(wire);
});

check('41 and then 40 again connects anew', async (t) => {
  const wire = await sockets(t);
  const before = await join(wire);
  wire.send('41');
  // Node's server takes packets of one read out of turn, and closes.
  if (!OURS) await pong(wire);
  const after = await join(wire);
  assert.notEqual(before, after);
  await echoes(wire);
});

check('who connects to no namespace is closed', async (t) => {
  const wire = await sockets(t);
  const begun = Date.now();
  await wire.closed();
  assert.ok(Date.now() - begun > 700, 'not before the time is over');
});

// Events and acks

/** Written as any server writes them that reads them as values. */
const PLAIN = [
  '1,"2",{"3":[true]}',
  '',
  'null',
  '[]',
  '{}',
  '0.1,-5,1e+21,123456789012345',
  '"é€😀\\u0000\\n\\"\\\\/"',
  '{"b":{"a":[[],{},""]},"a":1}',
  '{"_placeholder":false,"num":0}',
];
/** Written as they came by who does not read them. */
const EXACT = ['1.0,-0,1E2,12345678901234567890,0.10', '{"b":1,"1":2,"a":3}', '"\\u00e9\\/"', '{"a":1,"a":2}'];

for (const args of PLAIN) check(`${args || 'no argument'} comes back as it is`, (t) => backAndForth(t, args));
for (const args of EXACT) check(`${args} comes back byte by byte`, { ours: true }, (t) => backAndForth(t, args));

async function backAndForth(t, args) {
  const list = (name) => (args === '' ? `["${name}"]` : `["${name}",${args}]`);
  const polling = await Polling.open(SOCKETS);
  await polling.join();
  await polling.post(`42${list('message')}${SEPARATOR}42456${list('message-with-ack')}`);
  assert.deepEqual(await polling.packets(2), [`42${list('message-back')}`, `43456[${args}]`]);
  const wire = await sockets(t);
  await join(wire);
  for (const id of ['0', '7', '456', '9007199254740991']) {
    wire.send(`42${id}${list('message-with-ack')}`);
    assert.equal(await wire.next('an ack'), `43${id}[${args}]`);
  }
  wire.send(`42${list('message')}`);
  assert.equal(await wire.next('message-back'), `42${list('message-back')}`);
}

check('acks come in the order of their events', async (t) => {
  const wire = await sockets(t);
  await join(wire);
  for (let id = 0; id < 50; id += 1) wire.send(`42${id}["message-with-ack",${id}]`);
  for (let id = 0; id < 50; id += 1) assert.equal(await wire.next('an ack'), `43${id}[${id}]`);
});

// Bytes

const BYTES = Buffer.from([1, 2, 3]);
const MORE = Buffer.from([255, 0, 254, 10]);
const HOLES = '{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]},"text"';

check('bytes come back by WebSocket', async (t) => {
  const wire = await sockets(t);
  await join(wire);
  wire.send(`452-["message",${HOLES}]`, BYTES, MORE);
  assert.deepEqual(await take(wire, 3), [`452-["message-back",${HOLES}]`, BYTES, MORE]);
  wire.send(`452-789["message-with-ack",${HOLES}]`, BYTES, MORE);
  assert.deepEqual(await take(wire, 3), [`462-789[${HOLES}]`, BYTES, MORE]);
  wire.send('451-["message",{"_placeholder":true,"num":0}]', Buffer.alloc(0));
  assert.deepEqual(await take(wire, 2), ['451-["message-back",{"_placeholder":true,"num":0}]', Buffer.alloc(0)]);
});

check('bytes come back by polling', async () => {
  const polling = await Polling.open(SOCKETS);
  await polling.join();
  const attached = [BYTES, MORE].map((bytes) => `b${bytes.toString('base64')}`);
  await polling.post([`452-["message",${HOLES}]`, ...attached].join(SEPARATOR));
  assert.deepEqual(await polling.packets(3), [`452-["message-back",${HOLES}]`, ...attached]);
  await polling.post([`452-789["message-with-ack",${HOLES}]`, ...attached].join(SEPARATOR));
  assert.deepEqual(await polling.packets(3), [`462-789[${HOLES}]`, ...attached]);
});

check('ten attachments are taken', async (t) => {
  const wire = await sockets(t);
  await join(wire);
  const holes = Array.from({ length: 10 }, (_, num) => `{"_placeholder":true,"num":${num}}`);
  const frames = holes.map((_, at) => Buffer.from([at]));
  wire.send(`4510-1["message-with-ack",${holes}]`, ...frames);
  assert.deepEqual(await take(wire, 11), [`4610-1[${holes}]`, ...frames]);
});

// What ends the connection

for (const frames of [['42["message"]'], ['42/custom,["message"]'], ['43["a"]'], ['41'], ['4'], ['4abc'], ['40abc'], ['40[]'], ['40"a"'], [BYTES]]) {
  check(`${frames} before CONNECT ends the connection`, async (t) => {
    const wire = await sockets(t);
    wire.send(...frames);
    assert.deepEqual(await wire.closed(), []);
  });
}

const HOLE = '{"_placeholder":true,"num":0}';
const ENDS = [
  ['CONNECT twice', '40'],
  ['an event of a namespace that was not joined', '42/custom,["message"]'],
  ['no type', '4'],
  ['a type that is none', '4abc'],
  ['a type that is none', '47["message"]'],
  ['a type that is none', '49'],
  ['malformed JSON', '42["message"'],
  ['malformed JSON', '42["message",]'],
  ['an ack id that is none', '42abc["message-with-ack",1]'],
  ['an ack id that is none', '42-1["message-with-ack",1]'],
  ['an object', '42{}'],
  ['a text', '42"message"'],
  ['no name', '42[]'],
  ['a name that is none', '42[{}]'],
  ['a name that is none', '42[null]'],
  ['a reserved name', '42["connect"]'],
  ['a reserved name', '42["connect_error"]'],
  ['a reserved name', '42["disconnect"]'],
  ['a reserved name', '42["disconnecting"]'],
  ['a reserved name', '42["newListener"]'],
  ['a reserved name', '42["removeListener"]'],
  ['an ack of an object', '431{}'],
  ['DISCONNECT with a payload', '41{}'],
  ['CONNECT_ERROR of a client', '44{"message":"no"}'],
  ['a ping of a client', '2'],
  ['no number of attachments', `45["message",${HOLE}]`],
  ['no attachments', '450-["message"]'],
  ['a number that is none', `45x-["message",${HOLE}]`],
  ['eleven attachments', `4511-["message",${HOLE}]`],
  ['a text instead of bytes', `451-["message",${HOLE}]`, '42["message"]'],
  ['bytes that nobody announced', BYTES],
  ['an attachment that is none', '451-["message",{"_placeholder":true,"num":5}]', BYTES],
];
for (const [what, ...frames] of ENDS) {
  check(`${what} ends the connection: ${frames.map(String)}`, async (t) => {
    const wire = await sockets(t);
    await join(wire);
    wire.send(...frames);
    assert.deepEqual(await wire.closed(), []);
  });
}

check('a malformed packet in a post ends the session', async () => {
  const polling = await Polling.open(SOCKETS);
  await polling.join();
  await polling.postStatus('42["message"');
  await polling.ended();
});

// The echo of the codec

check('/echo echoes texts, bytes and fragments', async (t) => {
  const wire = await Wire.open(t, `${FIXTURE}/echo`, { perMessageDeflate: false });
  assert.equal(wire.socket.extensions, '');
  const long = 'x'.repeat(1 << 20);
  wire.send('hello', '', BYTES, Buffer.alloc(0), long);
  wire.socket.send('frag', { fin: false });
  wire.socket.send('men', { fin: false });
  wire.socket.send('ted', { fin: true });
  assert.deepEqual(await take(wire, 6), ['hello', '', BYTES, Buffer.alloc(0), long, 'fragmented']);
  assert.equal(await pong(wire), 'are you there');
});

check('/echo negotiates permessage-deflate', async (t) => {
  const wire = await Wire.open(t, `${FIXTURE}/echo`, { perMessageDeflate: { threshold: 0 } });
  assert.match(wire.socket.extensions, /permessage-deflate/);
  const long = 'deflate '.repeat(100_000);
  wire.send('hello', long, Buffer.from(long), 'hello');
  assert.deepEqual(await take(wire, 4), ['hello', long, Buffer.from(long), 'hello']);
});

check('/echo takes 16 MiB and no more', async (t) => {
  const wire = await Wire.open(t, `${FIXTURE}/echo`, { perMessageDeflate: false });
  const largest = Buffer.alloc(ECHO_LIMIT, 7);
  wire.send(largest);
  assert.ok((await wire.next('16 MiB')).equals(largest));
  wire.send(Buffer.alloc(ECHO_LIMIT + 1));
  await wire.closed();
  assert.equal(wire.code, 1009);
});

async function echoes(wire) {
  wire.send('42["message","still here"]');
  assert.equal(await wire.next('message-back'), '42["message-back","still here"]');
}
