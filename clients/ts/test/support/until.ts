// Waiting for something to be so, without asking the clock.

import type { Client } from '../../src/client.ts';
import type { CallMap, EventMap } from '../../src/types.ts';
import type { State, Status } from '../../src/status.ts';

/** Resolves at the first change after which it is so. */
export function until(isSo: () => boolean, watch: (changed: () => void) => () => void): Promise<void> {
  return new Promise((done) => {
    if (isSo()) return done();
    const stop = watch(() => {
      if (!isSo()) return;
      stop();
      done();
    });
  });
}

export function untilState<C extends CallMap, E extends EventMap>(client: Client<C, E>, ...states: State[]): Promise<Status> {
  return until(() => states.includes(client.status.state), (changed) => client.onStatus(changed)).then(() => client.status);
}

/** Something that a test waits for to grow. */
export class Heap<T> {
  readonly items: T[] = [];
  #changed = new Set<() => void>();

  push = (item: T): void => {
    this.items.push(item);
    for (const changed of [...this.#changed]) changed();
  };

  until(isSo: (items: readonly T[]) => boolean): Promise<void> {
    return until(() => isSo(this.items), (changed) => {
      this.#changed.add(changed);
      return () => void this.#changed.delete(changed);
    });
  }

  atLeast(count: number): Promise<void> {
    return this.until((items) => items.length >= count);
  }
}
