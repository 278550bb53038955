// Written by `crates/protocol/tests/it/typescript.rs` from the Rust constants; do not edit.
// VECHE_WRITE=1 cargo test -p veche-protocol --test it typescript

/** The words of an error that the protocol itself has. An application brings further ones. */
export const ERROR_CODES = [
  'bad_request', 'unauthorized', 'forbidden', 'not_found', 'conflict', 'too_large', 'rate_limited',
  'unavailable', 'timeout', 'internal',
] as const;
