// One channel as this client stands in it: who listens, from which position, and who is there.
//
// The laws of positions (docs/protocol.md): a listener's position is the server's after `fresh` and
// `reset`, stays after `replay` and `up_to_date`, and moves by one with each publication and each
// `skipped`. What is not the next offset is not applied: an earlier one is a double, a later one a hole,
// which is closed by subscribing again from the position.

import { failure, type Failure } from '../errors.js';
import type {
  Member, MembersFrame, Position, PresenceState, PublicationFrame, Recovery, ResetReason, Subscribed,
} from '../frames.js';

/** What a listener is told. */
export type ChannelEvent =
  | { readonly kind: 'publication'; readonly frame: PublicationFrame; readonly position: Position | null }
  | { readonly kind: 'subscribed'; readonly recovery: Recovery; readonly position: Position | null; readonly reason?: ResetReason }
  | { readonly kind: 'presence'; readonly count: number; readonly members: readonly Member[] | null }
  | { readonly kind: 'typing'; readonly user: string; readonly active: boolean }
  | { readonly kind: 'lagged'; readonly dropped: number }
  | { readonly kind: 'lost'; readonly error: Failure };

/** One who listens to a channel. */
export interface Listener {
  readonly key: number;
  /** Whether it is the personal channel of whoever is signed in. */
  readonly own: boolean;
  readonly presence: boolean;
  position: Position | null;
  /** Whether the server has answered for it on this link. */
  isLive: boolean;
  /** The id of the `subscribe` that speaks for it; 0 before. */
  ask: number;
}

export type Tell = (key: number, event: ChannelEvent) => void;

/** `joining`: the server itself joins the session, as it does to the personal channel. */
export type Standing = 'out' | 'asked' | 'in' | 'leaving' | 'joining';

export class Channel {
  readonly name: string;
  listeners: Listener[] = [];
  standing: Standing = 'out';
  /** Whether a `subscribe` is due. */
  isStale = false;
  /** The id of the frame whose answer is awaited. */
  ask = 0;
  /** No `subscribe` before this time. */
  notBefore = 0;
  tries = 0;
  /** What this session says of itself here. */
  state: { readonly state: PresenceState; readonly meta?: unknown } | null = null;
  #epoch: string | null = null;
  /** Where a replay under way ends. */
  #cut = 0;
  #revision = -1;
  #members: Map<string, Member> | null = null;

  constructor(name: string) {
    this.name = name;
  }

  /** The link is gone, and with it the subscription. */
  drop(): void {
    this.standing = 'out';
    this.ask = this.notBefore = this.tries = this.#cut = 0;
    this.isStale = this.listeners.length > 0;
    this.#epoch = null;
    this.#revision = -1;
    for (const listener of this.listeners) {
      listener.isLive = false;
      listener.ask = 0;
      // The start of a replay that the server chose and that never came is not known.
      if (listener.position && listener.position.offset < 0) listener.position = null;
    }
  }

  /** Whether everything up to now has come, as far as it was asked for. */
  get isCaughtUp(): boolean {
    return !this.isStale && this.standing !== 'asked' && !this.#cut;
  }

  /** From where to go on: the earliest position of those who listen. */
  since(): Position | null {
    let first: Position | null = null;
    for (const { position } of this.listeners) {
      if (position && position.offset >= 0 && (!first || (position.epoch === first.epoch && position.offset < first.offset)))
        first = position;
    }
    return first;
  }

  subscribed(frame: Subscribed, tell: Tell): void {
    const told = frame.epoch === undefined || frame.offset === undefined ? null : { epoch: frame.epoch, offset: frame.offset };
    const from = this.since();
    this.standing = 'in';
    this.tries = 0;
    this.#epoch = told?.epoch ?? null;
    this.#cut = frame.recovery === 'replay' && told ? told.offset : 0;
    for (const listener of this.listeners) {
      // Who came after the question was asked gets an answer of its own.
      if (listener.ask === this.ask) this.#settle(listener, frame, told, from, tell);
    }
    this.ask = 0;
    this.#progress();
    if (frame.revision !== undefined) this.#roster(frame.revision, frame.count ?? 0, frame.members, true, tell);
  }

  #settle(listener: Listener, frame: Subscribed, told: Position | null, from: Position | null, tell: Tell): void {
    const here = listener.position;
    const isFirst = !listener.isLive;
    listener.isLive = true;
    // The server replays to a device from where that left off, which it alone knows.
    if (!here && this.name.startsWith('user:') && !from && frame.recovery === 'replay' && told) {
      listener.position = { epoch: told.epoch, offset: -1 };
      return tell(listener.key, { kind: 'subscribed', recovery: 'replay', position: null });
    }
    const goesOn = frame.recovery === 'replay' || frame.recovery === 'up_to_date';
    if (here && told && goesOn && here.epoch === told.epoch) {
      if (isFirst) tell(listener.key, { kind: 'subscribed', recovery: frame.recovery, position: here });
      return;
    }
    listener.position = told;
    const isReset = here !== null || frame.recovery === 'reset';
    const reason = isReset ? { reason: frame.reset_reason ?? 'epoch' } : {};
    tell(listener.key, { kind: 'subscribed', recovery: isReset ? 'reset' : 'fresh', position: told, ...reason });
  }

  /** A publication, or a `skipped` in the place of one. */
  step(offset: number | undefined, frame: PublicationFrame | null, tell: Tell): void {
    for (const listener of [...this.listeners]) {
      const { position } = listener;
      if (offset === undefined) {
        if (listener.isLive && frame) tell(listener.key, { kind: 'publication', frame, position: null });
        continue;
      }
      if (!position || position.epoch !== this.#epoch) continue;
      if (position.offset >= 0 && offset !== position.offset + 1) {
        if (offset > position.offset && listener.isLive && this.standing === 'in') this.isStale = true;
        continue;
      }
      listener.position = { epoch: position.epoch, offset };
      if (frame) tell(listener.key, { kind: 'publication', frame, position: listener.position });
    }
    this.#progress();
  }

  #progress(): void {
    if (!this.#cut) return;
    const isBehind = ({ position }: Listener) => position !== null && position.epoch === this.#epoch && position.offset < this.#cut;
    if (!this.listeners.some(isBehind)) this.#cut = 0;
  }

  members(frame: MembersFrame, tell: Tell): void {
    if (frame.revision > this.#revision) this.#roster(frame.revision, frame.count, frame.members, false, tell, frame.type === 'left');
  }

  #roster(revision: number, count: number, members: readonly Member[] | undefined, isWhole: boolean, tell: Tell, isGone = false): void {
    this.#revision = revision;
    if (!members) this.#members = null;
    else if (isWhole) this.#members = new Map();
    for (const member of members ?? []) {
      if (isGone) this.#members?.delete(member.user);
      else this.#members?.set(member.user, member);
    }
    this.#tellPresence(count, tell);
  }

  #tellPresence(count: number, tell: Tell): void {
    const members = this.#members && [...this.#members.values()];
    for (const { key, presence } of this.listeners) {
      if (presence) tell(key, { kind: 'presence', count, members });
    }
  }

  /** The server has ended or refused it for good: nobody listens here any more. */
  lose(error: Failure, tell: Tell): void {
    const listeners = this.listeners;
    this.listeners = [];
    this.drop();
    for (const { key } of listeners) tell(key, { kind: 'lost', error });
  }
}

/** What stands in for an error where the server only gives a close code. */
export function lossOf(code: number, reason: string): Failure {
  return failure(code === 3503 ? 'forbidden' : 'unavailable', reason);
}
