// The outbox's order and states, without storage: what was written waits here until the server has it.
//
//   pending ──sent──▶ sending ──reply──▶ gone (saved)
//      ▲                 ├── may succeed later ──▶ failed ──its time, or a retry──▶ pending
//      └── link lost ────┴── never will ──▶ rejected: kept, with its text, until discarded or retried
//
// Of one channel one entry at a time is on the way, in the order of writing: a resend cannot overtake.

import type { Failure } from '../errors.js';
import type { ReplyFrame } from '../frames.js';
import { retrySeconds } from './policy.js';

export type EntryState = 'pending' | 'sending' | 'failed' | 'rejected';

/** An operation that waits to be saved. */
export interface OutboxEntry {
  /** Its place in the order: grows with each entry. */
  readonly key: string;
  readonly opId: string;
  readonly event: string;
  readonly channel: string | null;
  readonly data: unknown;
  /** How much of the outbox it takes. */
  readonly bytes: number;
  /** Whether a `message` comes back to this client itself. */
  readonly echo?: boolean;
  /** When it was written, in milliseconds since 1970. */
  readonly createdMs: number;
  /** Whose it is: a user's id, `guest`, or `null` for whoever is welcomed first on this page. */
  readonly user: string | null;
  readonly state: EntryState;
  /** Why it failed or was rejected. */
  readonly error?: Failure;
  /** How often it failed. */
  readonly failures: number;
  /** When it is tried again, while it has failed. */
  readonly retryAtMs?: number;
}

export type OutboxEffect =
  | { readonly do: 'put'; readonly entry: OutboxEntry }
  | { readonly do: 'remove'; readonly entry: OutboxEntry; readonly reply: ReplyFrame | null };

export const MAX_ENTRIES = 1000;
export const MAX_BYTES = 5 << 20;

/** Whose entries a user may send: guests have no name that lasts. */
export function ownerOf(user: string | null): string | null {
  return user?.startsWith('guest:') ? 'guest' : user;
}

export class OutboxQueue {
  /** All entries of this browser, of every user, in order. */
  entries: readonly OutboxEntry[] = [];
  /** Entries made by this page before it knew its user. */
  readonly #unclaimed = new Set<string>();
  readonly #stored = new Set<string>();
  /** Entries that the disk has refused: no list that is read from there may drop them. */
  readonly #refused = new Set<string>();
  /** Entries that were taken out: a list that was read before must not bring them back. */
  readonly #gone = new Set<string>();
  readonly #emit: (effect: OutboxEffect) => void;

  constructor(emit: (effect: OutboxEffect) => void) {
    this.#emit = emit;
  }

  mine(user: string | null): OutboxEntry[] {
    return this.entries.filter((entry) => entry.user === user || (entry.user === null && this.#unclaimed.has(entry.key)));
  }

  add(entry: OutboxEntry): void {
    if (entry.user === null) this.#unclaimed.add(entry.key);
    this.entries = [...this.entries, entry];
    this.#emit({ do: 'put', entry });
  }

  /** It is on disk, so that a reload of the page cannot lose it any more; or cannot be kept there. */
  stored(key: string, isKept: boolean): void {
    (isKept ? this.#stored : this.#refused).add(key);
  }

  /** What is on disk, after another tab has changed it. States are this tab's own unless it was rejected. */
  loaded(stored: readonly OutboxEntry[]): void {
    const kept = new Map(this.entries.map((entry) => [entry.key, entry]));
    const fresh = stored.filter(({ key }) => !this.#gone.has(key)).map((entry) => {
      const mine = kept.get(entry.key);
      this.#stored.add(entry.key);
      return mine && entry.state !== 'rejected' && mine.state !== 'rejected' ? mine : entry;
    });
    const isNew = (entry: OutboxEntry) => !this.#stored.has(entry.key);
    this.entries = [...fresh, ...this.entries.filter(isNew)].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** The first welcome of this page says whose its entries are. */
  claim(owner: string | null): void {
    if (owner === null || !this.#unclaimed.size) return;
    for (const entry of this.entries) {
      if (entry.user === null && this.#unclaimed.has(entry.key)) this.#change(entry, { user: owner }, true);
    }
    this.#unclaimed.clear();
  }

  /** The next entries to send, now on the way: the first of each channel, unless it has to wait. */
  take(owner: string | null): OutboxEntry[] {
    if (!this.entries.length) return [];
    const seen = new Set<string | null>();
    const heads = this.mine(owner).filter((entry) => {
      if (entry.state === 'rejected' || seen.has(entry.channel)) return false;
      seen.add(entry.channel);
      return entry.state === 'pending' && (this.#stored.has(entry.key) || this.#refused.has(entry.key));
    });
    return heads.map((entry) => this.#change(entry, { state: 'sending' }));
  }

  saved(key: string, reply: ReplyFrame): void {
    const entry = this.#find(key);
    if (entry) this.#remove(entry, reply);
  }

  /** Another tab has taken it out. */
  gone(key: string): void {
    this.#gone.add(key);
    this.entries = this.entries.filter((entry) => entry.key !== key);
  }

  failed(key: string, error: Failure, now: number): void {
    const entry = this.#find(key);
    if (!entry) return;
    if (!error.retryable) {
      this.#change(entry, { state: 'rejected', error }, true);
      return;
    }
    const failures = entry.failures + 1;
    const wait = error.retry_after_ms ?? 1000 * retrySeconds(failures);
    this.#change(entry, { state: 'failed', error, failures, retryAtMs: now + wait });
  }

  /** The link is gone: what was on the way is sent again. */
  lost(): void {
    for (const entry of this.entries) if (entry.state === 'sending') this.#change(entry, { state: 'pending' });
  }

  retry(opId: string): void {
    const entry = this.entries.find((entry) => entry.opId === opId);
    if (entry && (entry.state === 'failed' || entry.state === 'rejected'))
      this.#change(entry, { state: 'pending', failures: 0 }, entry.state === 'rejected');
  }

  /** Takes an entry out, unless it is on the way; whether it did. */
  discard(opId: string): boolean {
    const entry = this.entries.find((entry) => entry.opId === opId && entry.state !== 'sending');
    if (entry) this.#remove(entry, null);
    return entry !== undefined;
  }

  /** Failed entries whose time has come wait for their turn again. */
  due(now: number): void {
    for (const entry of this.entries) {
      if (entry.state === 'failed' && (entry.retryAtMs ?? 0) <= now) this.#change(entry, { state: 'pending' });
    }
  }

  deadline(owner: string | null): number {
    return Math.min(Infinity, ...this.mine(owner).map((entry) => (entry.state === 'failed' ? (entry.retryAtMs ?? 0) : Infinity)));
  }

  #find(key: string): OutboxEntry | undefined {
    return this.entries.find((entry) => entry.key === key);
  }

  #remove(gone: OutboxEntry, reply: ReplyFrame | null): void {
    this.gone(gone.key);
    this.#emit({ do: 'remove', entry: gone, reply });
  }

  #change(entry: OutboxEntry, change: Partial<OutboxEntry>, isKept = false): OutboxEntry {
    const { error: _error, retryAtMs: _retry, ...rest } = entry;
    const next: OutboxEntry = { ...rest, ...change };
    this.entries = this.entries.map((other) => (other === entry ? next : other));
    if (isKept) this.#emit({ do: 'put', entry: next });
    return next;
  }
}
