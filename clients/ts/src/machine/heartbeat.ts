// Whether the link lives: pings that the server has to answer, and what they measure.

/** How long any sign of life may take after a ping: on suspicion, and else. */
const SUSPECT = 5_000;
const PONG = 10_000;

export class Heartbeat {
  rttMs: number | null = null;
  /** The server's wall clock minus this one's. */
  clockOffsetMs: number | null = null;
  #every = 25_000;
  #pingAt = Infinity;
  #until = Infinity;
  readonly #ping: (now: number) => void;

  constructor(ping: (now: number) => void) {
    this.#ping = ping;
  }

  start(now: number, everyMs: number): void {
    this.#every = Math.max(5_000, everyMs || 25_000);
    this.#pingAt = now + this.#every;
  }

  stop(): void {
    this.#pingAt = this.#until = Infinity;
    this.rttMs = null;
  }

  /** Any traffic is a sign of life. */
  heard(): void {
    this.#until = Infinity;
  }

  ponged(ts: number | string | undefined, serverMs: number, now: number): void {
    if (typeof ts !== 'number') return;
    this.rttMs = Math.max(0, now - ts);
    this.clockOffsetMs = Math.round(serverMs - (now + ts) / 2);
  }

  /** Something happened that a link may not have survived. */
  suspect(now: number): void {
    this.#beat(now, SUSPECT);
  }

  /** Whether the link is dead; a ping that is due is sent. */
  isDead(now: number): boolean {
    if (now >= this.#until) return true;
    if (now >= this.#pingAt) this.#beat(now, PONG);
    return false;
  }

  #beat(now: number, patience: number): void {
    this.#ping(now);
    this.#pingAt = now + this.#every;
    this.#until = Math.min(this.#until, now + patience);
  }

  deadline(): number {
    return Math.min(this.#pingAt, this.#until);
  }
}
