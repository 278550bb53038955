// Bad input: text of every kind, a description that is too long, a list that is gone, a card in the trash, a right that is
// lost in the middle of an edit. The answer is the specification's, and the user's text is never lost.

import assert from 'node:assert/strict';
import { live, unique, until, withUsers } from './kit/desk.mjs';

const TEXTS = [
  '<img src=x onerror="window.hit=1">',
  '<script>window.hit=1</script>',
  '{{constructor.constructor("window.hit=1")()}} ${window.hit=1}',
  '"><svg onload=window.hit=1>',
  "'; DROP TABLE cards; --",
  '&lt;b&gt; &amp; &#0; %00 %3Cscript%3E',
  'javascript:window.hit=1',
  'שלום עולם and مرحبا',
  'zalgo z\u0335\u0322\u0321\u030d and 👩‍👩‍👧‍👦 🏴‍☠️',
  'W'.repeat(400),
];

/** What no title may have: marks that turn the writing's direction, and control characters. */
const REFUSED = ['\u202eright to left\u202c', 'a\u0007bell', '\u2066isolated\u2069'];

await withUsers(['anya', 'pasha'], async ({ anya, pasha }) => {
  const { page } = anya;
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const list = unique('Hostile');
  await anya.board('welcome');
  await pasha.board('welcome');
  await anya.addList(list);
  await anya.addCards(list, ...TEXTS);
  const trimmed = TEXTS.map((text) => text.trim());
  await pasha.shows(list, trimmed);
  await page.reload();
  await live(page);
  await anya.shows(list, trimmed);
  for (const one of [anya, pasha]) {
    assert.equal(await one.page.evaluate(() => window.hit), undefined, 'no text runs');
    assert.equal(await one.page.locator('[data-card] img, [data-card] script').count(), 0, 'no text is markup');
    assert.ok(await one.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no text is wider than the page');
  }

  await refusedTitles(anya, list);
  await longDescription(anya, list);
  await listThatIsGone(anya, pasha);
  await cardInTheTrash(anya, pasha);
  await rightThatIsLost(pasha);
});

/** The server refuses them, and each text stays with its author: copied or discarded by them. */
async function refusedTitles({ page, list }, title) {
  await list(title).locator('.composer .open').click();
  for (const text of REFUSED) {
    await page.keyboard.insertText(text);
    await page.keyboard.press('Enter');
  }
  await page.keyboard.press('Escape');
  const entries = page.locator('.unsaved .entry');
  await until('all are refused', () => entries.count(), (count) => count === REFUSED.length);
  const words = await entries.locator('p.words').allTextContents();
  assert.deepEqual(words, REFUSED, 'the texts are kept');
  await page.reload();
  await live(page);
  await until('they are kept over a reload', () => entries.count(), (count) => count === REFUSED.length);
  for (const _ of REFUSED) await entries.first().getByRole('button', { name: 'Discard' }).click();
  await until('all are discarded', () => entries.count(), (count) => count === 0);
}

/** Told before it is sent, kept after the dialog and the page are closed, and saved once it is shorter. */
async function longDescription({ page, list }, title) {
  const text = `Ж${'ы'.repeat(16_400)} <b>end</b>`;
  await list(title).locator('.title').first().click();
  const dialog = page.locator('dialog');
  await dialog.getByRole('button', { name: 'Write' }).click();
  await dialog.locator('section textarea').fill(text);
  await dialog.getByText(/at most .* can be saved/).waitFor();
  assert.equal(await dialog.getByRole('button', { name: 'Save' }).isDisabled(), true);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.reload();
  await live(page);
  await list(title).locator('.title').first().click();
  assert.equal(await dialog.locator('section textarea').inputValue(), text, 'the text is kept over a reload');
  await dialog.locator('section textarea').fill('short <i>enough</i>');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('short <i>enough</i>').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
}

/** A card is moved, without a link, to a list that somebody archives meanwhile. */
async function listThatIsGone(anya, pasha) {
  const [from, to] = [unique('From'), unique('To')];
  await anya.addList(from);
  await anya.addList(to);
  await anya.addCards(from, 'goes nowhere');
  await pasha.shows(from, ['goes nowhere']);
  const cut = await cutOff(anya.page);
  await anya.list(from).locator('.title').focus();
  for (const key of ['Space', 'ArrowRight', 'Space']) await anya.page.keyboard.press(key);
  await anya.shows(to, ['goes nowhere']);
  await pasha.list(to).getByRole('button', { name: /^Actions for the list/ }).click();
  await pasha.page.getByRole('menuitem', { name: 'Archive the list' }).click();
  await pasha.list(to).waitFor({ state: 'detached' });
  await cut.heal();
  const unsaved = anya.page.locator('.unsaved .entry', { hasText: 'Not saved' });
  await unsaved.waitFor();
  await anya.shows(from, ['goes nowhere']);
  assert.equal(await anya.list(from).locator('.card.rejected .bad').count(), 1, 'the card has a red chip');
  await unsaved.getByRole('button', { name: 'Discard' }).click();
  await unsaved.waitFor({ state: 'detached' });
}

/** An edit of a card that was deleted meanwhile: the text is kept, and restoring the card replays the edit. */
async function cardInTheTrash(anya, pasha) {
  const list = unique('Trash');
  await anya.addList(list);
  await anya.addCards(list, 'doomed');
  await pasha.shows(list, ['doomed']);
  const cut = await cutOff(anya.page);
  await anya.list(list).locator('.title').focus();
  await anya.page.keyboard.press('e');
  await anya.page.keyboard.insertText('words of worth');
  await anya.page.keyboard.press('Enter');
  await anya.shows(list, ['words of worth']);
  await pasha.list(list).locator('[data-card]').hover();
  await pasha.list(list).locator('.menu').click();
  await pasha.page.getByRole('menuitem', { name: 'Delete' }).click();
  await pasha.shows(list, []);
  await cut.heal();
  const unsaved = anya.page.locator('.unsaved .entry', { hasText: 'words of worth' });
  await unsaved.getByRole('button', { name: 'Copy' }).click();
  assert.equal(await anya.page.evaluate(() => navigator.clipboard.readText()), 'words of worth');
  await unsaved.getByRole('button', { name: 'Restore card' }).click();
  await unsaved.waitFor({ state: 'detached' });
  await anya.shows(list, ['words of worth']);
  await pasha.shows(list, ['words of worth']);
}

/** The server says in the middle of an edit that this user is a viewer now: read-only, and the draft is offered. */
async function rightThatIsLost(pasha) {
  const { page } = pasha;
  let toPage;
  let last = 0;
  await page.routeWebSocket(/\/realtime\/ws/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.channel === 'board:welcome' && typeof frame.offset === 'number') last = Math.max(last, frame.offset);
      socket.send(text);
    });
    toPage = (frame) => socket.send(JSON.stringify(frame));
  });
  await page.reload();
  await live(page);
  const title = page.locator('[data-card] .title').first();
  await title.click();
  const dialog = page.locator('dialog');
  await dialog.getByRole('button', { name: /^(Write|Edit)$/ }).first().click();
  await dialog.locator('section textarea').fill('not sent yet');
  const data = { user: 'pasha', name: 'Паша', role: 'viewer' };
  toPage({ type: 'member.set', channel: 'board:welcome', offset: last + 1, time_ms: Date.now(), data });
  await until('the field is read-only', () => dialog.locator('section textarea').getAttribute('readonly'), (value) => value !== null);
  assert.equal(await dialog.locator('section textarea').inputValue(), 'not sent yet');
  await dialog.getByRole('button', { name: 'Copy' }).waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await page.locator('.composer').count(), 0, 'nothing can be added');
}

/** Takes the page's link away, until it is healed. */
async function cutOff(page) {
  await page.context().setOffline(true);
  return {
    heal: async () => {
      await page.context().setOffline(false);
      await live(page);
    },
  };
}
