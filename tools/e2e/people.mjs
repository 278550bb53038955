// The pages that mailed links lead to: an address is confirmed, a password is forgotten and chosen anew, and the
// secret of a link is nowhere but in the body of one request.

import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';

const EMAIL = `ann-${Date.now()}@example.com`;
const PASSWORD = 'correct horse battery';
const NEW = 'staple in the stable';

/** A browser logs a refusal as an error; these are asked for. */
const isExpected = (complaint) => /status of (401|410)/.test(complaint);

await withBrowser(async ({ open, url }) => {
  const form = { email: EMAIL, password: PASSWORD, name: 'Аня', language: 'ru' };
  const registered = await fetch(`${url}/api/people/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(form),
  });
  assert.equal(registered.status, 202);

  const confirm = await link(url, 'confirm');
  const page = await open(confirm);
  const urls = [];
  page.on('request', (request) => urls.push(request.url()));
  // The page is there before its script is; then the secret leaves the address.
  await page.waitForFunction(() => location.hash === '');
  await send(page, { password: 'not the password' });
  await says(page, /wrong|Неверный/);
  await send(page, { password: PASSWORD });
  await page.waitForURL(`${url}/`);
  assert.equal((await me(page)).name, 'Аня');
  const readable = (await page.evaluate(() => document.cookie)).split('; ').filter(Boolean);
  const isLook = (pair) => /^veche_(theme|locale|tz|contrast|density)=/.test(pair);
  assert.ok(readable.every(isLook), `no script sees the cookie of the sign-in: ${readable}`);

  const used = await open(confirm);
  await send(used, { password: PASSWORD });
  await says(used, /used|использована/);

  const forgotten = await open('/people/sign-in');
  await forgotten.click('#other a');
  // Both pages have a field for the address; only the one before has a password.
  await forgotten.locator('input[name=password]').waitFor({ state: 'detached' });
  await send(forgotten, { email: EMAIL });
  await says(forgotten, /mail|почту/);
  const reset = await open(await link(url, 'reset'));
  await send(reset, { password: NEW });
  await reset.waitForURL(`${url}/people/sign-in`);
  assert.equal(await me(page), null, 'all sign-ins have ended');
  await send(reset, { email: EMAIL, password: NEW });
  await reset.waitForURL(`${url}/`);
  assert.equal((await me(reset)).email, EMAIL);
  const secret = new URL(confirm).hash.slice('#token='.length);
  assert.ok(secret.length === 43 && urls.every((seen) => !seen.includes(secret)), 'no URL has the secret');
  const demo = await open('/people/sign-in');
  await demo.click('#demo button:has-text("Паша")');
  await demo.waitForURL(`${url}/`);
  assert.equal((await me(demo)).name, 'Паша');
}, isExpected);

/** The latest letter's link to this page. */
async function link(url, page) {
  const mark = new RegExp(`href="([^"]*/people/${page}#token=[^"]*)"`);
  for (;;) {
    const outbox = await (await fetch(`${url}/_dev/outbox`)).text();
    const found = outbox.match(mark);
    if (found) return found[1];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function send(page, fields) {
  for (const [name, value] of Object.entries(fields)) await page.fill(`input[name=${name}]`, value);
  await page.click('#send');
}

async function says(page, pattern) {
  await page.locator('#outcome', { hasText: pattern }).waitFor();
}

/** The account of the page's cookie, or null. */
function me(page) {
  return page.evaluate(async () => {
    const response = await fetch('/api/people/me');
    // Read in any case: what is left of an answer is broken off when the page is left.
    const body = await response.json();
    return response.ok ? body : null;
  });
}
