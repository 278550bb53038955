// Engine.IO 4, byte by byte, against the conformance fixture: the handshake, messages, heartbeats and the upgrade.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { OURS, Wire, pause, until } from './kit.mjs';
import { ENGINE, LIFE_MS, Polling, SEPARATOR, SOCKETS, check, engine, join, sockets } from './kit/raw.mjs';

const MAX_PAYLOAD = 1_000_000;

// The handshake

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

// Messages

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

// One request of each kind

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
  const answered = once(slow, 'response').catch(() => [undefined]);
  slow.write('4a');
  let second;
  do {
    // Until the server has seen the first.
    second = await fetch(polling.url, { method: 'POST', body: '4b' });
  } while (second.status === 200);
  assert.equal(second.status, 400);
  // Where it was the slow one that came second, the session is gone already.
  if (/Session ID unknown/.test(await second.text())) {
    const [{ statusCode }] = await answered;
    assert.equal(statusCode, 400);
  }
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

// Heartbeats

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

// The upgrade

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
