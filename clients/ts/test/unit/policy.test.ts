import { expect, test } from 'vitest';
import { CLOSE_CODES } from '../../src/generated/protocol.ts';
import { backoffSeconds, reconnects, retrySeconds } from '../../src/machine/policy.ts';
import { Ids } from '../../src/uuid.ts';

test('the range of a close code says whether to come back', () => {
  const back = [1001, 1005, 1006, 1011, 1012, 3000, 3001, 3005, 3008, 3010, 3499, 4000, 4499];
  const never = [1000, 1002, 1003, 1007, 1009, 3500, 3501, 3503, 3504, 3999, 4500, 4999, 5000];
  expect(back.filter((code) => !reconnects(code))).toEqual([]);
  expect(never.filter(reconnects)).toEqual([]);
  const ours = Object.entries(CLOSE_CODES).filter(([, code]) => reconnects(code)).map(([name]) => name);
  expect(ours).toEqual(['shutdown', 'drain', 'token_expired', 'slow_consumer', 'heartbeat_lost']);
});

test('waits double up to their bounds', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 60].map(backoffSeconds)).toEqual([0.5, 1, 2, 4, 8, 16, 20, 20]);
  expect([1, 2, 3, 4, 5, 6, 60].map(retrySeconds)).toEqual([1, 2, 4, 8, 16, 30, 30]);
});

test('ids are of version 7 and only grow, even if the clock goes back', () => {
  const ids = new Ids();
  const fill = (bytes: Uint8Array) => void bytes.fill(0xff);
  const made = [...Array.from({ length: 5000 }, () => ids.next(1_700_000_000_000, fill)), ids.next(1_600_000_000_000, fill), ids.next(1_700_000_000_900, fill)];
  expect(made.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true);
  expect([...made].sort()).toEqual(made);
  expect(new Set(made.map((id) => id.slice(0, 18))).size).toBe(made.length);
});
