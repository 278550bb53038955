// The web UI's pages as the server renders them: everything is there with JavaScript off, hydration keeps it, search
// engines read what is theirs, and `?port=N` names another instance.

import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { withBrowser } from './browser.mjs';

/** Of the demonstration: 10 lists of 12 cards. */
const BOARD = '/desk/sprint';
const CARDS = 120;

await withBrowser(async ({ open, context, url }) => {
  const guest = await open('/');
  assert.ok((await guest.title()).length > 0);
  for (const [name, part] of [
    ['meta[name=description]', 'content'],
    ['link[rel=canonical]', 'href'],
    ['meta[property="og:title"]', 'content'],
  ]) {
    const value = await guest.locator(name).first().getAttribute(part);
    assert.ok(value, name);
  }
  assert.equal(await guest.locator('meta[name=robots]').count(), 0, 'the landing page is for all');
  assert.match(await (await fetch(`${url}/sitemap.xml`)).text(), /<loc>http:\/\/localhost:\d+\/<\/loc>/);

  await signIn(guest, 'anya');
  // The browser reports each preloaded script that it may not run; nothing else is left out of the complaints.
  const still = await context.newPage();
  const devtools = await context.newCDPSession(still);
  await devtools.send('Emulation.setScriptExecutionDisabled', { value: true });
  await still.goto(url + BOARD);
  const cards = still.locator('[data-card]');
  assert.equal(await cards.count(), CARDS, 'all cards are on the page with JavaScript off');
  assert.ok(await cards.first().isVisible());
  assert.equal(await still.locator('meta[name=robots][content=noindex]').count(), 1, 'a board is private');

  await hydrates(context, url);
  await anotherPort(open, url);
});

/** Every element that the server sent is still there, the same one, when the page has become live. */
async function hydrates(context, url) {
  const page = await context.newPage();
  await page.addInitScript(() => {
    // Before the module runs: the document is parsed, and nothing has touched it.
    addEventListener('readystatechange', () => {
      if (document.readyState === 'interactive') window.sent = [...document.querySelectorAll('[data-card]')];
    }, { capture: true, once: true });
  });
  const connected = page.waitForEvent('console', (message) => message.text().includes('WebSocket connected'));
  await page.goto(url + BOARD);
  await connected;
  const kept = await page.evaluate(() => window.sent.map((node) => node.isConnected));
  assert.ok(kept.length > 0 && kept.every(Boolean), `${kept.filter(Boolean).length} of ${kept.length} cards were kept`);
}

/** A page of one server talks to another; here to the same one, through a second port. */
async function anotherPort(open, url) {
  const relay = createServer((client) => {
    const server = connect(Number(new URL(url).port), '127.0.0.1');
    client.pipe(server).pipe(client);
    for (const end of [client, server]) end.on('error', () => client.destroy() || server.destroy());
  });
  await new Promise((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address();
  const page = await open('about:blank');
  const socket = page.waitForEvent('websocket');
  await page.goto(`${url}/?port=${port}`);
  assert.equal(new URL((await socket).url()).port, String(port));
  await page.goto(`${url}/?port=99999`);
  assert.equal(await page.evaluate(() => JSON.parse(document.getElementById('boot').textContent).wsPort), undefined);
  await page.close();
  relay.close();
}

async function signIn(page, user) {
  const status = await page.evaluate(async (user) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch('/api/people/demo-sign-in', { method: 'POST', headers, body: JSON.stringify({ user }) });
    return answer.status;
  }, user);
  assert.equal(status, 200);
}
