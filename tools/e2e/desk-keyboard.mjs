// A board is worked with the keyboard alone, and the live region says what a screen reader has to know.

import assert from 'node:assert/strict';
import { unique, until, withUsers } from './kit/desk.mjs';

await withUsers(['anya'], async ({ anya }) => {
  const { page } = anya;
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const says = (pattern) =>
    until(`the live region says ${pattern}`, () => page.locator('[data-live=polite]').last().textContent(), (text) => pattern.test(text));
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
  const focuses = (title) => until(`the focus is on ${title}`, focused, (seen) => seen === title);

  await anya.board('welcome');
  const [left, right] = [unique('Left'), unique('Right')];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => unique(name));

  // Two lists and their cards, from the tab order alone.
  await tabTo(page, '#new-list');
  await press('Enter');
  for (const title of [left, right]) {
    await page.keyboard.insertText(title);
    await press('Enter');
  }
  await press('Escape');
  await anya.list(right).waitFor();
  await tabTo(page, `[data-list]:has(h2:text-is("${left}")) .composer .open`, 'Shift+Tab');
  await press('Enter');
  for (const title of [a, b, c]) {
    await page.keyboard.insertText(title);
    await press('Enter');
  }
  await press('Escape');
  await anya.shows(left, [a, b, c]);

  // To the cards of the list: its first is reached by the arrows.
  await tabTo(page, '[data-card] .title', 'Shift+Tab');
  await press('Home');
  for (let steps = 0; (await focused()) !== a && steps < 60; steps += 1) await press('ArrowRight', 'Home');
  assert.equal(await focused(), a);
  await press('ArrowDown');
  await focuses(b);
  await press('End');
  await focuses(c);

  await press('Space');
  await says(new RegExp(`Card ${c} lifted. List ${left}, position 3 of 3.`));
  await press('ArrowUp', 'ArrowUp');
  await says(/position 1 of 3/);
  await focuses(c);
  await press('Escape');
  await says(/The move is cancelled/);
  await anya.shows(left, [a, b, c]);
  await focuses(c);

  await press('Space', 'ArrowRight');
  await says(new RegExp(`List ${right}, position 1 of 1`));
  await press('Enter');
  await says(new RegExp(`Card ${c} dropped`));
  await anya.shows(right, [c]);
  await focuses(c);

  // Move to…, the way without dragging.
  await press('m');
  const dialog = page.locator('dialog');
  await dialog.waitFor();
  await dialog.locator('select').first().selectOption({ label: left });
  await dialog.locator('select').last().selectOption({ index: 0 });
  await dialog.getByRole('button', { name: 'Move card' }).last().focus();
  await press('Enter');
  await anya.shows(left, [c, a, b]);
  await focuses(c);

  await press('e');
  await page.keyboard.insertText('sea');
  await press('Enter');
  await anya.shows(left, ['sea', a, b]);
  await focuses('sea');

  await press('d');
  await page.getByRole('button', { name: 'Tomorrow', exact: false }).first().focus();
  await press('Enter');
  const card = anya.list(left).locator('[data-card]', { hasText: 'sea' });
  await card.locator('.due').waitFor();
  await focuses('sea');
  await press('a');
  await page.locator('[popover] button').first().focus();
  await press('Space', 'Escape');
  await card.locator('.people .avatar').waitFor();
  await focuses('sea');
  await press('l');
  await page.locator('[popover] button').first().focus();
  await press('Space', 'Escape');
  await card.locator('.label').waitFor();
  await focuses('sea');

  await press('Enter');
  await dialog.waitFor();
  assert.match(page.url(), /\?card=/);
  await press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await focuses('sea');

  await press('n');
  await page.keyboard.insertText(d);
  await press('Enter', 'Escape');
  await anya.shows(left, ['sea', a, b, d]);

  // A list, by its grip.
  await page.locator(`[data-list]:has(h2:text-is("${right}")) [data-lift]`).focus();
  await press('Space', 'ArrowLeft');
  await says(/Position \d+ of \d+/);
  await press('Space');
  const lists = () => page.locator('[data-list] h2').allTextContents();
  await until('the list has moved', lists, (seen) => seen.indexOf(right) < seen.indexOf(left));
  await anya.saved();
});

/** Presses Tab until the focus is on what a selector names. */
async function tabTo(page, selector, key = 'Tab') {
  const isThere = () => page.evaluate((css) => document.activeElement?.matches(css) ?? false, selector.replace(/:text-is\("[^"]*"\)/, '')).catch(() => false);
  const target = page.locator(selector);
  for (let presses = 0; presses < 200; presses += 1) {
    await page.keyboard.press(key);
    if (await isThere() && (await target.evaluateAll((all) => all.includes(document.activeElement)))) return;
  }
  assert.fail(`Tab does not reach ${selector}`);
}
