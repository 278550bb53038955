// The conformance fixture, byte by byte: Engine.IO 4 and Socket.IO 5 by plain HTTP and WebSockets.
//
// The fixture gives a client 500 ms to live without a pong. A test that failed after more than that has perhaps lost
// a race on a busy machine, and is run again; one that failed sooner has not.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { OURS, PATIENCE_MS, Wire, pause, required, test, until, within } from './kit.mjs';

const FIXTURE = required('SIO_FIXTURE');
const ENGINE = `${FIXTURE}/engine.io/`;
const SOCKETS = `${FIXTURE}/socket.io/`;
/** What a session lives without a pong. */
const LIFE_MS = 500;
const SEPARATOR = '\x1e';
const MAX_PAYLOAD = 1_000_000;
const ECHO_LIMIT = 16 * 1024 * 1024;

function check(name, options, body = options) {
  test(name, options, async (t) => {
    for (let attempt = 1; ; attempt += 1) {
      const begun = Date.now();
      try {
        return await body(t);
      } catch (error) {
        const took = Date.now() - begun;
        if (attempt === 5 || took < LIFE_MS * 0.8 || took >= PATIENCE_MS) throw error;
        t.diagnostic(`again, for it may have been late: ${error.message}`);
      }
    }
  });
}

// Engine.IO: the handshake

check('a handshake by polling', async () => {
  const response = await fetch(`${ENGINE}?EIO=4&transport=polling`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type'), /^text\/plain; ?charset=utf-8$/i);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  const body = await response.text();
  assert.equal(body[0], '0');
  open(body, ['websocket']);
});

check('a handshake by WebSocket', async (t) => {
  const wire = await Wire.open(t, `${ENGINE}?EIO=4&transport=websocket`);
  open(await wire.next('the open packet'), []);
});

function open(packet, upgrades) {
  const { sid, ...rest } = JSON.parse(packet.slice(1));
  assert.match(sid, /^\S{8,}$/);
  assert.deepEqual(rest, { upgrades, pingInterval: 300, pingTimeout: 200, maxPayload: MAX_PAYLOAD });
}

const REFUSALS = [
  ['GET', '', 0, 'Transport unknown'],
  ['GET', '?EIO=4', 0, 'Transport unknown'],
  ['GET', '?EIO=4&transport=abc', 0, 'Transport unknown'],
  ['GET', '?EIO=4&transport=polling&sid=abc', 1, 'Session ID unknown'],
  ['POST', '?EIO=4&transport=polling&sid=abc', 1, 'Session ID unknown'],
  ['POST', '?EIO=4&transport=polling', 2, 'Bad handshake method'],
  ['PUT', '?EIO=4&transport=polling', 2, 'Bad handshake method'],
  ['GET', '?EIO=4&transport=websocket', 3, 'Bad request'],
  ['GET', '?transport=polling', 5, 'Unsupported protocol version'],
  ['GET', '?EIO=3&transport=polling', 5, 'Unsupported protocol version'],
  ['GET', '?EIO=abc&transport=polling', 5, 'Unsupported protocol version'],
];
for (const [method, query, code, message] of REFUSALS) {
  check(`${method} ${query || 'without a query'} is refused with ${code}`, async () => {
    for (const path of [ENGINE, SOCKETS]) {
      const response = await fetch(`${path}${query}`, { method });
      assert.equal(response.status, 400);
      assert.match(response.headers.get('content-type'), /^application\/json/);
      assert.deepEqual(JSON.parse(await response.text()), { code, message });
    }
  });
}

check('a WebSocket with a wrong query does not open', async (t) => {
  for (const query of ['?EIO=4', '?EIO=4&transport=abc', '?EIO=4&transport=websocket&sid=abc', '?EIO=3&transport=websocket']) {
    const wire = new Wire(`${ENGINE}${query}`);
    t.after(() => wire.socket.terminate());
    const frames = await wire.closed(`the end of ${query}`);
    assert.deepEqual(frames, [], query);
    // Node's server upgrades before it reads the version.
    if (OURS || !query.includes('EIO=3')) assert.equal(wire.refusal, 400, query);
  }
});

check('a preflight of another origin is allowed', async () => {
  const headers = { origin: 'http://other.test', 'access-control-request-method': 'POST' };
  const response = await fetch(`${ENGINE}?EIO=4&transport=polling`, { method: 'OPTIONS', headers });
  assert.ok(response.ok, `${response.status}`);
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  assert.match(response.headers.get('access-control-allow-methods'), /POST/);
});

// Engine.IO: messages

check('a text is echoed by polling', async () => {
  const polling = await Polling.open(ENGINE);
  assert.equal(await polling.post('4hello'), 'ok');
  assert.equal(await polling.poll(), '4hello');
});

check('several packets of one post come back in one poll', async () => {
  const polling = await Polling.open(ENGINE);
  assert.equal(await polling.post('4a\x1e4b'), 'ok');
  assert.equal(await polling.poll(), '4a\x1e4b');
  assert.equal(await polling.post('4€\x1ebAQIDBA==\x1e4'), 'ok');
  assert.equal(await polling.poll(), '4€\x1ebAQIDBA==\x1e4');
});

check('a poll waits for what is posted later', async () => {
  const polling = await Polling.open(ENGINE);
  const answer = polling.poll();
  assert.equal(await polling.post('4later'), 'ok');
  assert.equal(await answer, '4later');
});

check('texts and bytes are echoed in order by a WebSocket', async (t) => {
  const wire = await engine(t);
  const texts = Array.from({ length: 20 }, (_, at) => `4${at}`);
  wire.send(...texts.slice(0, 10), Buffer.from([1, 2, 3, 4]), ...texts.slice(10), Buffer.alloc(0), '4');
  for (const text of texts.slice(0, 10)) assert.equal(await wire.next(), text);
  assert.deepEqual(await wire.next(), Buffer.from([1, 2, 3, 4]));
  for (const text of texts.slice(10)) assert.equal(await wire.next(), text);
  assert.deepEqual(await wire.next(), Buffer.alloc(0));
  assert.equal(await wire.next(), '4');
});

check('the largest payload is taken, and a larger one ends the session', async (t) => {
  const largest = `4${'x'.repeat(MAX_PAYLOAD - 1)}`;
  const polling = await Polling.open(ENGINE);
  assert.equal(await polling.post(largest), 'ok');
  assert.equal(await polling.poll(), largest);
  const status = await polling.postStatus(`${largest}x`);
  // Who answers before it has read everything may reset the connection.
  assert.ok(status === 413 || status === 'lost', `${status}`);
  await polling.ended();

  const wire = await engine(t);
  wire.send(largest);
  assert.equal(await wire.next(), largest);
  wire.send(`${largest}x`);
  await wire.closed();
  assert.equal(wire.code, 1009);
});

// Engine.IO: one request of each kind

check('a second poll is refused, and the session ends', async () => {
  const polling = await Polling.open(ENGINE);
  const answers = await Promise.all([polling.get(), polling.get()]);
  const statuses = answers.map(({ status }) => status).sort();
  assert.equal(statuses[1], 400, `${statuses}`);
  await polling.ended();
});

check('a second post is refused, and the session ends', async () => {
  const polling = await Polling.open(ENGINE);
  const slow = request(polling.url, { method: 'POST', headers: { 'content-length': 10, 'content-type': 'text/plain' } });
  slow.on('error', () => {});
  slow.write('4a');
  let second;
  do {
    // Until the server has seen the first.
    second = await fetch(polling.url, { method: 'POST', body: '4b' });
  } while (second.status === 200);
  assert.equal(second.status, 400);
  assert.doesNotMatch(await second.text(), /Session ID unknown/);
  await polling.ended();
  slow.destroy();
});

check('a poll that its client gives up ends the session', async () => {
  const polling = await Polling.open(ENGINE);
  const given = request(polling.url);
  given.on('error', () => {});
  given.end();
  await once(given, 'finish');
  await pause(30);
  given.destroy();
  await polling.ended();
});

check('a post of raw bytes ends the session', async () => {
  const polling = await Polling.open(ENGINE);
  const headers = { 'content-type': 'application/octet-stream' };
  const response = await fetch(polling.url, { method: 'POST', headers, body: '4a' });
  assert.equal(response.status, 400);
  await polling.ended();
});

for (const packet of ['abc', '9', '', '2', `4a${SEPARATOR}abc`]) {
  check(`the packet ${JSON.stringify(packet)} ends a session`, async (t) => {
    const polling = await Polling.open(ENGINE);
    await polling.postStatus(packet);
    await polling.ended();
    if (packet.includes(SEPARATOR)) return;
    const wire = await engine(t);
    wire.send(packet);
    await wire.closed();
  });
}

check('the packet 1 ends a session at once, and answers the poll that waits', async (t) => {
  const polling = await Polling.open(ENGINE);
  const waiting = polling.get();
  // The poll first: without one there is nothing to answer.
  await pause(30);
  await polling.postStatus('1');
  const { status, body } = await waiting;
  assert.ok(status === 200 ? ['6', '1'].includes(body) : status === 400, `${status} ${body}`);
  await polling.ended();
});

// By WebSocket, Node's server passes it over, and goes on pinging.
check('the packet 1 ends a WebSocket session at once', { ours: true }, async (t) => {
  const begun = await Promise.all([engine(t), sockets(t), sockets(t)]);
  await join(begun[2]);
  for (const wire of begun) {
    wire.send('1');
    assert.deepEqual(await wire.closed(), []);
  }
});

// Engine.IO: heartbeats

check('the server pings, by polling, who answers', async () => {
  const polling = await Polling.open(ENGINE);
  for (let round = 0; round < 3; round += 1) {
    assert.equal(await polling.poll(), '2');
    assert.equal(await polling.post('3'), 'ok');
  }
});

check('the server pings, by WebSocket, who answers', async (t) => {
  const wire = await engine(t, { answersPings: false });
  for (let round = 0; round < 3; round += 1) {
    assert.equal(await wire.next('a ping'), '2');
    wire.send('3');
  }
});

check('who does not answer a ping is gone', async (t) => {
  const polling = await Polling.open(ENGINE);
  const wire = await engine(t, { answersPings: false });
  assert.equal(await polling.poll(), '2');
  assert.equal(await wire.next('a ping'), '2');
  await wire.closed();
  await until('the polling session is gone', () => polling.postStatus('4late'), (status) => status === 400);
});

check('a pong that comes after its deadline does not save a session', async () => {
  const polling = await Polling.open(ENGINE);
  assert.equal(await polling.poll(), '2');
  await pause(2 * LIFE_MS);
  const late = await fetch(polling.url, { method: 'POST', body: '3' });
  assert.equal(late.status, 400);
  assert.deepEqual(await late.json(), { code: 1, message: 'Session ID unknown' });
});

// Engine.IO: the upgrade

check('an upgrade flushes the poll that waits, and takes the session over', async (t) => {
  const polling = await Polling.open(ENGINE);
  const waiting = polling.poll();
  const wire = await probe(t, polling);
  assert.equal(await waiting, '6');
  wire.send('5', '4hello');
  assert.equal(await wire.next(), '4hello');
  const { status } = await polling.get();
  assert.equal(status, 400);
  assert.equal(await polling.postStatus('4no'), 400);
  wire.send('4still here');
  assert.equal(await wire.next(), '4still here');
});

check('a ping finds an upgraded session', async (t) => {
  const polling = await Polling.open(ENGINE);
  const wire = await probe(t, polling, { answersPings: false });
  wire.send('5');
  assert.equal(await wire.next('a ping'), '2');
  wire.send('3');
  assert.equal(await wire.next('a ping'), '2');
});

check('polls go on while an upgrade is under way', async (t) => {
  const polling = await Polling.open(ENGINE);
  const wire = await probe(t, polling);
  assert.equal(await polling.poll(), '6');
  assert.equal(await polling.post('4by post'), 'ok');
  assert.match(await polling.poll(), /4by post/);
  wire.send('5', '4hello');
  assert.equal(await wire.next(), '4hello');
});

// Node's server looks for a waiting poll ten times a second, and takes two at once for an overlap.
check('no poll waits while an upgrade is under way, however many there are', { ours: true }, async (t) => {
  const polling = await Polling.open(ENGINE);
  const before = polling.poll();
  const wire = await probe(t, polling);
  assert.equal(await before, '6');
  assert.deepEqual(await Promise.all([polling.poll(), polling.poll(), polling.poll()]), ['6', '6', '6']);
  wire.send('5', '4hello');
  assert.equal(await wire.next(), '4hello');
});

check('what was said before an upgrade ends is not lost', async (t) => {
  const polling = await Polling.open(ENGINE);
  const wire = await probe(t, polling);
  assert.equal(await polling.post('4first'), 'ok');
  wire.send('5', '4second');
  assert.equal(await wire.next(), '4first');
  assert.equal(await wire.next(), '4second');
});

check('a second WebSocket of an upgraded session is closed, and the first lives', async (t) => {
  const polling = await Polling.open(ENGINE);
  const wire = await probe(t, polling);
  wire.send('5', '4here');
  assert.equal(await wire.next(), '4here');
  await second(t, polling.sid);
  wire.send('4hello');
  assert.equal(await wire.next(), '4hello');
});

check('a second WebSocket during the upgrade is closed, and the first goes on', async (t) => {
  const polling = await Polling.open(ENGINE);
  const wire = await probe(t, polling);
  await second(t, polling.sid);
  wire.send('5', '4hello');
  assert.equal(await wire.next(), '4hello');
});

// Node's server waits 10 s for the probe of an upgrade that cannot be.
check('a second WebSocket of a session that is one is closed', { ours: true }, async (t) => {
  const wire = new Wire(`${ENGINE}?EIO=4&transport=websocket`);
  t.after(() => wire.socket.terminate());
  const { sid } = JSON.parse((await wire.next('the open packet')).slice(1));
  await second(t, sid);
  wire.send('4hello');
  assert.equal(await wire.next(), '4hello');
});

check('half an upgrade leaves the polling session as it was', async (t) => {
  const polling = await Polling.open(ENGINE);
  const garbage = await Wire.open(t, `${ENGINE}?EIO=4&transport=websocket&sid=${polling.sid}`);
  garbage.send('4no probe');
  await garbage.closed();
  const dropped = await probe(t, polling);
  dropped.socket.terminate();
  await dropped.closed();
  assert.equal(await polling.post('4hello'), 'ok');
  assert.match(await polling.poll(), /4hello|6/);
});

// Socket.IO: namespaces

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

// Socket.IO: events and acks

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
const EXACT = ['1.0,-0,1E2,12345678901234567890,0.10', '{"b":1,"1":2,"a":3}', '"\\u00e9\\/"', '{"a":1,"a":2}', ' 1 , 2 '];

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

// Socket.IO: binary

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

// Socket.IO: what ends the connection

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

/** A session by polling. */
class Polling {
  constructor(url, sid) {
    this.url = `${url}?EIO=4&transport=polling&sid=${sid}`;
    this.sid = sid;
  }

  static async open(url) {
    const response = await fetch(`${url}?EIO=4&transport=polling`);
    return new Polling(url, JSON.parse((await response.text()).slice(1)).sid);
  }

  async get() {
    const response = await fetch(this.url, { signal: AbortSignal.timeout(10_000) });
    return { status: response.status, body: await response.text() };
  }

  async poll() {
    const { status, body } = await this.get();
    assert.equal(status, 200, body);
    return body;
  }

  /** So many packets, by as many polls as it takes; pings are answered. */
  async packets(count) {
    const packets = [];
    while (packets.length < count) {
      for (const packet of (await this.poll()).split(SEPARATOR)) {
        if (packet === '2') await this.post('3');
        else packets.push(packet);
      }
    }
    return packets;
  }

  async post(body) {
    const response = await fetch(this.url, { method: 'POST', body });
    assert.equal(response.status, 200);
    return response.text();
  }

  /** The status of a post; a server that ends the session may drop the connection, too. */
  async postStatus(body) {
    try {
      const response = await fetch(this.url, { method: 'POST', body });
      await response.text();
      return response.status;
    } catch {
      return 'lost';
    }
  }

  /** Joins the root. */
  async join() {
    await this.post('40');
    assert.match((await this.packets(2))[1], /^42\["auth"/);
  }

  /** Waits until the server does not know the session any more, which takes no longer than noticing. */
  async ended() {
    const seen = await within(this.#gone(), 'the end of the session');
    assert.deepEqual(seen, { code: 1, message: 'Session ID unknown' });
  }

  async #gone() {
    for (;;) {
      const { status, body } = await this.get();
      assert.notEqual(body, '2', 'the session lives, and is pinged');
      if (status === 400 && body !== '' && JSON.parse(body).code === 1) return JSON.parse(body);
    }
  }
}

async function engine(t, options) {
  const wire = await Wire.open(t, `${ENGINE}?EIO=4&transport=websocket`, options);
  assert.equal((await wire.next('the open packet'))[0], '0');
  return wire;
}

async function sockets(t, options) {
  const wire = await Wire.open(t, `${SOCKETS}?EIO=4&transport=websocket`, options);
  assert.equal((await wire.next('the open packet'))[0], '0');
  return wire;
}

async function probe(t, polling, options) {
  const wire = await Wire.open(t, `${ENGINE}?EIO=4&transport=websocket&sid=${polling.sid}`, options);
  wire.send('2probe');
  assert.equal(await wire.next('the answer to the probe'), '3probe');
  return wire;
}

/** A WebSocket too many: it may be refused or closed, and gets nothing. */
async function second(t, sid) {
  const wire = new Wire(`${ENGINE}?EIO=4&transport=websocket&sid=${sid}`);
  t.after(() => wire.socket.terminate());
  assert.deepEqual(await wire.closed('the end of the second WebSocket'), []);
}

/** Connects to a namespace (`/name,`, or the root); its `sid`. */
async function join(wire, namespace = '') {
  wire.send(`40${namespace}`);
  const reply = await wire.next('CONNECT');
  assert.ok(reply.startsWith(`40${namespace}{`), reply);
  assert.equal(await wire.next('the event auth'), `42${namespace}["auth",{}]`);
  return JSON.parse(reply.slice(2 + namespace.length)).sid;
}

async function echoes(wire) {
  wire.send('42["message","still here"]');
  assert.equal(await wire.next('message-back'), '42["message-back","still here"]');
}

/** What is answered to a ping of the WebSocket itself. */
async function pong(wire) {
  const answer = within(once(wire.socket, 'pong'), 'a pong');
  wire.socket.ping('are you there');
  return (await answer)[0].toString();
}

async function take(wire, count) {
  const frames = [];
  while (frames.length < count) frames.push(await wire.next());
  return frames;
}
