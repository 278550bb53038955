// When to come back: the rules for client authors of docs/protocol.md.

/** Whether a close code's range says that a new connection makes sense. */
export function reconnects(code: number): boolean {
  if (code >= 3000) return code % 1000 < 500 && code < 5000;
  // Lost, gone or restarting; the others say that this client or this page did something wrong.
  return code !== 1000 && code !== 1002 && code !== 1003 && code !== 1007 && code !== 1009;
}

/** The upper bound of the wait before the attempt that follows `failures` of them: full jitter takes a
 * random part of it. */
export function backoffSeconds(failures: number): number {
  return Math.min(20, 0.5 * 2 ** failures);
}

/** The wait of an operation in the outbox that failed this often: 1, 2, 4 … 30 s. */
export function retrySeconds(failures: number): number {
  return Math.min(30, 2 ** (failures - 1));
}
