// What goes into the machine and what comes out of it.

import type { ClientFrame, Position, PresenceState } from '../frames.js';
import type { ChannelEvent } from './channel.js';
import type { OutboxEffect, OutboxEntry } from './outbox.js';
import type { Outcome } from './requests.js';

export type Transport = 'websocket' | 'sse';

/** An event for the machine. `link` numbers connections: what an earlier one still says is ignored. */
export type Input =
  // The application's wishes.
  | { readonly is: 'connect' }
  | { readonly is: 'close' }
  | { readonly is: 'retry' }
  | { readonly is: 'subscribe'; readonly key: number; readonly channel: string; readonly since: Position | null; readonly presence: boolean }
  | { readonly is: 'unsubscribe'; readonly key: number }
  | { readonly is: 'resume'; readonly key: number; readonly position: Position }
  | { readonly is: 'present'; readonly key: number; readonly state: PresenceState; readonly meta: unknown }
  | { readonly is: 'request'; readonly key: string; readonly frame: ClientFrame; readonly timeoutMs: number }
  | { readonly is: 'cast'; readonly frame: ClientFrame }
  // The outbox.
  | { readonly is: 'write'; readonly entry: OutboxEntry }
  | { readonly is: 'stored'; readonly key: string; readonly isKept: boolean }
  | { readonly is: 'loaded'; readonly entries: readonly OutboxEntry[] }
  | { readonly is: 'gone'; readonly key: string }
  | { readonly is: 'lead'; readonly leads: boolean }
  | { readonly is: 'retry-entry'; readonly opId: string }
  | { readonly is: 'discard'; readonly opId: string }
  // The link.
  | { readonly is: 'token'; readonly ask: number; readonly token: string | null }
  | { readonly is: 'no-token'; readonly ask: number }
  | { readonly is: 'opened'; readonly link: number }
  | { readonly is: 'text'; readonly link: number; readonly text: string }
  | { readonly is: 'closed'; readonly link: number; readonly code: number; readonly reason: string }
  | { readonly is: 'probed'; readonly ok: boolean }
  // The world.
  | { readonly is: 'tick' }
  | { readonly is: 'network'; readonly online: boolean }
  | { readonly is: 'visible'; readonly visible: boolean }
  | { readonly is: 'wake' };

/** What the shell is to do. */
export type Effect =
  | { readonly do: 'token'; readonly ask: number }
  | { readonly do: 'open'; readonly link: number; readonly transport: Transport; readonly url: string; readonly token: string | null }
  | { readonly do: 'send'; readonly link: number; readonly text: string }
  | { readonly do: 'close'; readonly link: number; readonly code: number }
  | { readonly do: 'probe'; readonly url: string }
  | { readonly do: 'tell'; readonly key: number; readonly event: ChannelEvent }
  | { readonly do: 'done'; readonly key: string; readonly outcome: Outcome }
  | { readonly do: 'status' }
  | { readonly do: 'outbox' }
  | OutboxEffect;

/** Where the connection stands. */
export type Phase =
  | { readonly is: 'idle' }
  | { readonly is: 'waiting'; readonly until: number }
  | { readonly is: 'hidden' }
  | { readonly is: 'token'; readonly ask: number; readonly until: number }
  | { readonly is: 'opening'; readonly link: number; readonly until: number }
  /** Open, and not yet welcomed. */
  | { readonly is: 'greeting'; readonly link: number; readonly until: number }
  | { readonly is: 'live'; readonly link: number; readonly since: number; readonly isRestored: boolean }
  | { readonly is: 'auth-expired' }
  | { readonly is: 'outdated' }
  | { readonly is: 'refused' };
