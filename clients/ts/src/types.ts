// What applications say in types about their own calls and events.

import type { Position, PresenceState, Recovery, ResetReason, Member } from './frames.js';
import type { VecheError } from './errors.js';
import type { OutboxStore } from './store/store.js';
import type { Io } from './io.js';

/** The calls of an application: of each name what it takes and what it answers. */
export type CallMap = { readonly [event: string]: { readonly data: unknown; readonly reply: unknown } };
/** The events of an application: of each name what it carries. */
export type EventMap = { readonly [event: string]: unknown };
export type AnyCalls = { readonly [event: string]: { readonly data: unknown; readonly reply: unknown } };
export type AnyEvents = { readonly [event: string]: unknown };

/** A publication of a channel: one of the application's events, or a `message`. */
export type Publication<Events extends EventMap = AnyEvents> = {
  [Event in keyof Events & string]: {
    readonly event: Event;
    readonly channel: string;
    readonly data: Events[Event];
    /** Its place; `null` on a channel without positions. */
    readonly position: Position | null;
    /** Who published, if a session did. */
    readonly from: { readonly user: string; readonly session: string } | null;
    /** The publisher's name for this act, if it gave one. */
    readonly opId: string | null;
    /** When the server took it, in milliseconds since 1970 by its clock. */
    readonly timeMs: number;
    /** Whether the user of this client published it. */
    readonly isOwn: boolean;
  };
}[keyof Events & string];

/** How a subscription begins or goes on. */
export interface SubscribedEvent {
  readonly recovery: Recovery;
  readonly position: Position | null;
  /** Why it is a `reset`. */
  readonly reason?: ResetReason;
}

export interface SubscribeOptions<Events extends EventMap = AnyEvents> {
  /** The position of what the application already shows: what follows it is delivered. */
  readonly since?: Position | null;
  /** Ask for the members and their changes. */
  readonly presence?: boolean;
  onPublication?(publication: Publication<Events>): void;
  /** The subscription stands, or stands again after a lost connection. */
  onSubscribed?(event: SubscribedEvent): void;
  /** What is shown of this channel is stale: load it anew, then `resume` from the snapshot's position. */
  onReset?(event: SubscribedEvent): void;
  /** Who is here; `members` is `null` where the channel has too many to list. */
  onPresence?(event: { readonly count: number; readonly members: readonly Member[] | null }): void;
  onTyping?(event: { readonly user: string; readonly active: boolean }): void;
  /** On a channel without positions: this client was too slow, and so many publications were dropped. */
  onLagged?(event: { readonly dropped: number }): void;
  /** The subscription was refused or taken away, for good. */
  onLost?(error: VecheError): void;
}

export interface Subscription {
  readonly channel: string;
  /** Up to where everything of the channel has come; `null` before the first answer, and without positions. */
  readonly position: Position | null;
  /** Says what the members of the channel are shown of this client. It is said again after a reconnect. */
  setPresence(state: PresenceState, meta?: unknown): void;
  /** Goes on from the position of a snapshot that was loaded. */
  resume(position: Position): void;
  close(): void;
}

export interface CallOptions {
  readonly channel?: string;
  /** The caller's own name for this act: with it a resend is applied once. */
  readonly opId?: string;
  /** Keep it in the outbox until the server has it, across lost connections and reloads. */
  readonly queue?: boolean;
  /** The `opId` of an entry of the outbox that this one takes the place of, unless that is on its way. */
  readonly supersedes?: string;
  /** How long to wait for the answer, in milliseconds (15,000); of no meaning with `queue`. */
  readonly timeoutMs?: number;
}

export interface Reply<Data = unknown> {
  readonly data: Data;
  /** Where the publication stands that a `message` became. */
  readonly position?: Position;
  /** What the position's class promises: `ephemeral`, `memory` or `durable`. */
  readonly class?: string;
  /** The `opId` was known: this is the answer to its first use. */
  readonly duplicate?: boolean;
}

export interface ClientOptions {
  /** Origins of servers, the next tried after a failure; `''` is the page's own. */
  readonly urls?: string | readonly string[];
  /** The token to show; asked on each connection and before it expires. `null`: a cookie, or a guest. */
  readonly token?: () => Promise<string | null>;
  /** Who is signed in, as the page knows it: whose outbox is shown before the first connection. */
  readonly user?: string | null;
  /** This device's name, 1 to 64 of `[A-Za-z0-9_-]`; by default one that the browser keeps. */
  readonly device?: string;
  /** Where the outbox is kept; by default IndexedDB, or memory where there is none. */
  readonly outbox?: OutboxStore;
  /** The build of the page, to notice that the server serves a newer one. */
  readonly build?: string;
  /** Parts of the world to use instead of the browser's. */
  readonly io?: Partial<Io>;
}
