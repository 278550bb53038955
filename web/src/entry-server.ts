import './ssr-prelude';
import { render } from 'svelte/server';
import App from './app/App.svelte';
import type { Boot } from './app/boot';
import { chunkOf, pageOf } from './app/parts-eager';
import { match, NOT_FOUND, type Route } from './app/router';
import { ViewState } from './app/view.svelte';
import Offline from './home/Offline.svelte';
import { overwriteGetLocale } from './paraglide/runtime.js';

/** What the server puts into its template. */
export interface Page {
  route: string;
  status: number;
  /** The chunk of the page in Vite's manifest, whose styles the page needs before it is painted. */
  chunk: string | null;
  head: string;
}

/** A page as JSON, and its body, which is long: as JSON it would be written and read once more. */
type Rendered = [page: string, body: string];

const STATUS: Record<string, number> = {
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  gone: 410,
  unavailable: 503,
};

// One render at a time in one context: a plain variable is enough.
let locale: Boot['locale'] = 'en';
overwriteGetLocale(() => locale);

function ssr(json: string): Rendered {
  const boot = JSON.parse(json) as Boot;
  locale = boot.locale;
  const { route, params } = match(boot);
  const view = new ViewState({ boot, route, params, ...pageOf(route, boot) });
  const { head, body } = render(App, { props: { view } });
  const status = statusOf(boot, route);
  const page: Page = { route: route.name, status, chunk: chunkOf(route), head };
  return [JSON.stringify(page), body];
}

function statusOf(boot: Boot, route: Route): number {
  const isLanding = route.isPublic && boot.error?.code === 'unauthorized';
  if (boot.error && !isLanding) return STATUS[boot.error.code] ?? 500;
  return route === NOT_FOUND ? 404 : 200;
}

/** The page for when there is no network; it is asked for when the bundle is built. */
function offline(language: Boot['locale']): string {
  locale = language;
  const { head, body } = render(Offline);
  return JSON.stringify({ head, body });
}

Object.assign(globalThis, { __ssr: ssr, __offline: offline });
