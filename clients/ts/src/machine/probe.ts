// When to look whether a WebSocket works by now, while the connection makes do with the fallback.

/** The waits before each look: soon, then ever later, in milliseconds. */
const WAITS = [1_000, 5_000, 15_000, 60_000];

export class Probe {
  /** When the next look is due. */
  at = Infinity;
  #looks = 0;

  start(now: number): void {
    this.#looks = 0;
    this.at = now + WAITS[0]!;
  }

  stop(): void {
    this.at = Infinity;
  }

  /** Whether to look now; the next look waits until this one has failed. */
  isDue(now: number): boolean {
    if (now < this.at) return false;
    this.at = Infinity;
    return true;
  }

  failed(now: number): void {
    this.#looks = Math.min(this.#looks + 1, WAITS.length - 1);
    this.at = now + WAITS[this.#looks]!;
  }
}
