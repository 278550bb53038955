// The client's connection as a state machine: events in, effects out, no I/O, no clock and no dice of its
// own. Its law: whatever the network does, each listener is told every publication after its position
// once and in order, or is told `reset`; and each operation of the outbox is applied once.
//
// The link's own life is in `link.ts`; here is what travels on it.

import { failure } from '../errors.js';
import { parseFrame, type ClientFrame, type ServerFrame } from '../frames.js';
import type { Status } from '../status.js';
import { Channels } from './channels.js';
import { Link } from './link.js';
import { OutboxQueue, ownerOf, type OutboxEntry } from './outbox.js';
import { Requests, type Outcome } from './requests.js';
import { statusOf } from './status.js';
import type { Effect, Input } from './types.js';

export interface MachineOptions {
  /** Origins to connect to, in order of preference. */
  readonly urls: readonly string[];
  /** Who the page says is signed in; the welcome goes before it. */
  readonly user?: string | null;
  /** The build of the page. */
  readonly build?: string;
}

/** What a request's handle begins with if an entry of the outbox made it. */
const ENTRY = 'entry ';
/** How long the server may take to answer an operation of the outbox, or a batch of subscriptions. */
const PATIENCE = 20_000;

export class Machine {
  status: Status;
  readonly link: Link;
  readonly channels: Channels;
  readonly outbox: OutboxQueue;
  readonly #requests: Requests;
  readonly #said: string | null;
  #out: Effect[] = [];
  #now = 0;
  #random = 0;
  #ids = 0;
  /** Whether this tab is the one that sends the outbox. */
  #leads = false;
  #served: string | null = null;
  #acked = 0;
  #isAcking = false;

  constructor(options: MachineOptions) {
    const emit = (effect: Effect) => void this.#out.push(effect);
    this.#said = options.user ?? null;
    this.channels = new Channels((key, event) => emit({ do: 'tell', key, event }));
    this.outbox = new OutboxQueue(emit);
    this.#requests = new Requests((key, outcome) => this.#done(key, outcome));
    this.link = new Link(options, emit, () => this.#lost());
    this.status = statusOf(this.link, null);
  }

  /** Takes an event at `now` (milliseconds since 1970) with `random` in [0, 1); what is to be done. */
  handle(input: Input, now: number, random: number): readonly Effect[] {
    this.#out = [];
    this.#now = now;
    this.#random = random;
    const entries = this.outbox.entries;
    this.link.at(now, random);
    this.#apply(input);
    this.#due();
    this.#flush();
    if (this.outbox.entries !== entries) this.#out.push({ do: 'outbox' });
    this.#show();
    return this.#out;
  }

  /** When `tick` is due at the latest; `Infinity` if nothing waits. */
  deadline(): number {
    const { isLive } = this.link;
    const always = Math.min(this.link.deadline(), this.#requests.deadline());
    if (!isLive) return always;
    // While the server wants silence nothing else can be due.
    const sending = this.#requests.pausedUntil || this.channels.deadline();
    return Math.min(always, sending, this.#leads ? this.outbox.deadline(this.owner) : Infinity);
  }

  /** Whose operations are written and sent. */
  get owner(): string | null {
    return ownerOf(this.link.user ?? this.#said);
  }

  #apply(input: Input): void {
    switch (input.is) {
      case 'subscribe':
        return this.channels.add(input.key, input.channel, input.since, input.presence);
      case 'unsubscribe':
        return this.channels.remove(input.key);
      case 'resume':
        return this.channels.resume(input.key, input.position);
      case 'present':
        return this.#cast(this.channels.present(input.key, input.state, input.meta));
      case 'cast':
        return this.#cast(input.frame);
      case 'request':
        return this.#requests.add({ key: input.key, frame: input.frame, deadline: this.#now + input.timeoutMs });
      case 'close':
        this.link.handle(input);
        return this.#requests.expire((it) => !it.key.startsWith(ENTRY), failure('closed', 'the client was closed'));
      case 'text':
        if (this.link.hears(input.link)) this.#receive(parseFrame(input.text));
        return;
      case 'write':
      case 'stored':
      case 'loaded':
      case 'gone':
      case 'lead':
      case 'retry-entry':
      case 'discard':
        return this.#write(input);
      default:
        return this.link.handle(input);
    }
  }

  #write(input: Extract<Input, { is: 'write' | 'stored' | 'loaded' | 'gone' | 'lead' | 'retry-entry' | 'discard' }>): void {
    switch (input.is) {
      case 'write':
        return this.outbox.add(input.entry);
      case 'stored':
        return this.outbox.stored(input.key, input.isKept);
      case 'loaded':
        return this.outbox.loaded(input.entries);
      case 'gone':
        return this.outbox.gone(input.key);
      case 'lead':
        this.#leads = input.leads;
        return input.leads ? undefined : this.#withdraw();
      case 'retry-entry':
        return this.outbox.retry(input.opId);
      case 'discard':
        this.outbox.discard(input.opId);
    }
  }

  #receive(frame: ServerFrame | null): void {
    if (!frame) return;
    if (frame.kind === 'error' && frame.error.code === 'rate_limited') this.#requests.refused(this.#now, frame.error.retry_after_ms ?? 0);
    if (this.link.receive(frame)) {
      if (frame.kind === 'welcome') this.#welcomed(frame.user);
      return;
    }
    if (!this.link.isLive || this.channels.receive(frame, this.#now, this.#random)) return;
    if (frame.kind === 'reply') this.#requests.answered(frame.id, { ok: true, reply: frame });
    if (frame.kind === 'error' && frame.id !== undefined) this.#requests.answered(frame.id, { ok: false, error: frame.error });
  }

  #welcomed(user: string): void {
    if (this.#served !== null && this.#served !== user)
      this.#requests.expire(() => true, failure('unauthorized', 'another user has signed in'));
    this.#served = user;
    this.#acked = 0;
    this.#isAcking = false;
    this.#requests.welcomed();
    this.channels.welcomed(user, this.link.transport === 'websocket');
    this.outbox.claim(this.owner);
  }

  #lost(): void {
    this.channels.lost();
    this.#withdraw();
    this.#requests.lost();
  }

  /** What the outbox had on the way is its own again, to be sent in its order. */
  #withdraw(): void {
    this.#requests.withdraw((it) => it.key.startsWith(ENTRY));
    this.outbox.lost();
  }

  #done(key: string, outcome: Outcome): void {
    if (key === 'ack') this.#isAcking = false;
    else if (!key.startsWith(ENTRY)) this.#out.push({ do: 'done', key, outcome });
    else if (outcome.ok) this.outbox.saved(key.slice(ENTRY.length), outcome.reply);
    else this.outbox.failed(key.slice(ENTRY.length), outcome.error, this.#now);
  }

  #due(): void {
    this.link.due();
    const now = this.#now;
    this.#requests.expire((it) => it.deadline <= now, failure('timeout', 'there was no answer in time', true));
    this.outbox.due(now);
    if (this.#requests.pausedUntil <= now) this.#requests.pausedUntil = 0;
  }

  /** Sends what is due: subscriptions first, then what the outbox holds, then the rest. */
  #flush(): void {
    if (!this.link.isLive) return;
    const nextId = () => ++this.#ids;
    if (!this.#requests.pausedUntil) {
      const batch = this.channels.batch(this.#now, this.link.frameBytes, nextId);
      if (batch.length) this.link.send(batch.length === 1 ? batch[0]! : batch);
    }
    for (const entry of this.#leads ? this.outbox.take(this.owner) : [])
      this.#requests.add({ key: ENTRY + entry.key, frame: frameOf(entry), deadline: Infinity, patience: PATIENCE });
    this.#ack();
    for (const frame of this.#requests.take(this.#now, nextId)) this.link.send(frame);
  }

  /** Says up to where everything of the personal channel was told; one answer at a time is awaited. */
  #ack(): void {
    const offset = this.channels.ownOffset();
    if (this.#isAcking || offset <= this.#acked || this.link.transport !== 'websocket') return;
    this.#acked = offset;
    this.#isAcking = true;
    this.#requests.add({ key: 'ack', frame: { type: 'ack', offset }, deadline: Infinity });
  }

  /** What is worth nothing later: typing, presence. */
  #cast(frame: ClientFrame | null): void {
    if (frame && this.link.isLive && !this.#requests.pausedUntil) this.link.send(frame);
  }

  #show(): void {
    const progress = this.link.isRestoring ? this.channels.progress() : null;
    if (progress && progress.done === progress.total) this.link.restored();
    const next = statusOf(this.link, progress);
    if (JSON.stringify(next) === JSON.stringify(this.status)) return;
    this.status = next;
    this.#out.push({ do: 'status' });
  }
}

function frameOf({ event, channel, data, opId, echo }: OutboxEntry): ClientFrame {
  return { type: event, ...(channel !== null && { channel }), data, op_id: opId, ...(echo === false && { echo }) };
}
