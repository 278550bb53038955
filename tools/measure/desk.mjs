// What a board of 5,000 cards costs in Chromium: until it is seen, until a card is open, and while one is dragged.
//
//   cargo xtask run                                        # the release build, with the demonstration
//   node tools/measure/desk.mjs [URL] [CHROMIUM]           # after `npm ci` in tools/
//
// Each figure: the least, the median and the most of the rounds, each in a browser of its own.

import { chromium } from 'playwright-core';

const [url = 'http://localhost:3000', program = '/usr/bin/chromium'] = process.argv.slice(2);
const ROUNDS = 5;
const MOVES = 120;

const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) rounds.push(await measure());
for (const what of Object.keys(rounds[0])) {
  const values = rounds.map((round) => round[what]).sort((a, b) => a - b);
  const [least, median, most] = [0, ROUNDS >> 1, ROUNDS - 1].map((at) => values[at].toFixed(1));
  console.log(`${what}: ${least} / ${median} / ${most}`);
}

async function measure() {
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  const browser = await chromium.launch({ executablePath: program, args });
  try {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const signIn = { headers: { origin: url }, data: { user: 'anya' } };
    await context.request.post(`${url}/api/people/demo-sign-in`, signIn);
    const page = await context.newPage();
    await page.addInitScript(() => {
      window.painted = 0;
      new PerformanceObserver((list) => (window.painted = list.getEntries().at(-1).startTime)).observe({
        type: 'largest-contentful-paint',
        buffered: true,
      });
    });
    await page.goto(`${url}/desk/big`);
    await page.waitForFunction(() => document.querySelector('[data-state=online]') !== null);
    await page.waitForTimeout(1_500);
    const painted = await page.evaluate(() => window.painted);
    return { 'largest contentful paint, ms': painted, 'a card opens, ms': await open(page), ...(await drag(page)) };
  } finally {
    await browser.close();
  }
}

/** From the click to the frame after the dialog is there. */
async function open(page) {
  const time = await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const start = performance.now();
    document.querySelector('[data-card] .title').click();
    while (!document.querySelector('dialog[open]')) await frame();
    await frame();
    return performance.now() - start;
  });
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('dialog[open]'));
  return time;
}

/** Carries a card over the lists and back: the time between frames. */
async function drag(page) {
  const box = await page.locator('[data-card]').nth(2).boundingBox();
  await page.mouse.move(box.x + 60, box.y + box.height / 2);
  await page.mouse.down();
  await page.evaluate(() => {
    window.frames = [];
    const note = (time) => {
      window.frames.push(time);
      window.noting = requestAnimationFrame(note);
    };
    window.noting = requestAnimationFrame(note);
  });
  for (let move = 0; move < MOVES; move += 1) {
    const way = Math.sin((move / MOVES) * Math.PI);
    await page.mouse.move(box.x + 60 + 900 * way, box.y + box.height / 2 + 200 * way);
  }
  const gaps = await page.evaluate(() => {
    cancelAnimationFrame(window.noting);
    return window.frames.slice(1).map((time, at) => time - window.frames[at]).sort((a, b) => a - b);
  });
  await page.keyboard.press('Escape');
  await page.mouse.up();
  const at = (part) => gaps[Math.floor((gaps.length - 1) * part)];
  return { 'a frame of a drag, median, ms': at(0.5), 'a frame of a drag, 95 %, ms': at(0.95) };
}
