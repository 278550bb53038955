import type { Status } from '@veche/client';
import { expect, test } from 'vitest';
import { reportOf, sparkline, type Snapshot } from '../src/shell/diagnostics';

const status: Status = { state: 'online', transport: 'websocket', user: 'anya', node: 'n1', rttMs: 12, clockOffsetMs: 3 };
const seen: Snapshot = {
  status,
  roundTrips: [10.4, 12],
  channels: [
    { name: 'board:b', position: { epoch: 'e1', offset: 7 } },
    { name: 'chat', position: null },
  ],
  outbox: [
    {
      key: '1',
      opId: '1',
      event: 'card.change',
      channel: 'board:b',
      data: { title: 'my secret plan' },
      bytes: 1,
      createdMs: 1,
      user: 'anya',
      state: 'pending',
      failures: 0,
    },
  ],
  frames: [{ at: 0, way: 'in', text: '{"type":"card.changed","channel":"board:b","data":{"title":"my secret plan"}}' }],
};

test('a report says what happened, and nothing of what people wrote', () => {
  const report = reportOf(seen, 'Chromium');
  for (const part of ['"state":"online"', '10 12 ms', 'board:b e1 7', 'chat -', 'outbox: card.change pending', 'in card.changed board:b']) {
    expect(report).toContain(part);
  }
  expect(report).not.toContain('secret');
});

test.each<[number[], string]>([
  [[], ''],
  [[5], '0.0,12.0'],
  [[5, 5], '0.0,12.0 120.0,12.0'],
  [[0, 10, 5], '0.0,22.0 60.0,2.0 120.0,12.0'],
])('round trips %j are the line %s', (values, points) => {
  expect(sparkline(values, 120, 24)).toBe(points);
});
