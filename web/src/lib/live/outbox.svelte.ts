// What waits to be sent, as the banner and the queue inspector show it.

import type { Client, OutboxEntry } from '@veche/client';

const SAVED_MS = 2_000;

let entries = $state.raw<readonly OutboxEntry[]>([]);
let isSaved = $state(false);
/** The most that waited at once since the queue was empty; progress is counted against it. */
let most = $state(0);

export const waiting = {
  get entries(): readonly OutboxEntry[] {
    return entries;
  },
  /** Those that will be sent by themselves. */
  get unsent(): number {
    return entries.filter(({ state }) => state !== 'rejected').length;
  },
  get rejected(): number {
    return entries.filter(({ state }) => state === 'rejected').length;
  },
  get most(): number {
    return most;
  },
  /** For two seconds after the last of several was sent. */
  get isSaved(): boolean {
    return isSaved;
  },
};

/** Follows the page's outbox. */
export function followOutbox(client: Client): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wasCutOff = false;
  const take = () => {
    entries = client.outbox.entries;
    const isLive = client.status.state === 'online' || client.status.state === 'degraded';
    const unsent = waiting.unsent;
    wasCutOff ||= unsent > 0 && !isLive;
    most = unsent === 0 ? 0 : Math.max(most, unsent);
    if (unsent > 0 || !wasCutOff) return;
    wasCutOff = false;
    isSaved = entries.length === 0;
    clearTimeout(timer);
    timer = setTimeout(() => (isSaved = false), SAVED_MS);
  };
  client.outbox.onChange(take);
  client.onStatus(take);
  window.addEventListener('beforeunload', (event) => {
    if (waiting.unsent > 0) event.preventDefault();
  });
  take();
}

type Describe = (entry: OutboxEntry) => string | null;
const describers = new Set<Describe>();

/** For an `$effect`: lets a part say in words what an entry does, as `Move “Tea” to Done`. */
export function describeEntries(describe: Describe): () => void {
  describers.add(describe);
  return () => describers.delete(describe);
}

/** An entry in words, or its event's name. */
export function entryText(entry: OutboxEntry): string {
  for (const describe of describers) {
    const text = describe(entry);
    if (text) return text;
  }
  return entry.event;
}

/** What the user wrote in it, for the clipboard. */
export function entryCopy(entry: OutboxEntry): string {
  return typeof entry.data === 'string' ? entry.data : JSON.stringify(entry.data, null, 2);
}
