// The page of `--demo`: two clients meet, one loses its link, and what it missed comes back once and in order.
//
// With VECHE_SHOTS=folder it also takes pictures: 1280 and 360 px, light and dark, English and Russian.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { withBrowser } from './browser.mjs';

/** Fewer than the burst of messages that the default limits allow a user. */
const MISSED = 6;

await withBrowser(async ({ open }) => {
  const page = await open('/_try');
  const channel = `try-${Date.now()}`;
  const ann = pane(page, 'a');
  const bob = pane(page, 'b');

  await ann.connect('Анна', channel);
  await bob.connect('Bob', channel);
  await ann.sees('.recovery', 'fresh');
  await ann.members(['Анна', 'Bob']);
  await bob.members(['Анна', 'Bob']);

  await ann.publish('Hello, Bob');
  await bob.shows(['Hello, Bob']);
  await ann.shows(['Hello, Bob']);

  await bob.writes('Hm');
  await ann.sees('.typing', 'Bob');
  await bob.publish('<b>Hello</b> & you');
  await ann.shows(['Hello, Bob', '<b>Hello</b> & you']);

  await bob.press('.cut');
  await bob.state('cut');
  const missed = Array.from({ length: MISSED }, (_, number) => `missed ${number + 1}`);
  for (const text of missed) await ann.publish(text);
  const all = ['Hello, Bob', '<b>Hello</b> & you', ...missed];
  await ann.shows(all);
  await bob.shows(all.slice(0, 2));

  await bob.press('.cut');
  await bob.state('live');
  await bob.sees('.recovery', 'replay');
  await bob.sees('.recovery', String(MISSED));
  await bob.shows(all);
  assert.deepEqual(await bob.texts('.recovered .text'), missed, 'only what was missed is marked');
  assert.deepEqual(await bob.offsets(), all.map((_, place) => place + 1), 'no offset is lost or doubled');

  await ann.publish('after');
  await bob.shows([...all, 'after']);
  assert.deepEqual(await bob.texts('.recovered .text'), missed, 'what is live is not marked');
  await bob.members(['Анна', 'Bob']);

  await bob.press('.cut');
  await bob.state('cut');
  await bob.press('.cut');
  await bob.sees('.recovery', 'up_to_date');

  await ann.press('.frames summary');
  await ann.sees('.frames li.received', '"text":"after"');
  await ann.press('.frames summary');

  const folder = process.env.VECHE_SHOTS;
  if (folder) await takePictures(page, folder);
});

/** One pane, as a person uses it. */
function pane(page, letter) {
  const root = page.locator(`#pane-${letter}`);
  const texts = (selector) => root.locator(selector).allTextContents();
  const until = async (what, holds) => {
    const end = Date.now() + 15_000;
    let seen = await what();
    while (!holds(seen)) {
      assert.ok(Date.now() < end, `pane ${letter} shows ${JSON.stringify(seen)}`);
      await page.evaluate(() => new Promise(requestAnimationFrame));
      seen = await what();
    }
  };
  const state = (wanted) => until(() => root.getAttribute('data-state'), (seen) => seen === wanted);
  return {
    texts,
    state,
    press: (selector) => root.locator(selector).click(),
    connect: async (name, channel) => {
      await root.locator('input[name=name]').fill(name);
      await root.locator('input[name=channel]').fill(channel);
      await root.locator('.toggle').click();
      await state('live');
    },
    writes: (text) => root.locator('input[name=text]').pressSequentially(text),
    publish: async (text) => {
      await root.locator('input[name=text]').fill(text);
      await root.locator('input[name=text]').press('Enter');
    },
    sees: (selector, text) => until(() => texts(selector), (seen) => seen.some((line) => line.includes(text))),
    shows: (wanted) => until(() => texts('.message .text'), (seen) => seen.join('\n') === wanted.join('\n')),
    members: (wanted) => until(() => texts('.members li'), (seen) => isSame(seen, wanted)),
    offsets: () => root.locator('.message').evaluateAll((lines) => lines.map((line) => Number(line.dataset.offset))),
  };
}

/** Are these the members, in any order? The own name is followed by a note. */
function isSame(seen, wanted) {
  return seen.length === wanted.length && wanted.every((name) => seen.some((chip) => chip.startsWith(name)));
}

async function takePictures(page, folder) {
  await mkdir(folder, { recursive: true });
  for (const language of ['en', 'ru']) {
    await page.locator(`[data-language=${language}]`).click();
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 800 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.equal(wide, false, `nothing is wider than ${width} px`);
        await page.screenshot({ path: join(folder, `try-${language}-${colorScheme}-${width}.png`), fullPage: true });
      }
    }
  }
}
