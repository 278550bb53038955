// No page is wider than its window, in any language: also not in one whose words are 40 % longer than the longest of ours.

import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';

const GUESTS = ['/', '/people/sign-in', '/people/sign-up', '/people/forgot', '/people/confirm', '/people/reset', '/dev/ui'];
const USERS = ['/desk', '/desk/welcome'];
const WIDTHS = [320, 768, 1280];

await withBrowser(async ({ open, url }) => {
  const page = await open('/');
  const problems = [];
  const look = async (path, locale) => {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto(url + path);
      await page.locator('header [data-state=online]').waitFor();
      for (const words of ['as they are', 'longer']) {
        if (words === 'longer') await page.evaluate(lengthen);
        const found = await page.evaluate(tooWide);
        problems.push(...found.map((what) => `${path}, ${locale}, ${width} px, ${words}: ${what}`));
      }
    }
  };
  for (const locale of ['en', 'ru']) {
    await page.context().clearCookies();
    await page.context().addCookies([{ name: 'veche_locale', value: locale, url }]);
    for (const path of GUESTS) await look(path, locale);
    const status = await page.evaluate(signIn, locale);
    assert.equal(status, 200);
    for (const path of USERS) await look(path, locale);
  }
  assert.deepEqual(problems, []);
});

async function signIn(language) {
  const headers = { 'content-type': 'application/json' };
  const ask = async (entry, method, body) => {
    const answer = await fetch(`/api/people/${entry}`, { method, headers, body: JSON.stringify(body) });
    // To its end: a page that leaves before would break the answer off.
    await answer.text();
    return answer.status;
  };
  await ask('demo-sign-in', 'POST', { user: 'anya' });
  return ask('me', 'PATCH', { language });
}

/** Each word of the page with two fifths more letters, as a pseudo-locale has them. */
function lengthen() {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (text.parentElement?.closest('script, .avatar, kbd')) continue;
    text.data = text.data.replace(/\p{L}{2,}/gu, (word) => word + 'ж'.repeat(Math.ceil(word.length * 0.4)));
  }
}

/** What makes the page wider than the window, and buttons whose words do not fit. */
function tooWide() {
  const root = document.documentElement;
  const found = [];
  if (root.scrollWidth > root.clientWidth) {
    const beyond = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1);
    found.push(`the page is ${root.scrollWidth} px wide, by ${beyond.at(-1)?.outerHTML.slice(0, 120)}`);
  }
  for (const button of document.querySelectorAll('main .button, main button.icon-button')) {
    if (button.scrollWidth > button.clientWidth + 1) found.push(`a button is cut off: ${button.textContent?.trim()}`);
  }
  return found;
}
