// A client that does not read costs the server a bounded backlog, whatever is said to it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Wire, ask, connected, pause, required, test, unique, until, within } from './kit.mjs';

const APP = required('SIO_APP');
const MESSAGES = 4_000;
const BYTES = 64 * 1024;
/** What the server may grow by; Node's grows by 497 MB. */
const GROWTH_BYTES = 2 * 1024 * 1024;

test('a client that does not read costs 2 MiB at most', { ours: true }, async (t) => {
  const room = unique('slow');
  const witness = await connected(t, '/', { transports: ['websocket'] });
  // What the server keeps of a busy channel is in its memory before anything is measured.
  await warmUp(t, witness, room);

  const paused = await Wire.open(t, `${APP}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false });
  await paused.next('the open packet');
  paused.send('40');
  assert.match(await paused.next('CONNECT'), /^40\{/);
  paused.send(`420["join",{"room":"${room}"}]`);
  assert.match(await paused.next('the ack of join'), /^430\[/);
  paused.socket.pause();

  const before = await memory();
  let peak = before;
  let isDone = false;
  const done = within(
    new Promise((resolve) => witness.emit('flood', { room, count: MESSAGES, bytes: BYTES }, resolve)),
    'the end of the flood',
    50_000,
  ).finally(() => (isDone = true));
  while (!isDone) {
    peak = Math.max(peak, await memory());
    await pause(10);
  }
  await done;
  peak = Math.max(peak, await memory());
  t.diagnostic(`the server grew by ${((peak - before) / 2 ** 20).toFixed(1)} MiB`);
  assert.ok(peak - before <= GROWTH_BYTES, `the server grew by ${peak - before} bytes`);

  assert.equal(await ask(witness, 'echo', 'still here'), 'still here');
  await until('the paused client is out of the room', async () => {
    const there = await ask(witness, 'fetch', { room });
    return there.length === 0;
  });
  paused.socket.resume();
  const frames = await paused.closed('the end of the connection that did not read');
  assert.ok(frames.length < MESSAGES, 'it did not get all');
});

/** Somebody who reads, and as much as fills what a channel keeps; two, so that one is on another shard. */
async function warmUp(t, witness, room) {
  let count = 0;
  const readers = [await connected(t, '/', { transports: ['websocket'] }), await connected(t, '/', { transports: ['websocket'] })];
  for (const reader of readers) {
    reader.on('bulk', () => (count += 1));
    await ask(reader, 'join', { room });
  }
  await ask(witness, 'flood', { room, count: 1_000, bytes: BYTES });
  await until('the readers have all', () => count, (seen) => seen === 2_000);
  readers.forEach((reader) => reader.disconnect());
  await until('the readers are gone', async () => (await ask(witness, 'fetch', { room })).length === 0);
}

/** The resident memory of the app, or 0 where its process is not known. */
async function memory() {
  if (!process.env.SIO_PID) return 0;
  const status = await readFile(`/proc/${process.env.SIO_PID}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}
