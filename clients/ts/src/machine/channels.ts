// All channels of a client: what is wanted, what the server has been asked, and in which order.
//
// What is wanted is compared with what stands, and the difference is sent as one batch; the next batch
// waits for the answers to the one before. So a burst of subscriptions is one frame, a subscription that
// was given up while its answer was under way is ended by the next batch, and none is left behind.

import type { Failure } from '../errors.js';
import type { ClientFrame, Position, PresenceState, ServerFrame } from '../frames.js';
import { LIMITS } from '../generated/protocol.js';
import { Channel, lossOf, type ChannelEvent, type Listener, type Tell } from './channel.js';
import { backoffSeconds, reconnects } from './policy.js';

/** The personal channel of whoever is signed in. No channel can bear this name. */
export const OWN = 'user:*';

/** The most frames of a batch once a session has had its first ones: as many refusals as it survives. */
const LATER = 16;

export class Channels {
  readonly #channels = new Map<string, Channel>();
  /** Where each listener is. */
  readonly #homes = new Map<number, Channel>();
  /** Questions under way: the id of each, and its channel. */
  readonly #asked = new Map<number, Channel>();
  /** The personal channel's name, while a user is signed in. */
  #own: string | null = null;
  /** How much this session has been asked. */
  #sent = 0;
  readonly #tell: Tell;

  constructor(tell: (key: number, event: ChannelEvent) => void) {
    this.#tell = tell;
  }

  add(key: number, name: string, since: Position | null, presence: boolean): void {
    const own = name === OWN;
    const channel = this.#at(own ? (this.#own ?? OWN) : name);
    channel.listeners.push({ key, own, presence, position: since, isLive: false, ask: 0 });
    // On a new link the server itself joins the session to its user's channel, and is not asked.
    channel.isStale ||= channel.name !== OWN && (channel.standing !== 'joining' || since !== null);
    this.#homes.set(key, channel);
  }

  remove(key: number): void {
    const channel = this.#homes.get(key);
    if (!channel) return;
    this.#homes.delete(key);
    channel.listeners = channel.listeners.filter((listener) => listener.key !== key);
    if (channel.listeners.length) return;
    channel.isStale = channel.standing !== 'out';
    if (!channel.isStale) this.#channels.delete(channel.name);
  }

  /** A snapshot was loaded: the listener goes on from its position. */
  resume(key: number, position: Position): void {
    const listener = this.#listener(key);
    if (!listener) return;
    listener.position = position;
    listener.isLive = false;
    // An answer that is under way speaks of where it was before.
    listener.ask = -1;
    this.#homes.get(key)!.isStale = true;
  }

  position(key: number): Position | null {
    const position = this.#listener(key)?.position;
    return position && position.offset >= 0 ? position : null;
  }

  present(key: number, state: PresenceState, meta: unknown): ClientFrame | null {
    const channel = this.#homes.get(key);
    if (!channel) return null;
    channel.state = meta === undefined ? { state } : { state, meta };
    return channel.standing === 'in' ? { type: 'presence', channel: channel.name, ...channel.state } : null;
  }

  /** A link is up for this user. `joins`: the server joins its user's channel by itself. */
  welcomed(user: string, joins: boolean): void {
    this.lost();
    const own = user.startsWith('guest:') ? null : `user:${user}`;
    if (own !== this.#own) this.#move(own);
    const nobodys = this.#channels.get(OWN);
    if (nobodys) nobodys.isStale = false;
    if (own === null || !joins) return;
    // The server joins the session to it, whoever listens; it is asked only to go on from a position.
    const home = this.#at(own);
    home.standing = home.since() ? 'in' : 'joining';
    home.isStale = home.standing === 'in';
  }

  /** Another user: whoever listens to the personal channel listens to theirs now, from the start. */
  #move(own: string | null): void {
    const moving: Listener[] = [];
    for (const channel of this.#channels.values()) {
      moving.push(...channel.listeners.filter((listener) => listener.own));
      channel.listeners = channel.listeners.filter((listener) => !listener.own);
      if (!channel.listeners.length) channel.isStale = false;
    }
    const isAnother = this.#own !== null;
    this.#own = own;
    const home = this.#at(own ?? OWN);
    for (const listener of moving) {
      if (isAnother) listener.position = null;
      home.listeners.push(listener);
      home.isStale = own !== null;
      this.#homes.set(listener.key, home);
    }
  }

  lost(): void {
    this.#sent = 0;
    this.#asked.clear();
    for (const [name, channel] of this.#channels) {
      channel.drop();
      if (!channel.listeners.length) this.#channels.delete(name);
    }
  }

  /** The next batch, of at most `bytes`; empty while one is under way, or where nothing is due. */
  batch(now: number, bytes: number, nextId: () => number): ClientFrame[] {
    const frames: ClientFrame[] = [];
    if (this.#asked.size) return frames;
    let room = bytes - 2;
    const most = Math.max(LATER, LIMITS.batch - this.#sent);
    for (const channel of this.#channels.values()) {
      if (!channel.isStale || channel.notBefore > now) continue;
      const asks = ask(channel, nextId);
      // Three bytes a UTF-16 unit are the most there can be.
      room -= asks.reduce((sum, frame) => sum + JSON.stringify(frame).length * 3 + 1, 0);
      if (frames.length && (room < 0 || frames.length + asks.length > most)) break;
      this.#asked.set(channel.ask, channel);
      channel.isStale = false;
      frames.push(...asks);
    }
    this.#sent += frames.length;
    return frames;
  }

  /** Whether the frame was about a channel. */
  receive(frame: ServerFrame, now: number, random: number): boolean {
    switch (frame.kind) {
      case 'subscribed':
        this.#subscribed(frame);
        return true;
      case 'unsubscribed':
        this.#unsubscribed(frame.channel, frame.id, frame.code, frame.reason);
        return true;
      case 'error':
        return frame.id !== undefined && this.#refused(Number(frame.id), frame.error, now, random);
      case 'publication':
        this.#channels.get(frame.channel)?.step(frame.offset, frame, this.#tell);
        return true;
      case 'skipped':
        this.#channels.get(frame.channel)?.step(frame.offset, null, this.#tell);
        return true;
      case 'members':
        this.#channels.get(frame.channel)?.members(frame, this.#tell);
        return true;
      case 'lagged':
        this.#lagged(frame.channel, frame.dropped);
        return true;
      case 'typing':
        for (const { key } of this.#channels.get(frame.channel)?.listeners ?? [])
          this.#tell(key, { kind: 'typing', user: frame.user, active: frame.active });
        return true;
      default:
        return false;
    }
  }

  #subscribed(frame: Extract<ServerFrame, { kind: 'subscribed' }>): void {
    const isAnswer = frame.id !== undefined;
    const channel = isAnswer ? this.#asked.get(Number(frame.id)) : this.#channels.get(frame.channel);
    if (channel && (isAnswer || (channel.standing === 'joining' && channel.listeners.length))) {
      this.#asked.delete(channel.ask);
      channel.subscribed(frame, this.#tell);
    } else if (!isAnswer && frame.channel === this.#own && !channel?.listeners.length) {
      // Nobody listens to it here: what it says would be sent again on each connection.
      const idle = this.#at(frame.channel);
      idle.standing = 'in';
      idle.isStale = true;
    }
  }

  #unsubscribed(name: string, id: number | string | undefined, code: number, reason: string): void {
    const channel = id === undefined ? this.#channels.get(name) : this.#asked.get(Number(id));
    if (!channel) return;
    if (id !== undefined) {
      this.#left(channel);
    } else if (channel.standing !== 'asked') {
      channel.drop();
      if (!reconnects(code)) this.#lose(channel, lossOf(code, reason));
    }
  }

  /** The answer to an `unsubscribe`: whoever came meanwhile subscribes anew. */
  #left(channel: Channel): void {
    this.#asked.delete(channel.ask);
    channel.drop();
    if (!channel.listeners.length) this.#channels.delete(channel.name);
  }

  #refused(id: number, error: Failure, now: number, random: number): boolean {
    const channel = this.#asked.get(id);
    if (!channel) return false;
    this.#asked.delete(id);
    const { tries } = channel;
    channel.drop();
    if (error.retryable) {
      // It may have been an `unsubscribe`, which has to succeed as well.
      channel.isStale = true;
      if (!channel.listeners.length) channel.standing = 'in';
      channel.tries = tries + 1;
      channel.notBefore = now + (error.retry_after_ms ?? 1000 * random * backoffSeconds(tries));
    } else {
      this.#lose(channel, error);
    }
    return true;
  }

  #lose(channel: Channel, error: Failure): void {
    for (const { key } of channel.listeners) this.#homes.delete(key);
    this.#channels.delete(channel.name);
    channel.lose(error, this.#tell);
  }

  #lagged(name: string, dropped: number | undefined): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    if (dropped === undefined) channel.isStale = channel.listeners.length > 0;
    else for (const { key } of channel.listeners) this.#tell(key, { kind: 'lagged', dropped });
  }

  /** Channels that are up to date, and all that somebody listens to. */
  progress(): { done: number; total: number } {
    const all = [...this.#channels.values()].filter((it) => it.listeners.length && it.name !== OWN);
    return { done: all.filter((it) => it.isCaughtUp || it.notBefore).length, total: all.length };
  }

  /** When a `subscribe` that was put off is due. */
  deadline(): number {
    let first = Infinity;
    // While a batch is under way its answers are what is waited for.
    if (this.#asked.size) return first;
    for (const { isStale, notBefore } of this.#channels.values()) {
      if (isStale && notBefore) first = Math.min(first, notBefore);
    }
    return first;
  }

  /** Up to where everything of the personal channel has come; 0 where nobody listens. */
  ownOffset(): number {
    const since = this.#own && this.#channels.get(this.#own)?.since();
    return since ? since.offset : 0;
  }

  #at(name: string): Channel {
    let channel = this.#channels.get(name);
    if (!channel) this.#channels.set(name, (channel = new Channel(name)));
    return channel;
  }

  #listener(key: number): Listener | undefined {
    return this.#homes.get(key)?.listeners.find((listener) => listener.key === key);
  }
}

/** The frames that bring a channel to where it is wanted. */
function ask(channel: Channel, nextId: () => number): ClientFrame[] {
  const id = (channel.ask = nextId());
  if (!channel.listeners.length) {
    channel.standing = 'leaving';
    return [{ type: 'unsubscribe', channel: channel.name, id }];
  }
  channel.standing = 'asked';
  for (const listener of channel.listeners) listener.ask = id;
  const since = channel.since();
  const presence = channel.listeners.some((listener) => listener.presence);
  const subscribe = { type: 'subscribe', channel: channel.name, id, ...(since && { since }), ...(presence && { presence }) };
  return channel.state ? [subscribe, { type: 'presence', channel: channel.name, ...channel.state }] : [subscribe];
}
