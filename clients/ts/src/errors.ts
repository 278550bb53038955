// Why something failed: what the server said, or the client itself.

import type { ERROR_CODES } from './generated/protocol.js';

/** The protocol's own codes, and those that the client adds for what never reached the server. */
export type KnownCode = (typeof ERROR_CODES)[number] | 'outbox_full' | 'superseded' | 'discarded' | 'closed';

/** An error as it stands in a frame. */
export interface Failure {
  /** A word: one of the protocol's, or an application's own. */
  readonly code: string;
  /** For the developer; its text may change. */
  readonly message: string;
  /** The field that is to blame, if one is. */
  readonly field?: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** When, in milliseconds. */
  readonly retry_after_ms?: number;
}

/** A call, a publication or a subscription failed. */
export class VecheError extends Error {
  override readonly name = 'VecheError';
  readonly code: KnownCode | (string & {});
  readonly field: string | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(failure: Failure) {
    super(failure.message);
    this.code = failure.code;
    this.field = failure.field;
    this.retryable = failure.retryable;
    this.retryAfterMs = failure.retry_after_ms;
  }
}

/** A failure of the client's own making. */
export function failure(code: KnownCode, message: string, retryable = false): Failure {
  return { code, message, retryable };
}

/** What a failure looks like whose server did not say. */
export function toFailure(value: unknown): Failure {
  const { code, message, field, retryable, retry_after_ms } = (value ?? {}) as Partial<Failure>;
  return {
    code: typeof code === 'string' ? code : 'internal',
    message: typeof message === 'string' ? message : '',
    ...(typeof field === 'string' && { field }),
    retryable: retryable === true,
    ...(typeof retry_after_ms === 'number' && { retry_after_ms }),
  };
}
