// Rooms and who hears what, by the stock client of the fourth line.

import assert from 'node:assert/strict';
import { NESTED, ask, connected, listen, next, plain, present, test, texts, unique, until } from './kit.mjs';

test('who left a room does not hear it', async (t) => {
  const room = unique('room');
  const [ann, bob] = await Promise.all([connected(t), connected(t)]);
  await ask(ann, 'join', { room });
  const heard = listen(ann, 'said');
  await ask(bob, 'say', { room, text: 'one' });
  await until('one is heard', () => heard.length);
  assert.deepEqual(await ask(ann, 'leave', { room }), [ann.id]);
  await ask(bob, 'say', { room, text: 'two' });
  await ask(bob, 'say_id', { id: ann.id, text: 'three' });
  await until('three is heard', () => texts(heard).includes('three'));
  assert.deepEqual(texts(heard), ['one', 'three']);
});

test('a room is heard but by those who are excepted', async (t) => {
  const [room, other] = [unique('room'), unique('other')];
  const [ann, bob, cid] = await Promise.all([connected(t), connected(t), connected(t)]);
  for (const socket of [ann, bob, cid]) await ask(socket, 'join', { room });
  await ask(bob, 'join', { room: other });
  const heard = [ann, bob, cid].map((socket) => listen(socket, 'said'));
  await ask(ann, 'except', { room, except: other, text: 'not bob' });
  await ask(ann, 'except', { room, except: cid.id, text: 'not cid' });
  await ask(ann, 'say_local', { room, text: 'all' });
  await until('all is heard', () => heard.every((list) => texts(list).includes('all')));
  assert.deepEqual(heard.map(texts), [['not bob', 'not cid', 'all'], ['not cid', 'all'], ['not bob', 'all']]);
});

test('a broadcast reaches everybody but who sends it, an emit everybody', async (t) => {
  const name = `/room-${Math.floor(Math.random() * 1e9)}`;
  const [ann, bob, cid] = await Promise.all([connected(t, name), connected(t, name), connected(t, name)]);
  const stranger = await connected(t, '/chat');
  const heard = [ann, bob, cid, stranger].map((socket) => listen(socket, 'said'));
  await ask(ann, 'broadcast', { text: 'but me' });
  await ask(ann, 'everyone', { text: 'all' });
  await until('all is heard', () => heard.slice(0, 3).every((list) => texts(list).includes('all')));
  await ask(stranger, 'echo');
  assert.deepEqual(heard.map(texts), [['all'], ['but me', 'all'], ['but me', 'all'], []]);
});

test('sockets of a room are found, moved and disconnected', async (t) => {
  const [here, there] = [unique('here'), unique('there')];
  const [ann, bob, cid] = await Promise.all([connected(t), connected(t), connected(t)]);
  for (const socket of [ann, bob]) await ask(socket, 'join', { room: here });
  await ask(ann, 'remember', { name: 'ann', n: [1] });
  const found = await ask(cid, 'fetch', { room: here });
  const expected = [
    { id: ann.id, rooms: [ann.id, here].sort(), data: { name: 'ann', n: [1] } },
    { id: bob.id, rooms: [bob.id, here].sort(), data: {} },
  ];
  assert.deepEqual(found, expected.sort((a, b) => (a.id < b.id ? -1 : 1)));
  await ask(cid, 'move', { from: here, to: there });
  await present(cid, there, [ann.id, bob.id]);
  await present(cid, here, []);

  const gone = [next(ann, 'disconnect'), next(bob, 'disconnect')];
  await ask(cid, 'kick_room', { room: there, close: false });
  for (const [reason] of await Promise.all(gone)) assert.equal(reason, 'io server disconnect');
  await present(cid, there, []);
  assert.equal(await ask(cid, 'echo', 'still here'), 'still here');
});

// Asking clients

test('the server asks a client, and does not wait for ever', async (t) => {
  const socket = await connected(t);
  // Nobody listens yet.
  assert.equal(await ask(socket, 'ask_me', { question: 'anybody?' }), 'timeout');
  socket.on('question', (question, answer) => answer(`${question} yes`));
  assert.equal(await ask(socket, 'ask_me', { question: 'well?' }), 'well? yes');
  socket.off('question');
  socket.on('question', (question, answer) => answer(NESTED));
  assert.deepEqual(plain(await ask(socket, 'ask_me', { question: 'bytes?' })), plain(NESTED));
});

test('the server asks a room', async (t) => {
  const room = unique('room');
  const [ann, bob, cid] = await Promise.all([connected(t), connected(t), connected(t, '/', { transports: ['polling'] })]);
  for (const socket of [ann, bob, cid]) await ask(socket, 'join', { room });
  for (const [name, socket] of Object.entries({ ann, bob, cid })) socket.on('question', (question, answer) => answer(`${name} ${question}`));
  const { answers, missing } = await ask(ann, 'ask_room', { room, question: 'here', timeout: 10_000 });
  assert.deepEqual(answers.sort(), ['ann here', 'bob here', 'cid here']);
  assert.equal(missing, 0);
  bob.off('question');
  const some = await ask(ann, 'ask_room', { room, question: 'again', timeout: 1_500 });
  assert.deepEqual(some.answers.sort(), ['ann again', 'cid again']);
  assert.equal(some.missing, 1);
  assert.deepEqual(await ask(ann, 'ask_room', { room: unique('nobody'), question: 'here', timeout: 500 }), { answers: [], missing: 0 });
});

// Flags and catch-alls
