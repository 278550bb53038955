// The shell around every page: rendered by the server, hydrated in place, one line in the console, found by the keyboard,
// in the reader's language and look, and there without a network.

import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';

/** Without a network requests fail; that is asked for at the end. */
const isExpected = (complaint) => /ERR_INTERNET_DISCONNECTED|ERR_FAILED|ERR_ABORTED/.test(complaint);

await withBrowser(async ({ open, url }) => {
  const lines = [];
  const page = await open('/dev/ui');
  const context = page.context();
  page.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`));

  await hydratesInPlace(page);
  await oneLine(page, lines);
  await palette(page);
  await menuByKeyboard(page);
  await dialogKeepsFocus(page);
  await looks(page);
  await language(page);

  await page.goto(`${url}/people/sign-in?next=/desk`);
  await page.click('#demo button:has-text("Паша")');
  await page.waitForURL(`${url}/desk`);
  await offline(page, context, url);
}, isExpected);

/** The nodes that the server sent are the nodes of the living page. */
async function hydratesInPlace(page) {
  const before = await page.evaluate(async () => {
    const html = await (await fetch(location.href, { headers: { accept: 'text/html' } })).text();
    return new DOMParser().parseFromString(html, 'text/html').querySelectorAll('#app main *').length;
  });
  assert.ok(before > 200, `the server rendered the page: ${before} elements`);
  await page.reload({ waitUntil: 'commit' });
  // Marked as soon as they are there, before the script runs.
  await page.waitForFunction(() => {
    const nodes = document.querySelectorAll('#app main button');
    for (const node of nodes) node.dataset.mark = 'server';
    return nodes.length > 10;
  });
  await page.locator('[data-state=online]').first().waitFor();
  const lost = await page.evaluate(() => document.querySelectorAll('#app main button:not([data-mark])').length);
  const kept = await page.evaluate(() => document.querySelectorAll('#app main button[data-mark]').length);
  assert.ok(kept > 10 && lost === 0, `${kept} buttons were kept, ${lost} made anew`);
}

async function oneLine(page, lines) {
  await page.locator('header [data-state=online]').waitFor();
  lines.length = 0;
  await page.reload();
  await page.locator('header [data-state=online]').waitFor();
  assert.deepEqual(lines, ['info: ✅ WebSocket connected']);
}

async function palette(page) {
  await page.keyboard.press('Control+k');
  const field = page.locator('[role=combobox]');
  await field.waitFor();
  assert.ok(await field.evaluate((element) => element === document.activeElement), 'one can type at once');
  await page.keyboard.type('dark');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.documentElement.classList.contains('theme-dark'));
  await field.waitFor({ state: 'detached' });
}

async function menuByKeyboard(page) {
  const button = page.locator('main [aria-haspopup=menu]').first();
  await button.focus();
  await page.keyboard.press('ArrowDown');
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-label'));
  await page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'menuitem');
  assert.match((await focused()) ?? '', /^Move to/);
  await page.keyboard.press('End');
  assert.equal(await focused(), 'Delete');
  await page.keyboard.press('b');
  assert.equal(await focused(), 'By name');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-haspopup') === 'menu');
}

async function dialogKeepsFocus(page) {
  const button = page.getByRole('button', { name: 'Edit', exact: true });
  await button.click();
  await page.waitForFunction(() => document.activeElement?.matches('dialog input'));
  for (let at = 0; at < 8; at++) {
    await page.keyboard.press('Tab');
    const isInside = await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement?.closest('dialog')));
    assert.ok(isInside, 'the focus stays in the dialog');
  }
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('dialog') && document.activeElement?.textContent?.includes('Edit'));
}

/** What was chosen is in the server's next page, so that nothing flashes. */
async function looks(page) {
  const html = await page.evaluate(async () => (await fetch(location.href, { headers: { accept: 'text/html' } })).text());
  assert.match(html.slice(0, 200), /class="theme-dark/);
}

async function language(page) {
  await page.click('header [aria-haspopup=menu]');
  await Promise.all([page.waitForEvent('load'), page.click('[role=menuitemradio]:has-text("Русский")')]);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'ru');
  await page.locator('header button:has-text("Поиск")').first().waitFor();
}

/** A page that was seen is there without a network, another one says so, and signing out leaves nothing. */
async function offline(page, context, url) {
  await page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.reload();
  await page.locator('header [data-state=online]').waitFor();
  const title = await page.locator('main h1').textContent();
  await context.setOffline(true);
  await page.locator('header [data-state=offline]').waitFor();
  await page.reload();
  assert.equal(await page.locator('main h1').textContent(), title);
  await page.locator('header [data-state=offline]').waitFor();
  await page.goto(`${url}/desk/never-seen`);
  await page.locator('.offline a[href="/desk"]').waitFor();
  await context.setOffline(false);
  await page.goto(`${url}/desk`);
  await page.locator('header [data-state=online]').waitFor();
  await page.click('header [aria-haspopup=menu]');
  await Promise.all([page.waitForURL(`${url}/`), page.click('[role=menuitem]:has-text("Выйти"), [role=menuitem]:has-text("Sign out")')]);
  await page.locator('#demo').waitFor();
  const kept = await page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith('veche-pages'));
    return (await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)))).flat();
  });
  assert.deepEqual(kept, [], 'nothing of the user stays on the device');
}
