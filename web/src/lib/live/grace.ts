import type { State } from '@veche/client';

export type ShownState = State | null;

const GRACE_MS = 800;

/** What needs the reader's hand is shown at once. */
const URGENT: State[] = ['online', 'auth-expired', 'update-required', 'closed'];

/** An interruption that ends within 800 ms is not shown. */
export class Grace {
  readonly #show: (state: State) => void;
  #latest: State | undefined;
  /** An interruption is on the screen: what follows is shown at once, until all is well again. */
  #isShown = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(show: (state: State) => void) {
    this.#show = show;
  }

  take(state: State): void {
    this.#latest = state;
    if (URGENT.includes(state)) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#isShown = false;
      this.#show(state);
    } else if (this.#isShown) {
      this.#show(state);
    } else {
      this.#timer ??= setTimeout(() => this.#elapse(), GRACE_MS);
    }
  }

  #elapse() {
    this.#timer = undefined;
    this.#isShown = true;
    if (this.#latest) this.#show(this.#latest);
  }
}
