// What a client may not do at the Socket.IO door, whatever it sends.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';
import { ask, connected, listen, online, client, required, test, unique, until, within } from './kit.mjs';

test('a room of another namespace, or of a user, is not to be had by its name', { ours: true }, async (t) => {
  const [outside, inside] = await Promise.all([connected(t, '/'), connected(t, '/private', { auth: { token: 'let me in' } })]);
  const room = unique('room');
  await ask(inside, 'join', { room });
  for (const name of [`/private:${room}`, '/private:', '/:', '', 'user:bob']) {
    const answer = await ask(outside, 'join', { room: name });
    assert.ok(answer.error, `${name} is refused: ${JSON.stringify(answer)}`);
  }
  const heard = listen(outside, 'said');
  await ask(inside, 'say_all', { room, text: 'secret' });
  await ask(outside, 'echo', 1);
  assert.deepEqual(heard, []);
});

test('a client that asks for a namespace again and again is closed', { ours: true }, async (t) => {
  const address = required('SIO_APP').replace('http', 'ws');
  const socket = new WebSocket(`${address}/socket.io/?EIO=4&transport=websocket`);
  t.after(() => socket.terminate());
  await once(socket, 'open');
  const closed = once(socket, 'close');
  for (let turn = 0; turn < 200; turn += 1) {
    socket.send('40');
    socket.send('41');
  }
  await within(closed, 'the connection ends');
});

test('an event lost between retained ones costs none of them', { ours: true }, async (t) => {
  const room = unique('room');
  const [away, other] = await Promise.all([connected(t, '/'), connected(t, '/')]);
  await ask(away, 'join', { room });
  const [items, notes] = [listen(away, 'item'), listen(away, 'note')];
  await ask(other, 'publish', { room, from: 1, to: 3 });
  await until('three are heard', () => items.length === 3);
  for (const text of ['a', 'b', 'c']) await ask(other, 'volatile', { room, text });
  await until('the notes are heard', () => notes.length === 3);
  const id = away.id;
  away.io.engine.close();
  await ask(other, 'publish', { room, from: 4, to: 6 });
  await online(away);
  await until('the rest is heard', () => items.length >= 6);
  assert.deepEqual(items, [1, 2, 3, 4, 5, 6]);
  assert.ok(away.recovered);
  assert.equal(away.id, id);
});

test('bytes beside a placeholder of somebody’s own do not cut clients off', { ours: true }, async (t) => {
  const socket = await connected(t, '/');
  const odd = { $binary: 'AA==', more: [{ _placeholder: 'true', num: 9 }] };
  assert.deepEqual(await ask(socket, 'echo', odd), odd);
  assert.ok(socket.connected);
});

test('a client that comes back in another namespace has no session there', { ours: true }, async (t) => {
  const first = await connected(t, '/');
  const pid = first._pid;
  assert.ok(pid);
  first.io.engine.close();
  const other = client(t, '/chat', { auth: { pid, offset: undefined } });
  await online(other);
  assert.notEqual(other.id, first.id);
  assert.equal(other.recovered, false);
});
