/** What the server gives a page: who looks, how, and the page's data. */
export interface Boot {
  /** Path and query. */
  url: string;
  locale: Locale;
  /** Milliseconds since 1970 at the server. */
  now: number;
  /** The reader's IANA time zone. */
  tz: string;
  /** Minutes east of UTC at `now`; markup uses nothing else. */
  tzOffset: number;
  theme: Theme;
  contrast: boolean;
  density: Density;
  /** `null` for a guest. */
  user: Person | null;
  /** The web bundle's; another one means that the page is of before an update. */
  build: string;
  /** The mounted apps. */
  apps: string[];
  demo: boolean;
  /** From `?port=N` where it is allowed: the socket's port on the page's own host. */
  wsPort?: number;
  data: unknown;
  error?: PageError | undefined;
  /** From the service worker: when this was kept, in milliseconds since 1970. */
  keptMs?: number | undefined;
}

export type Locale = 'en' | 'ru';
export type Theme = 'light' | 'dark' | 'system';
export type Density = 'comfortable' | 'compact';

export interface Person {
  id: string;
  name: string;
}

/** Why a page has no data: `unauthorized`, `forbidden`, `not_found`, `unavailable` or another word. */
export interface PageError {
  code: string;
  message: string;
}
