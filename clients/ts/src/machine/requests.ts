// Frames that await an answer: at most 16 of them on the way, in order, and none while the server has
// asked to wait.

import { failure, type Failure } from '../errors.js';
import type { ClientFrame, FrameId, ReplyFrame } from '../frames.js';

/** The most unanswered frames, as the protocol asks; one place is the batch's of subscriptions. */
const WINDOW = 15;
/** The server ends a session after 20 refusals in 10 s: how long one counts, and how many it may come to. */
const MEMORY = 10_000;
const REFUSALS = 16;
/** The shortest wait after a refusal: the server's allowance gathers meanwhile, and one second's worth of it
 * goes without another one. */
const PAUSE = 1_000;

/** What a request came to. */
export type Outcome = { readonly ok: true; readonly reply: ReplyFrame } | { readonly ok: false; readonly error: Failure };

export interface Request {
  /** The caller's handle for it. */
  readonly key: string;
  readonly frame: ClientFrame;
  /** When it is given up, in milliseconds; `Infinity` while it may wait as long as it has to. */
  deadline: number;
  /** How long the answer may take once it is sent, where `deadline` does not say. */
  readonly patience?: number;
}

interface Placed extends Request {
  /** Its place in the order of making. */
  readonly place: number;
}

export class Requests {
  #queue: Placed[] = [];
  readonly #sent = new Map<number, Placed>();
  #count = 0;
  /** When "too fast" was said, of late. */
  #refusals: number[] = [];
  /** Nothing is sent before this time; 0 if nothing has to wait. */
  pausedUntil = 0;
  readonly #done: (key: string, outcome: Outcome) => void;

  constructor(done: (key: string, outcome: Outcome) => void) {
    this.#done = done;
  }

  add(request: Request): void {
    this.#queue.push({ ...request, place: this.#count++ });
  }

  /** The server has said "too fast": nothing is sent for a while, and then one frame at a time. */
  refused(now: number, retryMs: number): void {
    this.#refusals = [...this.#refusals.filter((at) => at > now - MEMORY), now];
    const oldest = this.#refusals.at(-REFUSALS) ?? -Infinity;
    this.pausedUntil = Math.max(this.pausedUntil, now + Math.max(retryMs, PAUSE), oldest + MEMORY);
  }

  /** A new session, of which nothing was refused yet. */
  welcomed(): void {
    this.#refusals = [];
    this.pausedUntil = 0;
  }

  /** The next frames to send, with their ids. */
  take(now: number, nextId: () => number): ClientFrame[] {
    const frames: ClientFrame[] = [];
    const window = (this.#refusals.at(-1) ?? -Infinity) > now - MEMORY ? 1 : WINDOW;
    while (this.#queue.length && this.#sent.size < window && !this.pausedUntil) {
      const request = this.#queue.shift()!;
      const id = nextId();
      if (request.patience) request.deadline = now + request.patience;
      this.#sent.set(id, request);
      frames.push({ ...request.frame, id });
    }
    return frames;
  }

  /** An answer came. One that says "too fast" puts the request back to the head of the queue. */
  answered(id: FrameId, outcome: Outcome): void {
    const request = this.#sent.get(Number(id));
    if (!request) return;
    this.#sent.delete(Number(id));
    if (!outcome.ok && outcome.error.code === 'rate_limited') this.#putBack(request);
    else this.#done(request.key, outcome);
  }

  #putBack(request: Placed): void {
    if (request.patience) request.deadline = Infinity;
    const at = this.#queue.findIndex((other) => other.place > request.place);
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, request);
  }

  /** The link is gone. What bears an `op_id` is sent again; of the rest nobody knows whether it took effect. */
  lost(): void {
    const sent = [...this.#sent.values()];
    this.#sent.clear();
    for (const request of sent) {
      if (request.frame.op_id !== undefined) this.#putBack(request);
      else this.#done(request.key, { ok: false, error: failure('timeout', 'the connection was lost before the answer', true) });
    }
  }

  /** Ends what was given up, or what is too late. */
  expire(isOver: (request: Request) => boolean, error: Failure): void {
    const over = [...this.#sent.values(), ...this.#queue].filter(isOver);
    this.withdraw(isOver);
    for (const { key } of over) this.#done(key, { ok: false, error });
  }

  /** Forgets requests without an outcome. */
  withdraw(isMeant: (request: Request) => boolean): void {
    for (const [id, request] of this.#sent) if (isMeant(request)) this.#sent.delete(id);
    this.#queue = this.#queue.filter((request) => !isMeant(request));
  }

  deadline(): number {
    let first = Infinity;
    for (const { deadline } of [...this.#sent.values(), ...this.#queue]) first = Math.min(first, deadline);
    return first;
  }
}
