// Two people on one board, in two browsers: each sees what the other does, without a reload and without losing the
// place where they write.

import assert from 'node:assert/strict';
import { unique, until, withUsers } from './kit/desk.mjs';

await withUsers(['anya', 'pasha'], async ({ anya, pasha }) => {
  const [list, next] = [unique('Today'), unique('Tomorrow')];
  await anya.board('welcome');
  await pasha.board('welcome');
  for (const { page } of [anya, pasha]) await page.evaluate(() => (window.isSamePage = true));

  await until('each sees the other', () => pasha.page.locator('.bar .group li').count(), (count) => count > 0);
  await anya.addList(list);
  await anya.addList(next);
  await pasha.list(next).waitFor();
  await anya.addCards(list, 'one', 'two', 'three');
  await pasha.shows(list, ['one', 'two', 'three']);

  // By the keyboard, and seen by the other.
  await pasha.list(list).locator('.title', { hasText: 'three' }).focus();
  for (const key of ['Space', 'ArrowUp', 'ArrowUp', 'Space']) await pasha.page.keyboard.press(key);
  await anya.shows(list, ['three', 'one', 'two']);

  await drag(anya, list, 'one', next);
  await pasha.shows(next, ['one']);
  await pasha.shows(list, ['three', 'two']);
  await anya.shows(list, ['three', 'two']);

  await dragList(anya, next, list);
  await until('the lists change places', () => titlesOfLists(pasha.page), (seen) => seen.indexOf(next) < seen.indexOf(list));

  await pasha.list(list).locator('.title', { hasText: 'two' }).focus();
  await pasha.page.keyboard.press('e');
  await pasha.page.keyboard.insertText('two and a half');
  await pasha.page.keyboard.press('Enter');
  await anya.shows(list, ['three', 'two and a half']);

  await seesPresence(anya, pasha, list);
  await keepsTheCaret(anya, pasha, list);

  for (const { page } of [anya, pasha]) assert.ok(await page.evaluate(() => window.isSamePage), 'no page was loaded again');
  await anya.saved();
  await pasha.saved();
});

/** One opens a card and writes in it: the other sees who, on the card and at the field. */
async function seesPresence(anya, pasha, list) {
  const card = anya.list(list).locator('[data-card]', { hasText: 'three' });
  await pasha.list(list).locator('.title', { hasText: 'three' }).click();
  await pasha.page.locator('dialog').waitFor();
  await card.locator('.here').waitFor();
  await pasha.page.locator('dialog').getByRole('button', { name: 'Write' }).click();
  await until('the card has the ring of who edits it', () => card.getAttribute('class'), (names) => names.includes('edited'));
  await pasha.page.locator('dialog section textarea').fill('see https://example.com/a and <b>that</b>');
  await pasha.page.keyboard.press('Control+Enter');
  await pasha.page.locator('dialog a[href="https://example.com/a"]').waitFor();
  await pasha.page.keyboard.press('Escape');
  await pasha.page.locator('dialog').waitFor({ state: 'detached' });
  await until('the ring is gone', () => card.getAttribute('class'), (names) => !names.includes('edited'));
}

/** A field that one writes in is changed by the other: nothing moves under the caret, and theirs can be put back. */
async function keepsTheCaret(anya, pasha, list) {
  const title = anya.page.locator('dialog textarea').first();
  await anya.list(list).locator('.title', { hasText: 'three' }).click();
  await title.focus();
  await title.evaluate((field) => field.setSelectionRange(2, 2));
  await anya.page.keyboard.insertText('!!');
  await pasha.list(list).locator('.title', { hasText: 'three' }).focus();
  await pasha.page.keyboard.press('e');
  await pasha.page.keyboard.insertText('drei');
  await pasha.page.keyboard.press('Enter');
  await anya.page.locator('dialog .dot').waitFor();
  assert.equal(await title.inputValue(), 'th!!ree');
  const caret = await title.evaluate((field) => [document.activeElement === field, field.selectionStart]);
  assert.deepEqual(caret, [true, 4], 'the caret is where it was');
  await anya.page.keyboard.press('Enter');
  await pasha.shows(list, ['th!!ree', 'two and a half']);
  const toast = anya.page.locator('.toast', { hasText: 'drei' });
  await toast.getByRole('button', { name: 'Restore theirs' }).click();
  await pasha.shows(list, ['drei', 'two and a half']);
  await anya.page.keyboard.press('Escape');
}

/** With the mouse, as a hand does it: press, a little way, the way, let go. */
async function drag({ page, list }, from, card, to) {
  await list(to).scrollIntoViewIfNeeded();
  const start = await list(from).locator('[data-card]', { hasText: card }).boundingBox();
  const end = await list(to).locator('[data-cards]').boundingBox();
  await page.mouse.move(start.x + 40, start.y + 12);
  await page.mouse.down();
  await page.mouse.move(start.x + 60, start.y + 24, { steps: 4 });
  await page.mouse.move(end.x + 60, end.y + 20, { steps: 12 });
  await list(to).locator('.gap').waitFor();
  await page.mouse.up();
}

async function dragList({ page, list }, from, to) {
  const start = await list(from).locator('[data-grip]').boundingBox();
  const end = await list(to).locator('[data-grip]').boundingBox();
  await page.mouse.move(start.x + 20, start.y + 16);
  await page.mouse.down();
  await page.mouse.move(start.x, start.y + 18, { steps: 4 });
  await page.mouse.move(end.x + 20, end.y + 18, { steps: 12 });
  await page.locator('[data-ghost]').waitFor();
  await page.mouse.up();
}

function titlesOfLists(page) {
  return page.locator('[data-list]:not([data-ghost]) h2').allTextContents();
}
