// A server is killed in the middle of a stream of moves, and started again: both browsers come back by themselves,
// and no move is lost or doubled. The moves are made as people make them, by the keyboard. Meanwhile the Wi-Fi glyph at
// the end of the top bar turns from green to red and back.

import assert from 'node:assert/strict';
import { live, until, withUsers } from './kit/desk.mjs';
import { withServer } from './kit/server.mjs';

/** How often it is killed, and how many moves each of the two makes around it. */
const KILLS = 3;
const MOVES = 6;

/** The tokens of the colours of what is well and of what is not. */
const [GREEN, RED] = ['--ok', '--bad'];

/** What pages say of a server that is gone, which is what this test does. */
const GONE = /ERR_(CONNECTION_(REFUSED|RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED|ABORTED|INCOMPLETE_CHUNKED_ENCODING)|WebSocket connection to/;

await withServer(async (server) => {
  process.env.E2E_URL = server.url;
  await withUsers(
    ['anya', 'pasha'],
    async ({ anya, pasha }) => {
      const both = [anya, pasha];
      for (const person of both) await person.board('sprint');
      await shows(anya.page, 'online', GREEN);
      const before = await board(anya.page);
      assert.deepEqual(await board(pasha.page), before);
      await wander(anya.page, 8);
      await until('a move is seen by the other', () => board(pasha.page), (seen) => !same(seen, before));

      for (let round = 0; round < KILLS; round += 1) {
        const moving = Promise.all([wander(anya.page, 2 * round), wander(pasha.page, 2 * round + 1)]);
        await server.kill();
        await moving;
        await shows(pasha.page, 'reconnecting', RED);
        await server.start();
        for (const person of both) {
          await live(person.page);
          await person.saved();
        }
        await shows(pasha.page, 'online', GREEN);
        await until('both show one board', () => Promise.all(both.map(({ page }) => board(page))), ([one, two]) => same(one, two));
      }

      const after = await board(anya.page);
      assert.deepEqual(cards(after), cards(before), 'no card is lost or doubled');
      assert.ok(!same(after, before), 'cards were moved');
      const kept = await anya.page.context().request.get(`${server.url}/api/desk/boards/sprint`, {
        headers: { origin: server.url },
      });
      assert.deepEqual(stored(await kept.json()), after, 'and it is the board that the server keeps');
    },
    (complaint) => GONE.test(complaint),
  );
});

/** Waits until the glyph at the right end of the top bar is in this state, and of this colour. */
async function shows(page, state, token) {
  const look = () =>
    page.locator('header [data-state]').evaluate((glyph, name) => {
      const probe = document.body.appendChild(document.createElement('i'));
      probe.style.color = `var(${name})`;
      const isOfColour = getComputedStyle(glyph).color === getComputedStyle(probe).color;
      probe.remove();
      return { state: glyph.dataset.state, isOfColour, isLast: innerWidth - glyph.getBoundingClientRect().right < 24 };
    }, token);
  await until(`the glyph is ${state}`, look, (seen) => seen.state === state && seen.isOfColour && seen.isLast);
}

/** One card goes through a list by the keyboard, one place a move. */
async function wander(page, at) {
  for (let move = 0; move < MOVES; move += 1) {
    await page.locator('[data-list]').nth(at).locator('[data-card] .title').nth(move % 4).focus();
    for (const key of ['Space', 'ArrowDown', 'ArrowDown', 'Space']) await page.keyboard.press(key);
  }
}

/** The titles of each list, as the page shows them. */
function board(page) {
  return page.locator('[data-list]:not([data-ghost])').evaluateAll((lists) =>
    lists.map((list) => [...list.querySelectorAll('[data-card]:not([data-ghost]) .title')].map((title) => title.textContent)),
  );
}

/** The same of what the server keeps. */
function stored({ lists, cards }) {
  return lists.filter(({ archived }) => !archived).map(({ id }) => cards.filter(({ list }) => list === id).map(({ title }) => title));
}

function cards(lists) {
  return lists.flat().sort();
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
