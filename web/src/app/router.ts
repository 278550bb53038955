// Which address is which page.

import { parse } from 'regexparam';
import type { Component } from 'svelte';
import type { Boot } from './boot';
import { decode, pathOf } from './query';

/** What a page is given. Its data have the shape that the server's loader of this route returns. */
export interface PageProps {
  params: Record<string, string>;
  query: Record<string, string>;
  data: unknown;
}

/** A page asks for those of the props that it uses, and names the type of its own data. */
export type Page = Component<never>;

/** A folder's `pages.ts` exports its pages by name. */
export interface Part {
  pages: Record<string, Page>;
  /** What the top bar says before a page says it itself, by the page's name. */
  places?: Record<string, (data: never) => string>;
}

export interface Route {
  name: string;
  path: string;
  /** The folder below `src` whose `pages.ts` has the page. */
  part: string;
  page: string;
  /** Also for search engines. */
  isPublic?: true;
}

const ROUTES: Route[] = [
  { name: 'landing', path: '/', part: 'home', page: 'Landing', isPublic: true },
  { name: 'sign-in', path: '/people/sign-in', part: 'people', page: 'SignIn' },
  { name: 'sign-up', path: '/people/sign-up', part: 'people', page: 'SignUp' },
  { name: 'confirm', path: '/people/confirm', part: 'people', page: 'Confirm' },
  { name: 'reset', path: '/people/reset', part: 'people', page: 'Reset' },
  { name: 'forgot', path: '/people/forgot', part: 'people', page: 'Forgot' },
  { name: 'dev-ui', path: '/dev/ui', part: 'dev', page: 'Kit' },
  { name: 'desk', path: '/desk', part: 'desk', page: 'Boards' },
  { name: 'desk.board', path: '/desk/:board', part: 'desk', page: 'Board' },
];

/** Stands where a page would be that only users see. */
const SIGN_IN_HERE: Route = { name: 'sign-in-here', path: '*', part: 'people', page: 'SignInHere' };

/** Shown by the shell itself, without a part. */
export const NOT_FOUND: Route = { name: 'not-found', path: '*', part: '', page: '' };

const table = ROUTES.map((route) => ({ route, ...parse(route.path) }));

export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** The route of an address. A single mounted app owns `/` for whoever is signed in. */
export function match(boot: Pick<Boot, 'url' | 'apps' | 'user' | 'demo' | 'error'>): Match {
  const path = pathOf(boot.url);
  if (boot.error?.code === 'unauthorized' && path !== '/') return { route: SIGN_IN_HERE, params: {} };
  const [only] = boot.apps;
  const home = path === '/' && boot.user && boot.apps.length === 1 && only ? `/${only}` : path;
  for (const { route, keys, pattern } of table) {
    const found = pattern.exec(home);
    if (!found || !isOpen(route, boot)) continue;
    const params = Object.fromEntries(keys.map((key, at) => [key, decode(found[at + 1] ?? '')]));
    return { route, params };
  }
  return { route: NOT_FOUND, params: {} };
}

/** An app's pages exist where it is mounted, and the kit's page where things are tried out. */
function isOpen(route: Route, boot: Pick<Boot, 'apps' | 'demo'>): boolean {
  if (route.part === 'dev') return boot.demo || import.meta.env.DEV;
  return route.path === '/' || ['people'].includes(route.part) || boot.apps.includes(route.part);
}

/** What a route shows. */
export interface Shown {
  Page: Page | null;
  place?: string | undefined;
}

/** The page of a route and its place, by the page's data; nothing where they could not be loaded. */
export function shownBy(part: Part | undefined, route: Route, boot: Pick<Boot, 'data' | 'error'>): Shown {
  // To a guest the landing page and the prompt to sign in are the answer, not a failure.
  const isAnswer = boot.error?.code === 'unauthorized' && (route.isPublic || route === SIGN_IN_HERE);
  if (boot.error && !isAnswer) return { Page: null };
  return { Page: part?.pages[route.page] ?? null, place: part?.places?.[route.page]?.(boot.data as never) };
}
