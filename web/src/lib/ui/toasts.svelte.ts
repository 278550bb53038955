// Short messages about what is not on the screen. Never for the success of a visible action.

export interface Toast {
  /** A second toast with the same key takes the place of the first. */
  key: string;
  text: string;
  tone: 'info' | 'error';
  action?: { label: string; run: () => void };
  /** How long it stays, where that is not the usual time. */
  stayMs?: number;
}

interface Shown extends Toast {
  leavesInMs: number;
}

const MOST = 3;
const STAY_MS = 5_000;
const STAY_WITH_ACTION_MS = 8_000;

/** The toasts on the screen and those that wait for room. Errors stay until they are dismissed. */
export class Toasts {
  #shown = $state.raw<readonly Shown[]>([]);
  #waiting: Toast[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0;
  #isPaused = false;
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get shown(): readonly Toast[] {
    return this.#shown;
  }

  show(toast: Omit<Toast, 'key' | 'tone'> & Partial<Toast>): void {
    const whole: Toast = { ...toast, key: toast.key ?? toast.text, tone: toast.tone ?? 'info' };
    this.#waiting = this.#waiting.filter(({ key }) => key !== whole.key);
    this.#elapse();
    const at = this.#shown.findIndex(({ key }) => key === whole.key);
    if (at >= 0) this.#shown = this.#shown.with(at, timed(whole));
    else this.#waiting.push(whole);
    this.#settle();
  }

  dismiss(key: string): void {
    this.#elapse();
    this.#waiting = this.#waiting.filter((toast) => toast.key !== key);
    this.#shown = this.#shown.filter((toast) => toast.key !== key);
    this.#settle();
  }

  /** The pointer or the focus is on them: nothing leaves. */
  pause(): void {
    if (this.#isPaused) return;
    this.#elapse();
    this.#isPaused = true;
    this.#settle();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#since = this.#now();
    this.#isPaused = false;
    this.#settle();
  }

  /** Takes the time since the last look from all that are shown. */
  #elapse() {
    const now = this.#now();
    const passed = this.#isPaused ? 0 : now - this.#since;
    this.#since = now;
    const left = this.#shown.map((toast) => ({ ...toast, leavesInMs: toast.leavesInMs - passed }));
    this.#shown = left.filter(({ leavesInMs }) => leavesInMs > 0);
  }

  #settle() {
    while (this.#shown.length < MOST && this.#waiting.length > 0) {
      const next = this.#waiting.shift();
      if (next) this.#shown = [...this.#shown, timed(next)];
    }
    clearTimeout(this.#timer);
    const soonest = Math.min(...this.#shown.map(({ leavesInMs }) => leavesInMs));
    if (this.#isPaused || !Number.isFinite(soonest)) return;
    this.#timer = setTimeout(() => {
      this.#elapse();
      this.#settle();
    }, soonest);
  }
}

function timed(toast: Toast): Shown {
  const stay = toast.stayMs ?? (toast.action ? STAY_WITH_ACTION_MS : STAY_MS);
  return { ...toast, leavesInMs: toast.tone === 'error' ? Number.POSITIVE_INFINITY : stay };
}

/** The page's toasts. */
export const toasts = new Toasts();
