// Client-side navigation: links and the history, page data by GET /api/page, the page's chunk beside it.

import { tick } from 'svelte';
import type { Boot } from './boot';
import { pathOf } from './query';
import { match, shownBy, type Part, type Route } from './router';
import type { View, ViewState } from './view.svelte';

type LoadPart = (route: Route) => Promise<Part | undefined>;

let view: ViewState | undefined;
let load: LoadPart = () => Promise.resolve(undefined);
/** Of several navigations in a hurry the last one counts. */
let latest = 0;

/** Takes over links and the history of a page. */
export function startNavigation(state: ViewState, loadPart: LoadPart): void {
  view = state;
  load = loadPart;
  history.scrollRestoration = 'manual';
  document.addEventListener('click', onclick);
  window.addEventListener('popstate', () => void go(location.pathname + location.search, { isBack: true }));
}

export interface NavigateOptions {
  /** Takes the place of the present entry in the history. */
  replace?: boolean;
  /** Loads the data also where only the query changes. */
  reload?: boolean;
}

/**
 * Goes to an address of this site. Where only the query changes, as when a card opens over its board, the page stays
 * with its data and sees the new `query`.
 */
export async function navigate(url: string, options: NavigateOptions = {}): Promise<void> {
  await go(url, options);
}

/** Loads the present page's data again, as by "Retry". */
export async function reload(): Promise<void> {
  if (view) await go(view.boot.url, { replace: true, reload: true });
}

interface Going extends NavigateOptions {
  isBack?: boolean;
}

async function go(url: string, { replace, reload: again, isBack }: Going): Promise<void> {
  if (!view) return location.assign(url);
  const mine = ++latest;
  const isSamePage = pathOf(url) === pathOf(view.boot.url) && !view.boot.error;
  if (isSamePage && !again) {
    remember(url, replace, isBack);
    return view.show({ ...shown(view), boot: { ...view.boot, url } });
  }
  view.isLoading = true;
  const next = await fetchView(url, view.boot);
  if (mine !== latest) return;
  remember(url, replace, isBack);
  const isMove = pathOf(url) !== pathOf(view.boot.url);
  view.show(next);
  await tick();
  if (isMove) settle();
}

function shown(state: ViewState): View {
  return { boot: state.boot, route: state.route, params: state.params, Page: state.Page, place: state.place };
}

function remember(url: string, replace = false, isBack = false) {
  if (isBack) return;
  if (replace) history.replaceState(null, '', url);
  else history.pushState(null, '', url);
}

async function fetchView(url: string, present: Boot): Promise<View> {
  const guess = match({ ...present, url, error: undefined });
  // Started together: the chunk does not wait for the data.
  const loading = load(guess.route).catch(() => undefined);
  const boot = await fetchBoot(url, present);
  const { route, params } = match(boot);
  const part = await (route === guess.route ? loading : load(route).catch(() => undefined));
  if (!part && route.part && !boot.error) boot.error = { code: 'unavailable', message: 'the page did not load' };
  return { boot, route, params, ...shownBy(part, route, boot) };
}

interface Refused {
  error?: { code?: string; message?: string };
}

/** The page's data; who looks and how is as it was. Where there is no answer, the page says that it did not load. */
async function fetchBoot(url: string, present: Boot): Promise<Boot> {
  const bare: Boot = { ...present, url, now: Date.now(), data: null, error: undefined, keptMs: undefined };
  const failed = ({ error }: Refused): Boot => ({
    ...bare,
    error: { code: error?.code ?? 'unavailable', message: error?.message ?? '' },
  });
  try {
    const answer = await fetch(`/api/page?path=${encodeURIComponent(url)}`, { headers: { accept: 'application/json' } });
    const data: unknown = await answer.json();
    if (!answer.ok) return failed(data as Refused);
    const kept = answer.headers.get('veche-kept');
    return { ...bare, data, keptMs: kept ? Number(kept) : undefined };
  } catch {
    return failed({ error: { code: navigator.onLine ? 'unavailable' : 'offline' } });
  }
}

/** A new page begins at its top, and a screen reader at its heading. */
function settle() {
  window.scrollTo(0, 0);
  const heading = document.querySelector<HTMLElement>('main h1');
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

function onclick(event: MouseEvent) {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || !isOurs(link) || !isPlain(event)) return;
  event.preventDefault();
  void navigate(link.pathname + link.search);
}

function isOurs(link: HTMLAnchorElement): boolean {
  const leaves = link.target || link.hasAttribute('download') || link.rel === 'external';
  const isFragment = link.hash && link.pathname === location.pathname && link.search === location.search;
  return link.origin === location.origin && !leaves && !isFragment;
}

function isPlain(event: MouseEvent): boolean {
  return !event.defaultPrevented && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
}
