// The client for Svelte: stores by the readable-store contract (`$status` in a component), and of use in
// runes by `fromStore`. No Svelte is needed to make them.

import type { Client } from './client.js';
import type { OutboxEntry } from './machine/outbox.js';
import { Replica, type ReplicaOptions } from './replica.js';
import type { Status } from './status.js';
import type { AnyEvents, CallMap, EventMap, Publication, SubscribeOptions } from './types.js';

export interface Readable<T> {
  /** Calls back at once with the value, and after each change; the result takes it back. */
  subscribe(run: (value: T) => void): () => void;
}

/** A client of any calls and events. */
type AnyClient = Pick<Client<CallMap, AnyEvents>, 'outbox' | 'status' | 'onStatus'>;

export interface OutboxState {
  readonly entries: readonly OutboxEntry[];
  readonly size: number;
  readonly isFull: boolean;
  readonly isDurable: boolean;
}

/** How the connection stands. */
export function status(client: AnyClient): Readable<Status> {
  return readable(() => client.status, (changed) => client.onStatus(changed));
}

/** What waits to be saved. */
export function outbox(client: AnyClient): Readable<OutboxState> {
  const state = () => {
    const { entries, size, isFull, isDurable } = client.outbox;
    return { entries, size, isFull, isDurable };
  };
  return readable(state, (changed) => client.outbox.onChange(changed));
}

/** What a replica shows. The store does not close the replica. */
export function replica<State, Events extends EventMap>(source: Replica<State, Events>): Readable<State> {
  return readable(() => source.visible, (changed) => source.onChange(changed));
}

/** The publications of a channel since somebody listens to the store, the latest `limit` of them. */
export function channel<Events extends EventMap = AnyEvents>(
  client: Pick<Client<CallMap, Events>, 'subscribe'>, name: string, limit = 100, options: SubscribeOptions<Events> = {},
): Readable<readonly Publication<Events>[]> {
  return {
    subscribe(run) {
      let publications: readonly Publication<Events>[] = [];
      run(publications);
      const subscription = client.subscribe(name, {
        ...options,
        onPublication(publication) {
          publications = [...publications, publication].slice(-limit);
          run(publications);
          options.onPublication?.(publication);
        },
      });
      return () => subscription.close();
    },
  };
}

function readable<T>(value: () => T, watch: (changed: () => void) => () => void): Readable<T> {
  return {
    subscribe(run) {
      const stop = watch(() => run(value()));
      run(value());
      return stop;
    },
  };
}

export { Replica, type ReplicaOptions };
