// One timer, for whatever of the machine is due first.

import type { Io } from './io.js';

export class Alarm {
  readonly #io: Pick<Io, 'now' | 'timer'>;
  readonly #ring: () => void;
  #set: { readonly at: number; readonly cancel: () => void } | null = null;

  constructor(io: Pick<Io, 'now' | 'timer'>, ring: () => void) {
    this.#io = io;
    this.#ring = ring;
  }

  /** Rings at this time, and at no other; never at `Infinity`. */
  set(at: number): void {
    if (this.#set?.at === at) return;
    this.#set?.cancel();
    this.#set = null;
    if (at === Infinity) return;
    const cancel = this.#io.timer(Math.max(0, at - this.#io.now()), () => {
      this.#set = null;
      this.#ring();
    });
    this.#set = { at, cancel };
  }
}
