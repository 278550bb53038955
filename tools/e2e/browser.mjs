// What the page tests share: one fresh Chromium a test, which fails on anything that the console complains of.
//
// A test is a script beside this file: `await withBrowser(async ({ open, url, token }) => { … })`. It runs by
// `cargo xtask test browser`, which starts the server and sets the three variables below.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long a page may take for anything a test waits for, in milliseconds. */
const PATIENCE_MS = 15_000;

/**
 * Runs a test in a browser of its own and closes it, whatever happens.
 *
 * `open(path)` opens a new page on the server; `url` is the server's origin; `token` is a JWT of the user `ann`;
 * `context` is the browser's, for what `open` does not do.
 * Fails when the test throws, or when any page logged an error, threw one, or lost a request to the server, but for
 * complaints that `isExpected` of a test which breaks something.
 */
export async function withBrowser(test, isExpected = () => false) {
  const url = required('E2E_URL');
  const profile = await mkdtemp(join(tmpdir(), 'veche-e2e-'));
  const complaints = [];
  let seen = [];
  let context;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: required('E2E_CHROMIUM'),
      args: FLAGS,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const open = async (path) => {
      const page = await context.newPage();
      listen(page, complaints);
      await page.goto(new URL(path, url).href);
      return page;
    };
    await test({ open, context, url, token: required('E2E_TOKEN') });
    // What a page that closes breaks off is no complaint.
    seen = [...complaints];
  } finally {
    await context?.close();
    await rm(profile, { recursive: true, force: true });
  }
  const unexpected = seen.filter((complaint) => !isExpected(complaint));
  if (unexpected.length > 0) throw new Error(`the console complained:\n${unexpected.join('\n')}`);
}

/** Notes every error of a page. */
function listen(page, complaints) {
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.stack ?? error.message}`));
  page.on('requestfailed', (request) => {
    if (isLeftBehind(request)) return;
    complaints.push(`request: ${request.method()} ${request.url()} ${request.failure()?.errorText}`);
  });
}

/**
 * What a page only reads: files that it fetches when it has the time, as its icon, its fonts and the code of its dialogs,
 * and what it asks the server beside. The browser drops them where the page is left before they have come, and calls
 * only that an abort; a server that fails has other names. What a page sends must not be dropped.
 */
function isLeftBehind(request) {
  const isRead = request.method() === 'GET' && request.resourceType() !== 'document';
  return isRead && request.failure()?.errorText === 'net::ERR_ABORTED';
}

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the test by \`cargo xtask test browser\``);
  return value;
}
