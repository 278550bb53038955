// No serious finding of axe on the pages of Realtime Desk: light and dark, English and Russian, desktop and phone; with
// VECHE_SHOTS=folder it also takes pictures of them, for somebody to look at.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { live, speak, until, withUsers } from './kit/desk.mjs';

const PAGES = [
  ['boards', '/desk', (page) => page.locator('.tile').first().waitFor()],
  ['board', '/desk/welcome', (page) => page.locator('[data-card]').first().waitFor()],
  ['card', '/desk/welcome', openCard],
  ['menu', '/desk/welcome', openMenu],
  ['move', '/desk/welcome', openMove],
];

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const folder = process.env.VECHE_SHOTS;
if (folder) await mkdir(folder, { recursive: true });

await withUsers(['anya'], async ({ anya: { page } }) => {
  const { origin } = new URL(page.url());
  for (const language of ['en', 'ru']) {
    await speak(page, language);
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 360]) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width, height: 800 });
        for (const [name, path, ready] of PAGES) {
          await page.goto(origin + path);
          await live(page);
          await ready(page);
          await check(page, `${name}-${language}-${colorScheme}-${width}`);
        }
      }
    }
  }
});

async function openCard(page) {
  await page.locator('[data-card] .title').first().click();
  await page.locator('dialog .read, dialog .quiet').first().waitFor();
}

async function openMenu(page) {
  await page.locator('[data-card]').first().hover();
  await page.locator('[data-card] .menu').first().click();
  await page.getByRole('menu').waitFor();
}

async function openMove(page) {
  await page.locator('[data-card] .title').first().focus();
  await page.keyboard.press('m');
  await page.locator('dialog select').first().waitFor();
}

async function check(page, name) {
  await until('what enters has entered', () => page.evaluate(() => document.getAnimations().filter((one) => one.playState === 'running' && one.effect?.getComputedTiming().iterations === 1).length), (count) => count === 0);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const said = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  assert.deepEqual(said, [], `axe on ${name}`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is not wider than the page`);
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}
