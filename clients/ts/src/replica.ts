// A state that is kept on the server and shown here: what is confirmed, and on top of it what this user
// has done and the server has not told of yet.
//
//   visible = confirmed ⊕ replay(pending)
//
// Each confirmed event rebuilds `visible`, so an operation that comes to nothing vanishes by itself. An
// operation is pending until its event has come, or until the state is known to hold it.

import type { Client } from './client.js';
import { failure, VecheError } from './errors.js';
import type { Position, ReplyFrame } from './frames.js';
import type { OutboxEntry } from './machine/outbox.js';
import { retrySeconds } from './machine/policy.js';
import type { AnyCalls, AnyEvents, EventMap, Publication, SubscribedEvent, SubscribeOptions, Subscription } from './types.js';

export interface Snapshot<State> {
  readonly state: State;
  /** The position that the state is of; `null` if it is not known, and has to be loaded. */
  readonly position: Position | null;
}

export interface ReplicaOptions<State, Events extends EventMap = AnyEvents> {
  readonly client: Pick<Client<AnyCalls, Events>, 'subscribe' | 'outbox'>;
  readonly channel: string;
  /** What the page already shows. */
  readonly snapshot: Snapshot<State>;
  /** Loads the state together with its position. */
  load(): Promise<Snapshot<State>>;
  /** The state after a confirmed event. It must not change the one it is given. */
  apply(state: State, publication: Publication<Events>): State;
  /** The state as it will be once this operation is confirmed. It must not change the one it is given. */
  predict(state: State, entry: OutboxEntry): State;
  /** Ask for the members of the channel, and be told of them. */
  readonly onPresence?: SubscribeOptions<Events>['onPresence'];
  /** Each confirmed event, once it was applied. */
  onPublication?(publication: Publication<Events>): void;
  /** The channel was refused or taken away: the state is the last one there was. */
  onLost?(error: VecheError): void;
}

/** `stale` while what is shown is older than the server's and the newer one is being loaded. */
export type ReplicaStatus = 'live' | 'stale' | 'lost' | 'closed';

export class Replica<State, Events extends EventMap = AnyEvents> {
  /** The channel's subscription, for presence. */
  readonly subscription: Subscription;
  readonly #options: ReplicaOptions<State, Events>;
  readonly #listeners = new Set<() => void>();
  readonly #stops: (() => void)[];
  #confirmed: State;
  #position: Position | null;
  #status: ReplicaStatus = 'live';
  #error: VecheError | null = null;
  #visible: { readonly state: State } | null = null;
  #entries: readonly OutboxEntry[] = [];
  /** Operations that the server has taken, and whose events are still to come. */
  #settling: readonly { readonly entry: OutboxEntry; readonly position: Position }[] = [];
  /** Operations whose events have come before their replies. */
  readonly #applied = new Set<string>();
  #loads = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReplicaOptions<State, Events>) {
    const { client, channel, snapshot, onPresence } = options;
    this.#options = options;
    this.#confirmed = snapshot.state;
    this.#position = snapshot.position;
    this.#stops = [client.outbox.onChange(() => this.#queueChanged()), client.outbox.onSaved((entry, reply) => this.#saved(entry, reply))];
    this.#entries = this.#waiting();
    this.subscription = client.subscribe(channel, {
      since: snapshot.position,
      presence: onPresence !== undefined,
      ...(onPresence && { onPresence }),
      onPublication: (publication) => this.#publication(publication),
      onSubscribed: (event) => this.#subscribed(event),
      onReset: () => void this.#load(),
      onLost: (error) => this.#lost(error),
    });
  }

  /** What the server has confirmed. */
  get confirmed(): State {
    return this.#confirmed;
  }

  /** What to show: the confirmed state with this user's own pending operations on top. */
  get visible(): State {
    this.#visible ??= { state: this.pending.reduce((state, entry) => this.#options.predict(state, entry), this.#confirmed) };
    return this.#visible.state;
  }

  /** The operations on top, in order. */
  get pending(): readonly OutboxEntry[] {
    const waiting = this.#entries.filter((entry) => !this.#applied.has(entry.opId));
    return [...this.#settling.map((it) => it.entry), ...waiting];
  }

  get position(): Position | null {
    return this.#position;
  }

  get status(): ReplicaStatus {
    return this.#status;
  }

  /** Why the state could not be loaded, or was lost. */
  get error(): VecheError | null {
    return this.#error;
  }

  /** Calls back when `visible`, `status` or `error` may have changed; the result takes it back. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Loads the state now, as after a `reset`. */
  reload(): Promise<void> {
    return this.#load();
  }

  close(): void {
    this.#status = 'closed';
    this.#loads++;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.subscription.close();
    this.#listeners.clear();
  }

  #subscribed({ recovery }: SubscribedEvent): void {
    if (recovery === 'fresh' && !this.#position) void this.#load();
  }

  #publication(publication: Publication<Events>): void {
    const { position, opId, from, isOwn } = publication;
    // While it is stale there is nothing to apply this to: the snapshot will hold it, or it comes again.
    if (this.#status !== 'live' || isAtOrBefore(position, this.#position)) return;
    this.#confirmed = this.#options.apply(this.#confirmed, publication);
    this.#position = position ?? this.#position;
    if (opId !== null && (isOwn || !from)) {
      if (this.#entries.some((entry) => entry.opId === opId)) this.#applied.add(opId);
      this.#settling = this.#settling.filter(({ entry }) => entry.opId !== opId);
    }
    this.#settle();
    this.#options.onPublication?.(publication);
    this.#changed();
  }

  #saved(entry: OutboxEntry, reply: ReplyFrame): void {
    if (entry.channel !== this.#options.channel || this.#applied.delete(entry.opId)) return;
    const position = reply.position ?? (reply.data as { position?: Position } | null | undefined)?.position;
    if (!position || isAtOrBefore(position, this.#position)) return;
    this.#settling = [...this.#settling, { entry, position }];
    this.#visible = null;
  }

  /** Drops what the confirmed state holds by now. */
  #settle(): void {
    this.#settling = this.#settling.filter(({ position }) => !isAtOrBefore(position, this.#position));
  }

  #queueChanged(): void {
    const entries = this.#waiting();
    if (entries.length === this.#entries.length && entries.every((entry, index) => entry === this.#entries[index])) return;
    this.#entries = entries;
    this.#changed();
  }

  #waiting(): readonly OutboxEntry[] {
    const { client, channel } = this.#options;
    return client.outbox.entries.filter((entry) => entry.channel === channel && entry.state !== 'rejected');
  }

  async #load(): Promise<void> {
    const load = ++this.#loads;
    clearTimeout(this.#timer);
    this.#status = 'stale';
    this.#changed();
    try {
      // What this user has written goes first: the snapshot is to hold it.
      await this.#options.client.outbox.drained(this.#options.channel);
      const snapshot = await this.#options.load();
      if (load === this.#loads) this.#loaded(snapshot);
    } catch (error) {
      if (load === this.#loads) this.#failed(error);
    }
  }

  #loaded({ state, position }: Snapshot<State>): void {
    this.#confirmed = state;
    this.#position = position;
    this.#status = 'live';
    this.#error = null;
    this.#failures = 0;
    // What was answered under another epoch is in the snapshot, or gone with the epoch.
    this.#settling = this.#settling.filter((it) => it.position.epoch === position?.epoch);
    this.#settle();
    if (position) this.subscription.resume(position);
    this.#changed();
  }

  #failed(error: unknown): void {
    const told = error instanceof VecheError ? error : new VecheError(failure('unavailable', String(error), true));
    if (!told.retryable) return this.#lost(told);
    this.#error = told;
    this.#timer = setTimeout(() => void this.#load(), 1000 * retrySeconds(++this.#failures));
    this.#changed();
  }

  #lost(error: VecheError): void {
    this.#loads++;
    this.#status = 'lost';
    this.#error = error;
    this.#options.onLost?.(error);
    this.#changed();
  }

  #changed(): void {
    this.#visible = null;
    for (const listener of [...this.#listeners]) listener();
  }
}

function isAtOrBefore(position: Position | null, other: Position | null): boolean {
  return position !== null && other !== null && position.epoch === other.epoch && position.offset <= other.offset;
}
