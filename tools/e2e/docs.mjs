// The page of the HTTP door shows every operation of the document, by its own files alone.

import assert from 'node:assert/strict';
import { withBrowser } from './browser.mjs';

await withBrowser(async ({ open, url }) => {
  const whole = await (await fetch(new URL('/api/v1/openapi.json', url))).json();
  const operations = Object.values(whole.paths).flatMap((methods) => Object.values(methods));
  assert.ok(operations.length >= 13, `${operations.length} operations`);

  const page = await open('/api/docs');
  await page.waitForFunction((count) => document.querySelectorAll('main article').length === count, operations.length);
  const shown = await page.locator('main article').evaluateAll((articles) => articles.map((article) => article.id));
  assert.deepEqual(shown, operations.map((operation) => operation.operationId));

  const publish = page.locator('#publish');
  const names = await publish.locator('.fields').first().locator('tbody th').allTextContents();
  assert.deepEqual(names, ['channel', 'data', 'event', 'key', 'op_id']);
  assert.match(await publish.locator('pre').textContent(), /curl -X POST "http.*\/api\/v1\/publish"/);

  await page.getByRole('navigation').getByRole('link', { name: 'Revoke a key' }).click();
  assert.equal(new URL(page.url()).hash, '#revoke_key');
  await page.locator('#revoke_key').waitFor();

  // Nothing is cut off on a phone, and both schemes have their own paper.
  await page.setViewportSize({ width: 360, height: 700 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways');
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await paper();
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.notEqual(await paper(), light);
});
