// Written from the constants of crates/protocol by its test `typescript`; do not edit. To write it again:
//
//   VECHE_WRITE=1 cargo test -p veche-protocol --test it typescript

/** The protocol's own error codes. An application brings further ones. */
export const ERROR_CODES = [
  'bad_request',
  'unauthorized',
  'forbidden',
  'not_found',
  'conflict',
  'too_large',
  'rate_limited',
  'unavailable',
  'timeout',
  'internal',
] as const;

/** Those after which the same request may succeed. */
export const RETRYABLE_CODES = [
  'rate_limited',
  'unavailable',
  'timeout',
] as const;

/** Why the server ends a connection. */
export const CLOSE_CODES = {
  normal: 1000,
  protocol_error: 1002,
  unsupported_data: 1003,
  invalid_data: 1007,
  too_large: 1009,
  shutdown: 3000,
  drain: 3001,
  token_expired: 3005,
  slow_consumer: 3008,
  heartbeat_lost: 3010,
  invalid_token: 3500,
  flood: 3501,
  kicked: 3503,
  too_many_connections: 3504,
} as const;

/** Types of frames that clients send. */
export const CLIENT_TYPES = [
  'subscribe',
  'unsubscribe',
  'message',
  'typing',
  'presence',
  'ack',
  'history',
  'auth',
  'ping',
] as const;

/** Types of frames that only the server sends. */
export const SERVER_TYPES = [
  'welcome',
  'subscribed',
  'unsubscribed',
  'joined',
  'left',
  'reply',
  'error',
  'skipped',
  'lagged',
  'expiring',
  'bye',
  'pong',
] as const;

/** Bounds that no configuration changes. */
export const LIMITS = {
  /** The most bytes of a channel's name. */
  channelBytes: 255,
  /** The most bytes of an event's name. */
  eventBytes: 128,
  /** The most bytes of an `op_id`. */
  opIdBytes: 64,
  /** The most bytes of what a member says of itself. */
  metaBytes: 1024,
  /** The most frames of a batch. */
  batch: 128,
  /** The most publications of a page of history. */
  history: 100,
  /** The most channels of one stream of events. */
  streamChannels: 16,
  /** Every offset is below this. */
  offsetEnd: 9007199254740992,
} as const;
