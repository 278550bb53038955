// The frames of the native protocol (docs/protocol.md), as a client reads them.

import type { Failure } from './errors.js';

/** A place in a channel with positions. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** A member of a channel with presence. */
export interface Member {
  readonly user: string;
  readonly sessions: number;
  readonly state: PresenceState;
  readonly meta?: unknown;
}

export type PresenceState = 'active' | 'idle' | 'dnd' | 'invisible';
export type Recovery = 'fresh' | 'up_to_date' | 'replay' | 'reset';
export type ResetReason = 'epoch' | 'ahead' | 'trimmed' | 'too_far' | (string & {});

/** `id` as this client makes it. */
export type FrameId = number | string;

interface Roster {
  readonly revision?: number;
  readonly count?: number;
  readonly members?: readonly Member[];
}

export interface Welcome {
  readonly kind: 'welcome';
  readonly session: string;
  readonly user: string;
  readonly node: string;
  readonly protocol: number;
  readonly ping_interval_ms: number;
  readonly limits: Readonly<Record<string, number>>;
  readonly time_ms: number;
  /** The build of the web bundle that the server serves, where it serves one. */
  readonly build?: string;
}

export interface Subscribed extends Roster {
  readonly kind: 'subscribed';
  readonly id?: FrameId;
  readonly channel: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly recovery: Recovery;
  readonly reset_reason?: ResetReason;
}

export interface PublicationFrame {
  readonly kind: 'publication';
  /** The event's name. */
  readonly type: string;
  readonly channel: string;
  readonly offset?: number;
  readonly from?: { readonly user: string; readonly session: string };
  readonly op_id?: string;
  readonly time_ms: number;
  readonly data: unknown;
}

export interface MembersFrame extends Roster {
  readonly kind: 'members';
  readonly type: 'joined' | 'left' | 'presence';
  readonly channel: string;
  readonly revision: number;
  readonly count: number;
}

export interface ReplyFrame {
  readonly kind: 'reply';
  readonly id: FrameId;
  readonly data?: unknown;
  readonly position?: Position;
  readonly class?: string;
  readonly duplicate?: boolean;
}

/** Every frame that a server of this protocol sends. */
export type ServerFrame =
  | Welcome
  | Subscribed
  | { readonly kind: 'unsubscribed'; readonly id?: FrameId; readonly channel: string; readonly code: number; readonly reason: string }
  | PublicationFrame
  | MembersFrame
  | { readonly kind: 'typing'; readonly channel: string; readonly user: string; readonly active: boolean }
  | ReplyFrame
  | { readonly kind: 'error'; readonly id?: FrameId; readonly error: Failure }
  | { readonly kind: 'skipped'; readonly channel: string; readonly offset: number }
  | { readonly kind: 'lagged'; readonly channel: string; readonly dropped?: number; readonly since?: Position }
  | { readonly kind: 'expiring' }
  | { readonly kind: 'bye'; readonly reason: string; readonly retry_after_ms: number }
  | { readonly kind: 'pong'; readonly ts?: number | string; readonly time_ms: number };

const OWN_KINDS =
  /^(welcome|subscribed|unsubscribed|typing|reply|error|skipped|lagged|expiring|bye|pong)$/;
const MEMBERS = /^(joined|left|presence)$/;

/** Reads a text message; `null` for what this version does not know, which a client has to ignore. */
export function parseFrame(text: string): ServerFrame | null {
  let frame: Record<string, unknown>;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  const type = frame?.type;
  if (typeof type !== 'string') return null;
  if (OWN_KINDS.test(type)) return { ...frame, kind: type } as unknown as ServerFrame;
  if (typeof frame.channel !== 'string') return null;
  if (MEMBERS.test(type)) return { ...frame, kind: 'members' } as unknown as ServerFrame;
  const isPublication = 'time_ms' in frame && 'data' in frame;
  return isPublication ? ({ ...frame, kind: 'publication' } as unknown as ServerFrame) : null;
}

/** A frame that this client sends. */
export interface ClientFrame {
  readonly type: string;
  readonly channel?: string;
  readonly data?: unknown;
  readonly op_id?: string;
  readonly [field: string]: unknown;
}

/** The bytes that a text has in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
