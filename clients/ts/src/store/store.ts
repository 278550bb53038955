// Where the outbox keeps what was written.

import type { OutboxEntry } from '../machine/outbox.js';

export interface OutboxStore {
  /** The same in all tabs that share it; `null` if this page alone has it. */
  readonly name: string | null;
  /** Everything that is kept, in any order. */
  load(): Promise<readonly OutboxEntry[]>;
  put(entry: OutboxEntry): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Keeps nothing beyond the page: for tests, servers, and where a browser has no storage. */
export function memoryOutbox(): OutboxStore {
  const entries = new Map<string, OutboxEntry>();
  return {
    name: null,
    load: async () => [...entries.values()],
    put: async (entry) => void entries.set(entry.key, entry),
    remove: async (key) => void entries.delete(key),
  };
}
