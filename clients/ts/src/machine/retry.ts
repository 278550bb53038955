// Where the next attempt goes and when: what the attempts before it have taught.

import { backoffSeconds } from './policy.js';
import type { Transport } from './types.js';

/** A connection that lasted this long was a good one: the next attempt is a first one again. */
const STABLE = 5_000;
/** After how many WebSockets that never got a welcome the fallback is tried. */
const BLOCKED = 2;

export class Retry {
  /** How many attempts have failed since the last good connection. */
  failures = 0;
  /** Not before this time: the server has said so. 0 if it has not. */
  notBefore = 0;
  readonly #origins: readonly string[];
  #origin = 0;
  #unwelcome = 0;

  constructor(origins: readonly string[]) {
    this.#origins = origins;
  }

  get origin(): string {
    return this.#origins[this.#origin]!;
  }

  welcomed(): void {
    this.#unwelcome = this.notBefore = 0;
  }

  /** A connection that had been welcomed has ended. */
  ended(livedMs: number): void {
    if (livedMs >= STABLE) this.failures = 0;
    // One that says goodbye will not be there for a while.
    if (this.notBefore) this.#next();
  }

  /** An attempt has failed; whether the fallback is to be tried at the same place, at once. */
  failed(transport: Transport): boolean {
    if (transport === 'websocket' && ++this.#unwelcome >= BLOCKED) return true;
    this.#next();
    return false;
  }

  /** When the next attempt is made. */
  at(now: number, random: number): number {
    return Math.max(this.notBefore, now + 1000 * random * backoffSeconds(this.failures++));
  }

  #next(): void {
    this.#origin = (this.#origin + 1) % this.#origins.length;
  }
}
