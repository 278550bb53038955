/// <reference lib="webworker" />
// The service worker: the shell and the pages that were last seen are there without a network.
//
// It keeps the boot data of pages, not their HTML, since each page of this build is a template that the browser mounts them in.
// What it keeps is of one user; a page of somebody else, or of nobody, ends it. `session.ts` does the same at signing out.

import { bootIn, offlinePage, pageWith, type KeptBoot } from './sw-pages';

declare const self: ServiceWorkerGlobalScope;

const SHELL = 'veche-shell';
const PAGES = 'veche-pages';
const MOST_PAGES = 12;
const MOST_ASSETS = 150;
const TEMPLATE = '/_kept/template';
const OFFLINE = ['/offline.en.html', '/offline.ru.html'];

self.addEventListener('install', (event) => {
  event.waitUntil(precache().then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith('/assets/') || url.pathname.startsWith('/icons/')) event.respondWith(asset(request));
  else if (request.mode === 'navigate' && isPage(url.pathname)) event.respondWith(page(request, url));
  else if (url.pathname === '/api/page') event.respondWith(data(request, url));
  else if (/^\/api\/desk\/boards\/[^/]+$/.test(url.pathname)) event.respondWith(board(request));
});

/** Pages of the shell; not the entries, the doors, and pages that are made elsewhere. */
function isPage(path: string): boolean {
  return !/^\/(api|realtime|_|people\/(confirm|reset))/.test(path);
}

/** The offline pages with what they are made of. */
async function precache(): Promise<void> {
  const cache = await caches.open(SHELL);
  await cache.addAll([...OFFLINE, '/favicon.svg', '/manifest.webmanifest']);
  const html = await (await cache.match(OFFLINE[0] ?? ''))?.text();
  await cache.addAll(assetsIn(html ?? ''));
}

function assetsIn(html: string): string[] {
  return [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
}

/** Their names change with their contents, so that what is kept is right for ever. */
async function asset(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await cache.put(request, answer.clone());
    await trim(cache, MOST_ASSETS, /\/assets\//);
  }
  return answer;
}

/** A page by the network, or from what is kept, or the offline page. */
async function page(request: Request, url: URL): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (isHtml(answer)) await remember(url, answer.clone());
    return answer;
  } catch {
    return (await keptPage(url)) ?? offline(request);
  }
}

function isHtml(answer: Response): boolean {
  return answer.headers.get('content-type')?.includes('text/html') ?? false;
}

/** Keeps a page's boot, and the page as the template. */
async function remember(url: URL, answer: Response): Promise<void> {
  const html = await answer.text();
  const found = bootIn(html);
  if (!found) return;
  await keep(url.pathname, found);
  // Only what a user was shown: kept pages are shown to that user, and signing out ends the template too.
  if (found.user) await (await caches.open(PAGES)).put(TEMPLATE, htmlLike(html, answer));
}

/** A page of our making under the other's policy. */
function htmlLike(html: string, other: Response): Response {
  const headers = new Headers({ 'content-type': 'text/html; charset=utf-8' });
  const policy = other.headers.get('content-security-policy');
  if (policy) headers.set('content-security-policy', policy);
  return new Response(html, { headers });
}

/** One user's pages; another user's sight of a page, or nobody's, ends them. */
async function keep(path: string, found: KeptBoot): Promise<void> {
  const last = await latest();
  // A server that could not look has not said that nobody is signed in.
  const isNobody = !found.user && (!found.error || found.error.code === 'unauthorized');
  if (isNobody || (last && found.user && last.user?.id !== found.user.id)) await caches.delete(PAGES);
  if (!found.user || found.error) return;
  const cache = await caches.open(PAGES);
  const body = JSON.stringify({ ...found, keptMs: Date.now() });
  const key = keyOf(path);
  // To the end of the list, which is the order of use.
  await cache.delete(key);
  await cache.put(key, json(body));
  await trim(cache, MOST_PAGES, /\/_kept\/boot/);
}

function keyOf(path: string): string {
  return `/_kept/boot?path=${encodeURIComponent(path)}`;
}

function json(body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, { headers: { 'content-type': 'application/json', ...headers } });
}

/** Any boot that is kept: all are of one user. */
async function latest(): Promise<KeptBoot | null> {
  const [last] = await kept();
  return last ?? null;
}

/** What is kept, the last seen first. */
async function kept(): Promise<KeptBoot[]> {
  const cache = await caches.open(PAGES);
  const keys = (await cache.keys()).filter(({ url }) => url.includes('/_kept/boot'));
  const answers = await Promise.all(keys.reverse().map((key) => cache.match(key)));
  return Promise.all(answers.flatMap((answer) => (answer ? [answer.json() as Promise<KeptBoot>] : [])));
}

async function keptBoot(path: string): Promise<KeptBoot | null> {
  const answer = await (await caches.open(PAGES)).match(keyOf(path));
  return answer ? ((await answer.json()) as KeptBoot) : null;
}

async function keptPage(url: URL): Promise<Response | null> {
  const found = await keptBoot(url.pathname);
  const template = await (await caches.open(PAGES)).match(TEMPLATE);
  if (!found || !template) return null;
  return htmlLike(pageWith(await template.text(), { ...found, url: url.pathname + url.search }), template);
}

/** A page's data for a navigation within the page: the rest of its boot is as on the page before. */
async function data(request: Request, url: URL): Promise<Response> {
  const path = new URL(url.searchParams.get('path') ?? '/', url.origin).pathname;
  try {
    const answer = await fetch(request);
    const last = await latest();
    if (answer.status === 401) await caches.delete(PAGES);
    else if (answer.ok && last) await keep(path, { ...last, url: path, data: await answer.clone().json() });
    return answer;
  } catch (error) {
    const found = await keptBoot(path);
    if (!found) throw error;
    return json(JSON.stringify(found.data), { 'veche-kept': String(found.keptMs) });
  }
}

/** A whole board, of the user whose pages are kept. */
async function board(request: Request): Promise<Response> {
  const cache = await caches.open(PAGES);
  try {
    const answer = await fetch(request);
    if (answer.ok && (await latest())) {
      await cache.delete(request);
      await cache.put(request, answer.clone());
      await trim(cache, 10, /\/api\/desk\/boards\//);
    }
    return answer;
  } catch (error) {
    const found = await cache.match(request);
    if (!found) throw error;
    return found;
  }
}

async function offline(request: Request): Promise<Response> {
  const pages = await kept();
  const isRussian = (pages[0]?.locale ?? request.headers.get('accept-language') ?? self.navigator.language).startsWith('ru');
  const answer = await (await caches.open(SHELL)).match(OFFLINE[isRussian ? 1 : 0] ?? '');
  if (!answer) return Response.error();
  return htmlLike(offlinePage(await answer.text(), pages), answer);
}

/** Of those whose address matches, leaves so many, the last ones. */
async function trim(cache: Cache, most: number, which: RegExp): Promise<void> {
  const keys = (await cache.keys()).filter(({ url }) => which.test(url));
  await Promise.all(keys.slice(0, Math.max(0, keys.length - most)).map((key) => cache.delete(key)));
}
