// OFF-1: one is without a network, works on, loads the page again, and comes back, while another works on the same board.
// Each operation is applied exactly once, and both see the same board.

import assert from 'node:assert/strict';
import { live, outbox, unique, until, withUsers } from './kit/desk.mjs';

const NEW = Array.from({ length: 10 }, (_, index) => `new ${index + 1}`);
const OFFLINE_HERE = ['b', 'd2', 'e', ...NEW];

/** Without a network the console says so of each request. */
const isExpected = (complaint) => /ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch|net::|WebSocket connection/.test(complaint);

await withUsers(['anya', 'pasha'], async ({ anya, pasha }) => {
  const [list, other] = [unique('Offline'), unique('Other')];
  await anya.board('welcome');
  await pasha.board('welcome');
  await anya.addList(list);
  await anya.addList(other);
  await anya.addCards(list, 'a', 'b', 'c', 'd', 'e');
  await pasha.shows(list, ['a', 'b', 'c', 'd', 'e']);
  await anya.saved();
  await keepPage(anya.page);

  await anya.page.context().setOffline(true);
  await workOffline(anya, list, other);
  const waiting = await until('twenty operations wait', () => outbox(anya.page), (count) => count >= 20);
  await anya.page.reload();
  await anya.list(list).waitFor();
  await anya.shows(list, OFFLINE_HERE);
  assert.equal(await outbox(anya.page), waiting, 'all survive the reload');

  // Meanwhile the other: an edit, a move, a new card, and a deletion.
  await pasha.list(list).locator('.title', { hasText: /^e$/ }).focus();
  await pasha.page.keyboard.press('e');
  await pasha.page.keyboard.insertText('e of pasha');
  await pasha.page.keyboard.press('Enter');
  await pasha.addCards(list, 'of pasha');
  await pasha.shows(list, ['a', 'b', 'c', 'd', 'e of pasha', 'of pasha']);

  await anya.page.context().setOffline(false);
  await live(anya.page);
  await anya.saved();
  const [mine, theirs] = await until(
    'both see the same',
    async () => [await board(anya.page), await board(pasha.page)],
    ([one, two]) => one === two,
  );
  assert.equal(mine, theirs);
  const seen = await anya.titles(list);
  for (const title of NEW) assert.equal(seen.filter((text) => text === title).length, 1, `${title} is there once`);
  assert.ok(seen.includes('e of pasha') && seen.includes('of pasha'), 'the other has lost nothing');
  await pasha.page.reload();
  await live(pasha.page);
  assert.equal(await board(pasha.page), mine, 'and so it is at the server');
}, isExpected);

/** Twenty operations: ten cards, an edit, moves, a deletion, due days. */
async function workOffline({ page, list, addCards, shows }, from, to) {
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const focus = (title) => list(from).locator('.title', { hasText: new RegExp(`^${title}$`) }).focus();
  await addCards(from, ...NEW);
  await focus('d');
  await press('e');
  await page.keyboard.insertText('d2');
  await press('Enter');
  await focus('a');
  await press('Space', 'ArrowRight', 'Space');
  await shows(to, ['a']);
  await focus('c');
  const card = list(from).locator('[data-card]', { has: page.locator('.title', { hasText: /^c$/ }) });
  await card.hover();
  await card.locator('.menu').click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  // Down and up again, three times: six moves that come to nothing in the end.
  for (let times = 0; times < 3; times += 1) {
    await focus('b');
    await press('Space', 'ArrowDown', 'Space');
    await shows(from, ['d2', 'b', 'e', ...NEW]);
    await press('Space', 'ArrowUp', 'Space');
    await shows(from, OFFLINE_HERE);
  }
  await focus('b');
  await press('d');
  await page.getByRole('button', { name: /^(tomorrow|завтра)$/i }).click();
}

/** All lists with their cards, as the page shows them. */
function board(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll('[data-list]')]
      .map((list) => `${list.querySelector('h2')?.textContent}: ${[...list.querySelectorAll('[data-card] .title')].map((card) => card.textContent).join(', ')}`)
      .join('\n'),
  );
}

/** Waits until the service worker has the page and its scripts: the next load comes from it. */
async function keepPage(page) {
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await live(page);
  await until('the dialogs are loaded', () => page.evaluate(async () => {
    const kept = await (await caches.open('veche-shell')).keys();
    return kept.filter(({ url }) => url.includes('CardDialog')).length;
  }), (count) => count > 0);
}
