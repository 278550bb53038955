// How the operations of this browser stand, as a mark on the card or list that they are about.

import type { OutboxEntry } from '@veche/client';

/** A saved operation has no mark, and neither has one that is younger than a second. */
export type Mark = 'waiting' | 'failed' | 'rejected';

const QUIET_MS = 1000;
const RANK: Record<Mark, number> = { waiting: 1, failed: 2, rejected: 3 };

/** The worst mark of each card and list. */
export function marksOf(entries: readonly OutboxEntry[], now: number): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const entry of entries) {
    const [about, mark] = [aboutOf(entry), markOf(entry, now)];
    if (about === null || mark === null) continue;
    const old = marks.get(about);
    if (old === undefined || RANK[mark] > RANK[old]) marks.set(about, mark);
  }
  return marks;
}

function markOf(entry: OutboxEntry, now: number): Mark | null {
  if (entry.state === 'rejected') return 'rejected';
  if (entry.state === 'failed') return 'failed';
  return now - entry.createdMs >= QUIET_MS ? 'waiting' : null;
}

/** The card or list that an operation is about. */
export function aboutOf(entry: OutboxEntry): string | null {
  const data = entry.data as { card?: string; list?: string } | null;
  return data?.card ?? data?.list ?? null;
}

/** The words that an operation carries: what must not be lost when it is refused. */
export function wordsOf(entry: OutboxEntry): string {
  const data = entry.data as { title?: string; description?: string; name?: string } | null;
  return [data?.title, data?.description, data?.name].filter((one) => one !== undefined && one !== '').join('\n\n');
}
