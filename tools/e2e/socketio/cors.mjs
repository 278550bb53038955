// Pages of other origins in a real Chromium: one origin is allowed, the other is not.
//
// Both are names that Chromium finds on this machine, so that the app knows them whatever the port.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { Wire, required, test, within } from './kit.mjs';

const APP = required('SIO_APP');
const ALLOWED = 'http://allowed.test';
const REFUSED = 'http://refused.test';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

let server;
let browser;
/** One page of each origin: a busy machine takes its time to open one. */
const pages = {};

before(async () => {
  const script = await readFile(new URL('../../node_modules/socket.io-client/dist/socket.io.min.js', import.meta.url));
  server = createServer((request, response) => {
    const [type, body] = request.url === '/client.js' ? ['text/javascript', script] : ['text/html', '<!doctype html><script src="/client.js"></script>'];
    response.setHeader('content-type', type);
    response.end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const here = `127.0.0.1:${server.address().port}`;
  browser = await chromium.launch({
    executablePath: required('E2E_CHROMIUM'),
    args: [...FLAGS, `--host-resolver-rules=MAP allowed.test:80 ${here}, MAP refused.test:80 ${here}`],
  });
  for (const origin of [ALLOWED, REFUSED]) {
    pages[origin] = await browser.newPage();
    await pages[origin].goto(origin);
  }
});

after(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
});

const WAYS = [
  ['polling', { transports: ['polling'] }],
  ['WebSocket', { transports: ['websocket'] }],
  ['polling and the upgrade', {}],
  ['polling with credentials', { transports: ['polling'], withCredentials: true }],
];

for (const [way, options] of WAYS) {
  test(`a page of an allowed origin connects by ${way}`, async () => {
    const seen = await visit(ALLOWED, options);
    assert.equal(seen.error, undefined);
    assert.equal(seen.echo, 'hello');
    assert.deepEqual(seen.bytes, [1, 2, 255]);
    const [transport] = options.transports ?? ['websocket'];
    assert.equal(seen.transport, transport);
  });

  test(`a page of another origin does not, by ${way}`, async () => {
    const seen = await visit(REFUSED, options);
    assert.match(seen.error, /^(xhr poll|websocket) error$/);
  });
}

test('a page may send a header of its own, which is asked for before', async () => {
  const seen = await visit(ALLOWED, { transports: ['polling'], extraHeaders: { 'x-test': 'yes' } });
  assert.equal(seen.whoami?.header, 'yes', JSON.stringify(seen));
});

test('what a page is told is told of its own origin alone', async (t) => {
  const url = `${APP}/socket.io/?EIO=4&transport=polling`;
  const allowed = await fetch(url, { headers: { origin: ALLOWED } });
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers.get('access-control-allow-origin'), ALLOWED);
  assert.equal(allowed.headers.get('access-control-allow-credentials'), 'true');
  await allowed.text();
  for (const origin of [REFUSED, 'http://allowed.test.refused.test', 'https://allowed.test', 'http://allowed.test:81', 'null']) {
    const refused = await fetch(url, { headers: { origin } });
    assert.equal(refused.status, 403, origin);
    assert.notEqual(refused.headers.get('access-control-allow-origin'), origin);
    assert.deepEqual(await refused.json(), { code: 4, message: 'Forbidden' });
    const wire = new Wire(`${APP}/socket.io/?EIO=4&transport=websocket`, { origin });
    t.after(() => wire.socket.terminate());
    assert.deepEqual(await wire.closed(), []);
    assert.ok([400, 403].includes(wire.refusal), `${wire.refusal}`);
  }
});

/** Connects from a page of an origin, and tells what it saw. */
async function visit(origin, options) {
  const seen = pages[origin].evaluate(([url, given]) => new Promise((resolve) => {
    const socket = window.io(url, { forceNew: true, reconnection: false, ...given });
    const end = (what) => {
      socket.disconnect();
      resolve(what);
    };
    socket.on('connect_error', (error) => end({ error: error.message }));
    socket.on('connect', async () => {
      const { engine } = socket.io;
      if (engine.transport.name === 'polling' && !given.transports) await new Promise((upgraded) => engine.once('upgrade', upgraded));
      const echo = await socket.emitWithAck('echo', 'hello');
      const bytes = await socket.emitWithAck('echo', new Uint8Array([1, 2, 255]));
      const whoami = await socket.emitWithAck('whoami');
      end({ echo, bytes: [...new Uint8Array(bytes)], whoami, transport: engine.transport.name });
    });
  }), [APP, options]);
  return within(seen, `a connection from ${origin}`);
}
