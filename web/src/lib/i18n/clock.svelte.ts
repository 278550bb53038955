// The reader's time. What the server wrote is by its `now` and the zone of the cookie; once the page lives, it is by the
// browser's clock and zone, and what is shown moves on.

let lives = $state(false);
let minute = $state(0);

/** To be called once, after hydration; tells the server the zone for the next page. */
export function startClock(): void {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  document.cookie = `veche_tz=${zone}; Path=/; Max-Age=31536000; SameSite=Lax`;
  minute = Date.now();
  lives = true;
  setInterval(() => (minute = Date.now()), 15_000);
}

/** Now, in milliseconds since 1970, to the quarter of a minute. */
export function nowOr(server: number): number {
  return lives ? minute : server;
}

/** Minutes east of UTC at `ms`. */
export function offsetOr(server: number, ms: number): number {
  return lives ? -new Date(ms).getTimezoneOffset() : server;
}
