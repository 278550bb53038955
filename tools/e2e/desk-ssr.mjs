// The board as the server renders it: whole without JavaScript; with it every node stays, the socket goes on from the
// page's position without a second fetch, and the console is quiet but for one line.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { live, signIn, speak, until } from './kit/desk.mjs';
import { withBrowser } from './browser.mjs';

const QUIET = '✅ WebSocket connected';

await withBrowser(async (browser) => {
  const { url } = browser;
  const page = await signIn(browser, 'anya');
  const cookies = await page.context().cookies();
  await withoutScripts(url, cookies);
  for (const board of ['welcome', 'sprint']) await keepsNodes(page, url, board);
  await keepsNodes(page, url, 'welcome', 'ru');
  await staysWhole(page, url);
});

/** With JavaScript off all cards of a board are on the page, with their links. */
async function withoutScripts(url, cookies) {
  const browser = await chromium.launch({ executablePath: process.env.E2E_CHROMIUM, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
  try {
    const context = await browser.newContext({ javaScriptEnabled: false });
    await context.addCookies(cookies);
    const page = await context.newPage();
    for (const [board, least] of [['welcome', 15], ['sprint', 120], ['big', 240]]) {
      const cards = await rendered(page, `${url}/desk/${board}`);
      assert.ok(cards >= least, `${board} has ${cards} cards without JavaScript`);
    }
    await page.goto(`${url}/desk`);
    assert.ok((await page.locator('a[href="/desk/welcome"]').count()) > 0, 'the boards are links');
    assert.match(await page.title(), /Realtime Desk/);
  } finally {
    await browser.close();
  }
}

/** How many cards the server rendered. A busy one may leave a page to the browser; then it is asked again. */
async function rendered(page, address) {
  return until('the server renders the page', async () => {
    await page.goto(address);
    return page.locator('[data-card] .title').count();
  }, (count) => count > 0);
}

async function keepsNodes(page, url, board, locale = 'en') {
  await speak(page, locale);
  // The server keeps what it has rendered: from here on it does not leave the page to the browser.
  await until('the server renders the page', () => cardsIn(page, `${url}/desk/${board}`), (count) => count > 0);
  const told = [];
  const requests = [];
  const onConsole = (message) => told.push(`${message.type()}: ${message.text()}`);
  const onRequest = (request) => requests.push(new URL(request.url()).pathname);
  page.on('console', onConsole);
  page.on('request', onRequest);
  await page.addInitScript(rememberNodes);
  await page.goto(`${url}/desk/${board}`);
  await live(page);
  await until('one line is written', () => told.length, (count) => count > 0);
  const lost = await page.evaluate(() => {
    const { nodes, reports } = window.veche;
    return { all: nodes.length, lost: nodes.filter((node) => !node.isConnected).map((node) => node.outerHTML.slice(0, 160)), reports };
  });
  assert.ok(lost.all > 200, `${board} has ${lost.all} nodes`);
  assert.deepEqual(lost.lost, [], `${board} keeps the server's nodes`);
  assert.deepEqual(lost.reports, [], 'no report of the content security policy');
  assert.deepEqual(told, [`info: ${QUIET}`], 'the console is quiet');
  assert.deepEqual(requests.filter((path) => /^\/api\/(desk|page)/.test(path)), [], 'no second fetch of the board');
  page.off('console', onConsole);
  page.off('request', onRequest);
}

async function cardsIn(page, address) {
  const answer = await page.context().request.get(address, { headers: { 'sec-fetch-site': 'same-origin' } });
  return (await answer.text()).split('data-card=').length - 1;
}

/** A page of 5,000 cards shows the first of each list at once, asks for the rest once, and has few nodes. */
async function staysWhole(page, url) {
  const requests = [];
  page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  const sent = [];
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(String(payload))));
  const rest = page.waitForResponse((answer) => new URL(answer.url()).pathname === '/api/desk/boards/big');
  await page.goto(`${url}/desk/big`);
  await live(page);
  await (await rest).finished();
  const last = () => page.locator('[data-list]').first().locator('[data-row]').last().getAttribute('aria-setsize');
  await until('the list knows its length', last, (size) => Number(size) > 300);
  const scroller = page.locator('[data-cards]').first();
  // Again and again, as with the End key: rows turn out to be taller than was thought.
  const places = async () => {
    await scroller.evaluate((element) => (element.scrollTop = element.scrollHeight));
    return page.locator('[data-list]').first().locator('[data-row]').last().evaluate((row) => [row.ariaPosInSet, row.ariaSetSize]);
  };
  await until('the end of the list is on the page', places, ([place, size]) => place === size);
  const rows = await page.locator('[data-card]').count();
  assert.ok(rows < 600, `${rows} cards are rendered`);
  assert.equal(requests.filter((path) => path === '/api/desk/boards/big').length, 1, 'the board is fetched once');

  sent.length = 0;
  await page.locator('[data-card] .title').first().click();
  await page.locator('dialog .description').waitFor();
  await until('the others are told', async () => sent.join(), (frames) => frames.includes('"presence"'));
  assert.ok(!sent.join().includes('subscribe"'), 'to open a card leaves no channel and joins none');
}

/** In the page, before its scripts: every element that the server made. */
function rememberNodes() {
  window.veche = { nodes: [], reports: [] };
  document.addEventListener('securitypolicyviolation', (event) => window.veche.reports.push(event.violatedDirective));
  document.addEventListener('readystatechange', () => {
    if (document.readyState !== 'interactive') return;
    // The picture of the connection is there to change with it.
    window.veche.nodes = [...document.querySelectorAll('#app *')].filter((node) => !node.closest('[data-state] *'));
  });
}
