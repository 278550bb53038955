// One browser with several tabs: they share a database, take turns by a lock, and hear each other.

import { indexedDbOutbox } from '../../src/index.ts';
import type { Client, ClientOptions, Io } from '../../src/index.ts';
import { newClient } from './clients.ts';
import { Surroundings } from './node-io.ts';

export class Browser {
  readonly #database: string;
  readonly #queues = new Map<string, Promise<void>>();
  readonly #ears = new Map<string, Set<(message: unknown) => void>>();
  /** How many tabs hold the lock; more than one would be wrong. */
  holders = 0;
  most = 0;

  constructor(database: string) {
    this.#database = database;
  }

  tab(url: string, options: Partial<ClientOptions> = {}): { client: Client; world: Surroundings } {
    const world = new Surroundings();
    const client = newClient(url, { outbox: indexedDbOutbox(this.#database), io: world.io(this.#io()), ...options });
    client.connect();
    return { client, world };
  }

  #io(): Partial<Io> {
    return {
      lock: (name, signal, held) => {
        const turn = (this.#queues.get(name) ?? Promise.resolve()).then(async () => {
          if (signal.aborted) return;
          this.most = Math.max(this.most, ++this.holders);
          await held().finally(() => this.holders--);
        });
        this.#queues.set(name, turn);
        return turn;
      },
      broadcast: (name, listener) => {
        const ears = this.#ears.get(name) ?? new Set();
        this.#ears.set(name, ears.add(listener));
        const others = () => [...ears].filter((it) => it !== listener);
        return {
          post: (message) => queueMicrotask(() => others().forEach((ear) => ear(structuredClone(message)))),
          close: () => void ears.delete(listener),
        };
      },
    };
  }
}
