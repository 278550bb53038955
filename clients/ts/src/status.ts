// What an indicator shows of the connection.

/** The connection's state in one word; the words of the indicator. */
export type State =
  | 'connecting'
  | 'catching-up'
  | 'online'
  | 'degraded'
  | 'reconnecting'
  | 'offline'
  | 'auth-expired'
  | 'update-required'
  | 'closed';

/** An immutable picture of the connection; a new object on each change. */
export interface Status {
  readonly state: State;
  readonly transport: 'websocket' | 'sse' | null;
  /** Who the server says is here: a user's id, or `guest:…`. `null` before the first welcome. */
  readonly user: string | null;
  /** The node that serves the connection. */
  readonly node: string | null;
  /** The last round trip, in milliseconds. */
  readonly rttMs: number | null;
  /** The server's wall clock minus this one's, in milliseconds. */
  readonly clockOffsetMs: number | null;
  /** When the next attempt is made, in milliseconds since 1970. */
  readonly retryAtMs?: number;
  /** Channels that are up to date, while the connection catches up. */
  readonly progress?: { readonly done: number; readonly total: number };
  /** Why the last connection ended, in the server's word or the client's own. */
  readonly reason?: string;
}
