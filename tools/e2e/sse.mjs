// An `EventSource` on a page loses its link, twice, and nothing of the channel: all comes once and in order.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { withBrowser } from './browser.mjs';

/** Publications of one step: fewer than the burst of messages that the default limits allow a user. */
const STEP = 5;

/** What a page says when its link is cut, which is what this test does. */
const CUT = /ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_(RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)/;

/** Channels in memory, and channels in the durable log. */
const KINDS = ['', 'log:'];

await withBrowser(
  async ({ open, url }) => {
    const { say } = publisher(await open('/_try'));
    for (const kind of KINDS) {
      const link = await proxy(new URL(url));
      const page = await open(`${link.url}/_try`);
      try {
        await follow(page, link, say, `${kind}sse-${Date.now()}`);
      } finally {
        // The page first: it would go on asking a link that is gone.
        await page.close();
        link.close();
      }
    }
  },
  (complaint) => CUT.test(complaint),
);

/** A page listens to a channel while its link is cut, first for a while, then at a random byte. */
async function follow(page, link, say, channel) {
  await listen(page, channel);
  await until(page, (seen) => seen.opens === 1);

  await say(channel, 1, STEP);
  await until(page, (seen) => seen.said.length === STEP);

  link.cut();
  await say(channel, STEP + 1, STEP);
  assert.equal((await look(page)).said.length, STEP, 'nothing comes by a link that is cut');
  link.mend();
  await until(page, (seen) => seen.said.length === 2 * STEP);

  link.cutAfter(1 + Math.floor(Math.random() * 400));
  await say(channel, 2 * STEP + 1, STEP);
  await until(page, (seen) => seen.said.length === 3 * STEP);
  await say(channel, 3 * STEP + 1, 1);
  const seen = await until(page, ({ said }) => said.length > 3 * STEP);

  const all = Array.from({ length: 3 * STEP + 1 }, (_, at) => at + 1);
  assert.deepEqual(seen.said, all, `${channel}: nothing is lost, doubled, or out of order`);
  assert.deepEqual(seen.ids, all, 'every event has its own place in its id');
  assert.equal(seen.opens, 3, 'it came back by itself, twice');
  assert.equal(seen.gaps, 0);
}

/** Opens an `EventSource` on the page, and notes what it dispatches. */
async function listen(page, channel) {
  await page.evaluate((name) => {
    const seen = { opens: 0, gaps: 0, said: [], ids: [] };
    const source = new EventSource(`/realtime/events?channel=${encodeURIComponent(name)}`);
    source.addEventListener('open', () => (seen.opens += 1));
    source.addEventListener('gap', () => (seen.gaps += 1));
    source.addEventListener('message', (event) => {
      seen.said.push(JSON.parse(event.data).data);
      seen.ids.push(Number(event.lastEventId.split('-')[1]));
    });
    window.seen = seen;
  }, channel);
}

async function look(page) {
  return page.evaluate(() => window.seen);
}

async function until(page, holds) {
  const end = Date.now() + 30_000;
  for (;;) {
    const seen = await look(page);
    if (holds(seen)) return seen;
    assert.ok(Date.now() < end, `the page has ${JSON.stringify(seen)}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

/** A page that publishes, past the link. */
function publisher(page) {
  const say = (channel, from, count) =>
    page.evaluate(async ([name, first, total]) => {
      const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/realtime/ws`);
      const frames = [];
      let arrived = () => {};
      socket.addEventListener('message', ({ data }) => {
        frames.push(JSON.parse(data));
        arrived();
      });
      await new Promise((resolve) => socket.addEventListener('open', resolve));
      for (let id = first; id < first + total; id += 1) {
        socket.send(JSON.stringify({ type: 'message', channel: name, data: id, id }));
      }
      const replies = () => frames.filter((frame) => frame.id !== undefined);
      while (replies().length < total) await new Promise((resolve) => (arrived = resolve));
      socket.close();
      const refused = replies().find((frame) => frame.type !== 'reply');
      if (refused) throw new Error(JSON.stringify(refused));
    }, [channel, from, count]);
  return { say };
}

/** A link to the server that can be cut. */
async function proxy(server) {
  const sockets = new Set();
  let broken = false;
  let left = Infinity;
  const drop = () => sockets.forEach((socket) => socket.resetAndDestroy());
  const keep = (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const listener = createServer((page) => {
    keep(page);
    if (broken) return void page.resetAndDestroy();
    const there = connect(Number(server.port), server.hostname);
    keep(there);
    page.pipe(there);
    page.on('close', () => there.destroy());
    there.on('close', () => page.destroy());
    there.on('data', (bytes) => {
      const taken = bytes.subarray(0, left);
      left -= taken.length;
      page.write(taken, () => {
        if (left > 0) return;
        left = Infinity;
        drop();
      });
    });
  });
  listener.listen(0, 'localhost');
  await once(listener, 'listening');
  return {
    url: `http://localhost:${listener.address().port}`,
    /** Resets what there is, and everything that comes, until `mend`. */
    cut: () => {
      broken = true;
      drop();
    },
    mend: () => (broken = false),
    /** Resets everything after so many bytes more from the server. */
    cutAfter: (bytes) => (left = bytes),
    close: () => {
      drop();
      listener.close();
    },
  };
}
