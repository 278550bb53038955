// What this user is at, told to the others at most once a second.

export interface Meta {
  card?: string;
  field?: string;
  mode: 'view' | 'edit';
}

const PAUSE_MS = 1000;

export class Presence {
  readonly #send: (meta: Meta) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sent = '';
  #next: Meta | null = null;

  constructor(send: (meta: Meta) => void) {
    this.#send = send;
  }

  /** Says it now, or after the pause; of several things the last. */
  say(meta: Meta): void {
    this.#next = meta;
    if (this.#timer === undefined) this.#tell();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    const meta = this.#next;
    this.#next = null;
    const said = JSON.stringify(meta);
    if (!meta || said === this.#sent) {
      this.#timer = undefined;
      return;
    }
    this.#sent = said;
    this.#send(meta);
    this.#timer = setTimeout(() => this.#tell(), PAUSE_MS);
  }
}
