// The outbox as applications see it, and its I/O: the store, the other tabs, who of them sends.

import { failure, VecheError, type Failure } from './errors.js';
import type { ReplyFrame } from './frames.js';
import type { Broadcast, Io } from './io.js';
import { MAX_BYTES, MAX_ENTRIES, type OutboxEffect, type OutboxEntry } from './machine/outbox.js';
import type { Machine } from './machine/machine.js';
import type { Input } from './machine/types.js';
import type { OutboxStore } from './store/store.js';
import { Ids } from './uuid.js';

/** What tabs tell each other. */
type Note = { readonly is: 'changed' } | { readonly is: 'gone'; readonly key: string; readonly opId: string; readonly reply: ReplyFrame | null };

interface Waiter {
  resolve(reply: ReplyFrame): void;
  reject(error: VecheError): void;
}

export interface Draft {
  readonly event: string;
  readonly channel: string | null;
  readonly data: unknown;
  readonly opId?: string | undefined;
  /** Whether a `message` is not to come back to this client. */
  readonly isSilent: boolean;
  readonly supersedes?: string | undefined;
}

export class Outbox {
  /** Whether it survives a reload of the page. `false` once the browser has refused to keep an entry. */
  isDurable: boolean;
  readonly #machine: Machine;
  readonly #io: Io;
  readonly #store: OutboxStore;
  readonly #dispatch: (input: Input) => void;
  readonly #ids = new Ids();
  readonly #waiters = new Map<string, Waiter>();
  readonly #changed = new Set<() => void>();
  readonly #saved = new Set<(entry: OutboxEntry, reply: ReplyFrame) => void>();
  #tabs: Broadcast | null = null;
  #loading: Promise<void> | null = null;
  #lead: AbortController | null = null;
  #mine: readonly OutboxEntry[] = [];
  #shownFor: string | null = null;

  /** @internal */
  constructor(machine: Machine, io: Io, store: OutboxStore, dispatch: (input: Input) => void) {
    this.#machine = machine;
    this.#io = io;
    this.#store = store;
    this.#dispatch = dispatch;
    this.isDurable = store.name !== null;
  }

  /** What waits to be saved, and what was rejected and still has its text; a new list on each change. */
  get entries(): readonly OutboxEntry[] {
    return this.#mine;
  }

  /** How many changes still have to be sent. */
  get size(): number {
    return this.#mine.filter((entry) => entry.state !== 'rejected').length;
  }

  /** Whether nothing more can be written: 1,000 entries, or 5 MB. */
  get isFull(): boolean {
    const { entries } = this.#machine.outbox;
    return entries.length >= MAX_ENTRIES || entries.reduce((sum, entry) => sum + entry.bytes, 0) >= MAX_BYTES;
  }

  /** Calls back after each change; the result takes it back. */
  onChange(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => void this.#changed.delete(listener);
  }

  /** Calls back when an entry was saved, with the server's reply. */
  onSaved(listener: (entry: OutboxEntry, reply: ReplyFrame) => void): () => void {
    this.#saved.add(listener);
    return () => void this.#saved.delete(listener);
  }

  /** Sends a failed or rejected entry again, now. */
  retry(opId: string): void {
    this.#dispatch({ is: 'retry-entry', opId });
  }

  /** Throws an entry away, unless it is on its way. */
  discard(opId: string): void {
    this.#drop(opId, failure('discarded', 'it was discarded'));
  }

  /** Resolves once no entry of a channel is waiting for its turn or on its way. */
  drained(channel: string): Promise<void> {
    const isBusy = () => this.#mine.some((it) => it.channel === channel && (it.state === 'pending' || it.state === 'sending'));
    if (!isBusy()) return Promise.resolve();
    return new Promise((done) => {
      const stop = this.onChange(() => {
        if (isBusy()) return;
        stop();
        done();
      });
    });
  }

  /** @internal */
  newId(): string {
    return this.#ids.next(this.#io.now(), (it) => this.#io.fill(it));
  }

  /** @internal Writes an operation down, to be sent in its turn; `null` if there is no room. */
  write(draft: Draft, bytes: number): Promise<ReplyFrame> | null {
    if (draft.supersedes !== undefined) this.#drop(draft.supersedes, failure('superseded', 'a later change took its place'));
    if (this.isFull) return null;
    const key = this.newId();
    const { event, channel, data, isSilent, opId = key } = draft;
    const user = this.#machine.owner;
    const result = new Promise<ReplyFrame>((resolve, reject) => this.#waiters.set(opId, { resolve, reject }));
    const entry = { key, opId, event, channel, data, bytes, createdMs: this.#io.now(), user, state: 'pending', failures: 0, ...(isSilent && { echo: false }) } as const;
    this.#dispatch({ is: 'write', entry });
    return result;
  }

  /** @internal Reads what an earlier page has left. */
  start(): void {
    const { name } = this.#store;
    if (this.#loading) return;
    this.#tabs = name === null ? null : this.#io.broadcast(`veche.outbox.${name}`, (note) => this.#heard(note as Note));
    this.#loading = this.#load();
  }

  /** @internal Of the tabs that are connected one sends. */
  lead(isLive: boolean): void {
    if (this.#machine.owner !== this.#shownFor) this.show();
    if (isLive === (this.#lead !== null)) return;
    if (!isLive) {
      this.#lead?.abort();
      this.#lead = null;
      this.#dispatch({ is: 'lead', leads: false });
      return;
    }
    const { signal } = (this.#lead = new AbortController());
    const { name } = this.#store;
    const held = async () => {
      // Another tab may have sent what this one remembers.
      await (this.#loading = this.#load());
      if (signal.aborted) return;
      this.#dispatch({ is: 'lead', leads: true });
      if (!signal.aborted) await new Promise((done) => signal.addEventListener('abort', done));
    };
    const leading = (name !== null && this.#io.lock(`veche.outbox.${name}`, signal, held)) || held();
    // Aborted while it waited for its turn.
    leading.catch(() => {});
  }

  /** @internal */
  stop(): void {
    this.lead(false);
    this.#tabs?.close();
    this.#tabs = null;
    this.#loading = null;
  }

  /** @internal */
  perform(effect: OutboxEffect): void {
    const { entry } = effect;
    if (effect.do === 'put') {
      const kept = this.#store.put(entry).then(() => true, () => (this.isDurable = false));
      void kept.then((isKept) => {
        this.#dispatch({ is: 'stored', key: entry.key, isKept });
        this.#tabs?.post({ is: 'changed' } satisfies Note);
      });
    } else {
      this.#settle(entry, effect.reply);
      const gone: Note = { is: 'gone', key: entry.key, opId: entry.opId, reply: effect.reply };
      void this.#store.remove(entry.key).then(() => this.#tabs?.post(gone), () => {});
    }
  }

  /** @internal The list has changed. */
  show(): void {
    this.#shownFor = this.#machine.owner;
    this.#mine = this.#machine.outbox.mine(this.#machine.owner);
    for (const { opId, state, error } of this.#mine) {
      if (state === 'rejected' && error) this.#reject(opId, error);
    }
    this.#changed.forEach((listener) => this.#safely(listener));
  }

  async #load(): Promise<void> {
    const entries = await this.#store.load().catch(() => null);
    if (!entries) return;
    for (const { key } of entries) this.#ids.after(parseInt(key.slice(0, 8) + key.slice(9, 13), 16));
    this.#dispatch({ is: 'loaded', entries });
  }

  #heard(note: Note): void {
    if (note.is === 'changed') return void this.#load();
    const entry = this.#machine.outbox.entries.find((it) => it.key === note.key);
    this.#dispatch({ is: 'gone', key: note.key });
    if (entry) this.#settle(entry, note.reply);
  }

  #settle(entry: OutboxEntry, reply: ReplyFrame | null): void {
    if (!reply) return this.#reject(entry.opId, failure('discarded', 'it was discarded'));
    this.#waiters.get(entry.opId)?.resolve(reply);
    this.#waiters.delete(entry.opId);
    this.#saved.forEach((listener) => this.#safely(() => listener(entry, reply)));
  }

  #drop(opId: string, why: Failure): void {
    const entry = this.#mine.find((entry) => entry.opId === opId);
    if (!entry || entry.state === 'sending') return;
    this.#reject(opId, why);
    this.#dispatch({ is: 'discard', opId });
  }

  #reject(opId: string, error: Failure): void {
    this.#waiters.get(opId)?.reject(new VecheError(error));
    this.#waiters.delete(opId);
  }

  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#io.report(error);
    }
  }
}
