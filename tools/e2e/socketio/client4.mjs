// The stock client, socket.io-client 4.8: everything that an application does with it.

import assert from 'node:assert/strict';
import { Manager } from 'socket.io-client';
import msgpack from 'socket.io-msgpack-parser';
import {
  BYTES,
  NESTED,
  ask,
  client,
  connected,
  link,
  listen,
  next,
  online,
  pause,
  plain,
  present,
  required,
  test,
  texts,
  unique,
  until,
  within,
} from './kit.mjs';

const APP = required('SIO_APP');

/** A way to reach the app: a transport, or a parser. */
const WAYS = {
  'by default': {},
  'by polling': { transports: ['polling'] },
  'by WebSocket': { transports: ['websocket'] },
  'by msgpack': { path: '/msgpack/', parser: msgpack },
  'by msgpack over polling': { path: '/msgpack/', parser: msgpack, transports: ['polling'] },
};

for (const [way, options] of Object.entries(WAYS)) {
  test(`events and acks ${way}`, async (t) => {
    const socket = await connected(t, '/', options);
    const args = [1, '2', { 3: [true, null] }, [], 'é€😀'];
    const back = await within(new Promise((resolve) => socket.emit('echo', ...args, (...all) => resolve(all))), 'an ack');
    assert.deepEqual(back, args);
    const bounced = next(socket, 'bounce');
    socket.emit('bounce', ...args);
    assert.deepEqual((await bounced).slice(0, args.length), args);
    const none = await within(new Promise((resolve) => socket.emit('echo', (...all) => resolve(all))), 'an ack');
    assert.deepEqual(none, []);
  });

  test(`bytes ${way}`, async (t) => {
    const socket = await connected(t, '/', options);
    assert.deepEqual(plain(await ask(socket, 'echo', NESTED)), plain(NESTED));
    const bounced = next(socket, 'bounce');
    socket.emit('bounce', BYTES, NESTED);
    assert.deepEqual(plain((await bounced).slice(0, 2)), plain([BYTES, NESTED]));
  });

  test(`acks by timeout and promise ${way}`, async (t) => {
    const socket = await connected(t, '/chat', options);
    assert.equal(await socket.timeout(10_000).emitWithAck('echo', 'hello'), 'hello');
    // An unknown event is never acked.
    await assert.rejects(socket.timeout(200).emitWithAck(unique('nothing')), /timed out/);
  });

  test(`rooms ${way}`, async (t) => {
    const room = unique('room');
    const [ann, bob] = await Promise.all([connected(t, '/', options), connected(t, '/', options)]);
    assert.deepEqual(await ask(ann, 'join', { room }), [ann.id, room].sort());
    await ask(bob, 'join', { room });
    const [heardByAnn, heardByBob] = [listen(ann, 'said'), listen(bob, 'said')];
    await ask(ann, 'say', { room, text: 'one' });
    await ask(bob, 'say', { room, text: 'two' });
    await ask(ann, 'say_all', { room, text: 'three' });
    await until('all is heard', () => [heardByAnn.length, heardByBob.length], ([a, b]) => a >= 2 && b >= 2);
    assert.deepEqual(texts(heardByAnn), ['two', 'three']);
    assert.deepEqual(texts(heardByBob), ['one', 'three']);
    assert.deepEqual(heardByBob[0], { from: ann.id, text: 'one' });
  });
}

// Connecting

test('a client upgrades from polling to WebSocket', async (t) => {
  const socket = client(t);
  await online(socket);
  const { engine } = socket.io;
  await until('the upgrade', () => engine.transport.name, (name) => name === 'websocket');
  assert.equal(await ask(socket, 'echo', 'upgraded'), 'upgraded');
});

test('nothing is lost or put out of order during the upgrade', async (t) => {
  for (let round = 0; round < 3; round += 1) {
    const socket = client(t);
    const seen = listen(socket, 'bounce');
    await online(socket);
    let n = 0;
    await until('the upgrade', () => {
      for (const end = n + 5; n < end; n += 1) socket.emit('bounce', n);
      return socket.io.engine.transport.name;
    }, (name) => name === 'websocket');
    for (const end = n + 5; n < end; n += 1) socket.emit('bounce', n);
    await until('all come back', () => seen.length, (length) => length >= n);
    assert.deepEqual(seen, Array.from({ length: n }, (_, at) => at));
  }
});

test('a client stays on polling, or begins with WebSocket', async (t) => {
  for (const name of ['polling', 'websocket']) {
    const socket = await connected(t, '/', { transports: [name] });
    await ask(socket, 'echo');
    assert.equal(socket.io.engine.transport.name, name);
  }
});

test('a client that may not upgrade does not', async (t) => {
  const socket = await connected(t, '/', { upgrade: false });
  await ask(socket, 'echo');
  assert.equal(socket.io.engine.transport.name, 'polling');
});

test('a client may try WebSocket first', async (t) => {
  const socket = await connected(t, '/', { transports: ['websocket', 'polling'] });
  assert.equal(socket.io.engine.transport.name, 'websocket');
});

test('the handshake has the query, the headers and auth', async (t) => {
  for (const transports of [['polling'], ['websocket']]) {
    const auth = { token: 'é', list: [1, { a: null }] };
    const socket = await connected(t, '/chat', { transports, auth, query: { flavour: 'vanilla & more' }, extraHeaders: { 'x-test': 'yes' } });
    const seen = await ask(socket, 'whoami');
    assert.equal(seen.id, socket.id);
    assert.equal(seen.nsp, '/chat');
    assert.equal(seen.query.flavour, 'vanilla & more');
    assert.deepEqual(seen.auth, auth);
    assert.equal(seen.header, 'yes');
    assert.equal(seen.recovered, false);
  }
});

test('auth may be a function', async (t) => {
  const socket = await connected(t, '/private', { auth: (give) => setTimeout(() => give({ token: 'let me in' }), 10) });
  assert.equal((await ask(socket, 'whoami')).auth.token, 'let me in');
});

test('a middleware refuses with data, and the client comes with the right token', async (t) => {
  const socket = client(t, '/private', { auth: { token: 'wrong' } });
  const [error] = await next(socket, 'connect_error');
  assert.ok(error instanceof Error);
  assert.equal(error.message, 'not authorized');
  assert.deepEqual(error.data, { code: 'E_AUTH' });
  assert.equal(socket.active, false, 'a refusal is not tried again');
  assert.equal(socket.connected, false);
  socket.auth = { token: 'let me in' };
  socket.connect();
  await online(socket);
  assert.equal((await ask(socket, 'whoami')).nsp, '/private');
});

test('a namespace that is none is refused', async (t) => {
  for (const name of ['/nope', '/room-', '/room-1x', '/room']) {
    const [error] = await next(client(t, name), 'connect_error');
    assert.equal(error.message, 'Invalid namespace', name);
  }
});

test('the handshake sets the cookie, and keeps it from scripts', async () => {
  const response = await fetch(`${APP}/socket.io/?EIO=4&transport=polling`);
  const { sid } = JSON.parse((await response.text()).slice(1));
  const [first, ...attributes] = response.headers.get('set-cookie').split(/; */);
  assert.equal(first, `io=${encodeURIComponent(sid)}`);
  assert.deepEqual(attributes.map((text) => text.toLowerCase()).sort(), ['httponly', 'path=/', 'samesite=lax']);
});

test('a long poll is compressed for who takes it', async (t) => {
  const url = `${APP}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
  await (await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '40' })).text();
  await (await fetch(`${url}&sid=${sid}`)).text();
  const long = 'compress me '.repeat(1000);
  await (await fetch(`${url}&sid=${sid}`, { method: 'POST', body: `420["echo","${long}"]` })).text();
  const response = await fetch(`${url}&sid=${sid}`, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(response.headers.get('content-encoding'), 'gzip');
  assert.equal(await response.text(), `430["${long}"]`);
  await (await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '1' })).text().catch(() => {});
});

// Namespaces

test('namespaces share one connection and nothing else', async (t) => {
  const manager = new Manager(APP, { forceNew: true });
  const names = ['/', '/chat', '/room-7', '/room-12345'];
  const sockets = names.map((name) => manager.socket(name));
  t.after(() => sockets.forEach((socket) => socket.disconnect()));
  await Promise.all(sockets.map(online));
  assert.equal(new Set(sockets.map(({ id }) => id)).size, names.length, 'each has an id of its own');
  for (const [at, socket] of sockets.entries()) assert.equal((await ask(socket, 'whoami')).nsp, names[at]);

  const room = unique('room');
  const heard = sockets.map((socket) => listen(socket, 'said'));
  for (const socket of sockets) await ask(socket, 'join', { room });
  await ask(sockets[1], 'say_all', { room, text: 'in chat' });
  for (const [at, socket] of sockets.entries()) await ask(socket, 'say_all', { room, text: names[at] });
  await until('all is heard', () => heard.map(({ length }) => length), (counts) => counts.every((count) => count > 0) && counts[1] > 1);
  assert.deepEqual(heard.map(texts), [['/'], ['in chat', '/chat'], ['/room-7'], ['/room-12345']]);

  sockets[1].disconnect();
  assert.equal(await ask(sockets[0], 'echo', 'still here'), 'still here');
  sockets[1].connect();
  await online(sockets[1]);
  assert.equal((await ask(sockets[1], 'whoami')).nsp, '/chat');
});

// Rooms

test('a volatile event reaches who is there', async (t) => {
  const room = unique('room');
  const [ann, bob] = await Promise.all([connected(t, '/', { transports: ['websocket'] }), connected(t)]);
  await ask(ann, 'join', { room });
  const heard = listen(ann, 'note');
  // It may be dropped, so it is said again.
  await until('a note is heard', async () => {
    await ask(bob, 'volatile', { room, text: 'psst' });
    return heard.length;
  });
  assert.equal(heard[0], 'psst');
  ann.volatile.emit('bounce', 'volatile, too');
  await ask(ann, 'echo');
});

test('compression on or off changes nothing that is heard', async (t) => {
  for (const transports of [['polling'], ['websocket']]) {
    const socket = await connected(t, '/', { transports, perMessageDeflate: { threshold: 0 } });
    const heard = listen(socket, 'said');
    const long = 'long '.repeat(2000);
    for (const [compress, text] of [[true, long], [false, long], [true, 'short'], [false, 'short']]) {
      socket.compress(compress).emit('compressed', { compress, text });
    }
    await until('all is heard', () => heard.length === 4);
    assert.deepEqual(texts(heard), [long, long, 'short', 'short']);
  }
});

test('catch-alls hear what comes and what goes', async (t) => {
  const socket = await connected(t);
  const [incoming, outgoing] = [[], []];
  socket.onAny((name) => incoming.push(name));
  socket.onAnyOutgoing((name) => outgoing.push(name));
  const name = unique('unheard of');
  const answer = next(socket, 'any');
  socket.emit(name, 1, { a: [2] });
  assert.deepEqual((await answer)[0], [name, 1, { a: [2] }]);
  const bounced = next(socket, 'bounce');
  socket.emit('bounce', 'x');
  await bounced;
  assert.deepEqual(await ask(socket, 'outgoing'), ['any', 'bounce']);
  assert.deepEqual(incoming, ['any', 'bounce']);
  assert.deepEqual(outgoing, [name, 'bounce', 'outgoing']);
});

test('a middleware of packets refuses an event', async (t) => {
  const socket = await connected(t);
  const unheard = listen(socket, 'any');
  const { error } = await ask(socket, 'forbidden', 'please');
  assert.equal(error.code, 'forbidden');
  socket.emit('forbidden');
  assert.equal(await ask(socket, 'echo', 'still here'), 'still here');
  assert.deepEqual(unheard, []);
});

// Ends

test('the server disconnects a client, who stays away until it wants to come', async (t) => {
  for (const close of [false, true]) {
    const socket = await connected(t);
    const before = socket.id;
    const gone = next(socket, 'disconnect');
    socket.emit('disconnect_me', { close });
    assert.equal((await gone)[0], 'io server disconnect');
    assert.equal(socket.active, false);
    socket.connect();
    await online(socket);
    assert.notEqual(socket.id, before);
    assert.equal(await ask(socket, 'echo', 'back'), 'back');
  }
});

test('the server disconnects clients in the middle of their upgrade', async (t) => {
  // Each asks a little later than the one before it: some on polling, some on probation, some on the WebSocket.
  const asked = Array.from({ length: 60 }, async (_, at) => {
    const socket = await connected(t);
    await pause(at / 2);
    const gone = next(socket, 'disconnect');
    socket.emit('disconnect_me', { close: at % 2 === 1 });
    return (await gone)[0];
  });
  assert.deepEqual(new Set(await Promise.all(asked)), new Set(['io server disconnect']));
});

test('the server disconnects one namespace, and the other lives', async (t) => {
  const manager = new Manager(APP, { forceNew: true });
  const [root, chat] = [manager.socket('/'), manager.socket('/chat')];
  t.after(() => [root, chat].forEach((socket) => socket.disconnect()));
  await Promise.all([online(root), online(chat)]);
  const gone = next(chat, 'disconnect');
  chat.emit('disconnect_me', { close: false });
  assert.equal((await gone)[0], 'io server disconnect');
  assert.equal(await ask(root, 'echo', 'still here'), 'still here');
});

test('a client disconnects, and comes again', async (t) => {
  const room = unique('room');
  const [socket, witness] = await Promise.all([connected(t), connected(t)]);
  await ask(socket, 'join', { room });
  await present(witness, room, [socket.id]);
  const gone = next(socket, 'disconnect');
  socket.disconnect();
  assert.equal((await gone)[0], 'io client disconnect');
  await present(witness, room, []);
  socket.connect();
  await online(socket);
  assert.deepEqual(await ask(socket, 'leave', { room: 'none' }), [socket.id]);
});

for (const transports of [['websocket'], ['polling']]) {
  test(`a connection that the server closes is opened again, by ${transports}`, async (t) => {
    const socket = await connected(t, '/', { transports });
    const gone = next(socket, 'disconnect');
    socket.emit('close_engine', {});
    assert.equal((await gone)[0], 'transport close');
    assert.equal(socket.active, true);
    await online(socket);
    assert.equal(await ask(socket, 'echo', 'back'), 'back');
  });

  test(`a network that is cut is found again, by ${transports}`, async (t) => {
    const network = await link(t, APP);
    const socket = await connected(t, '/chat', { url: network.url, transports });
    const gone = next(socket, 'disconnect');
    network.cut();
    assert.match((await gone)[0], /^transport (close|error)$/);
    const back = unique('said while away');
    const answer = ask(socket, 'echo', back);
    await next(socket.io, 'reconnect_attempt');
    network.mend();
    await online(socket);
    assert.equal(await answer, back, 'what was said while away is sent then');
  });
}
