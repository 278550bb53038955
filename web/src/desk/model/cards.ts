// The cards of a board as an immutable table: a change copies one bucket of a few dozen cards, never all of them.

import type { Card } from './wire';

/** Enough that a bucket of the largest board (20,000 cards) has about 80, and few enough to copy cheaply. */
const BUCKETS = 256;

type Bucket = ReadonlyMap<string, Card>;

/** An immutable set of cards by id. */
export class Cards implements Iterable<Card> {
  static readonly none = new Cards([], 0);

  private constructor(
    private readonly buckets: readonly (Bucket | undefined)[],
    readonly size: number,
  ) {}

  static of(cards: Iterable<Card>): Cards {
    const buckets: Map<string, Card>[] = [];
    let size = 0;
    for (const card of cards) {
      const bucket = (buckets[place(card.id)] ??= new Map());
      if (!bucket.has(card.id)) size += 1;
      bucket.set(card.id, card);
    }
    return new Cards(buckets, size);
  }

  get(id: string): Card | undefined {
    return this.buckets[place(id)]?.get(id);
  }

  with(card: Card): Cards {
    const at = place(card.id);
    const bucket = new Map(this.buckets[at]);
    const added = bucket.has(card.id) ? 0 : 1;
    bucket.set(card.id, card);
    return this.replace(at, bucket, this.size + added);
  }

  without(id: string): Cards {
    const at = place(id);
    if (!this.buckets[at]?.has(id)) return this;
    const bucket = new Map(this.buckets[at]);
    bucket.delete(id);
    return this.replace(at, bucket, this.size - 1);
  }

  *[Symbol.iterator](): Iterator<Card> {
    for (const bucket of this.buckets) if (bucket) yield* bucket.values();
  }

  private replace(at: number, bucket: Bucket, size: number): Cards {
    const buckets = this.buckets.slice();
    buckets[at] = bucket;
    return new Cards(buckets, size);
  }
}

/** FNV-1a, folded to a bucket. */
function place(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % BUCKETS;
}
