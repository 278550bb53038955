// What the scripts of Realtime Desk share: browsers that are signed in as users of the demonstration, and a board as a
// person sees and works it.

import assert from 'node:assert/strict';
import { withBrowser } from '../browser.mjs';

const PATIENCE_MS = 15_000;

/** Runs a test with one browser a user, each signed in: `test({ anya, pasha })`. */
export async function withUsers(users, test, isExpected) {
  const [first, ...others] = users;
  const inBrowser = async (browser, signedIn) => {
    const page = await signIn(browser, first);
    const all = { ...signedIn, [first]: person(page, browser.url) };
    await (others.length > 0 ? withUsers(others, (rest) => test({ ...all, ...rest }), isExpected) : test(all));
  };
  await withBrowser((browser) => inBrowser(browser, {}), isExpected);
}

/** A page of somebody who is signed in. */
export async function signIn({ open, url }, user) {
  const page = await open('/people/sign-in');
  const answer = await page.context().request.post(`${url}/api/people/demo-sign-in`, {
    headers: { origin: url },
    data: { user },
  });
  assert.ok(answer.ok(), `${user} is signed in: ${answer.status()}`);
  await speak(page, 'en');
  return page;
}

/** Waits until a condition holds; what it saw last is in the complaint. */
export async function until(what, look, holds) {
  const end = Date.now() + PATIENCE_MS;
  let seen = await look();
  while (!holds(seen)) {
    assert.ok(Date.now() < end, `${what}; seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
    seen = await look();
  }
  return seen;
}

/** A name that no other run of a test has used. */
export function unique(what) {
  return `${what} ${Math.random().toString(36).slice(2, 8)}`;
}

function person(page, url) {
  const list = (title) => page.locator('[data-list]', { has: page.getByRole('heading', { name: title, exact: true }) });
  const card = (title) => page.locator('[data-card]:not([data-ghost])', { has: page.locator('.title', { hasText: title }) });
  return {
    page,
    list,
    card,
    /** Opens a board and waits until it is live. */
    board: async (id, query = '') => {
      await page.goto(`${url}/desk/${id}${query}`);
      await page.locator('[data-list]').first().waitFor();
      await live(page);
    },
    titles: (title) => list(title).locator('[data-card] .title').allTextContents(),
    /** Adds a list at the end of the board. */
    addList: async (title) => {
      await page.locator('button#new-list').click();
      await page.locator('input#new-list').fill(title);
      await page.keyboard.press('Enter');
      await page.keyboard.press('Escape');
      await list(title).waitFor();
    },
    addCards: async (title, ...cards) => {
      await list(title).locator('.composer .open').click();
      for (const text of cards) {
        await page.keyboard.insertText(text);
        await page.keyboard.press('Enter');
      }
      await page.keyboard.press('Escape');
      await until(`the cards are in ${title}`, () => list(title).locator('[data-card] .title').allTextContents(), (seen) =>
        cards.every((text) => seen.includes(text)),
      );
    },
    shows: (title, cards) =>
      until(`${title} shows ${cards}`, () => list(title).locator('[data-card]:not([data-ghost]) .title').allTextContents(), (seen) =>
        JSON.stringify(seen) === JSON.stringify(cards),
      ),
    /** Nothing waits to be saved. */
    saved: () => until('all is saved', () => outbox(page), (count) => count === 0),
  };
}

/** The language that a signed-in user reads. */
export async function speak(page, language) {
  const { origin } = new URL(page.url());
  const answer = await page.context().request.patch(`${origin}/api/people/me`, { headers: { origin }, data: { language } });
  assert.ok(answer.ok(), `the language is chosen: ${answer.status()}`);
}

/** Waits until the page's socket is open. A link is `degraded` where the machine is busy. */
export async function live(page) {
  const state = () => page.locator('[data-state]').first().getAttribute('data-state');
  await until('the page is live', state, (seen) => seen === 'online' || seen === 'degraded');
}

/** How many operations the page's outbox keeps in IndexedDB. */
export function outbox(page) {
  return page.evaluate(async () => {
    // Opened before the page has made it, it would be made without its table.
    if (!(await indexedDB.databases()).some(({ name }) => name === 'veche')) return 0;
    const done = (request) => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const database = await done(indexedDB.open('veche'));
    const count = await done(database.transaction('outbox').objectStore('outbox').count());
    database.close();
    return count;
  });
}
