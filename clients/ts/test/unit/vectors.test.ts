// The vectors that every implementation of the protocol is held to.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CLIENT_TYPES, LIMITS, SERVER_TYPES } from '../../src/generated/protocol.ts';
import { parseFrame } from '../../src/frames.ts';
import { Rig } from '../support/rig.ts';

interface Vectors {
  readonly client: readonly { readonly name: string; readonly text: string; readonly frames: readonly { readonly frame?: Record<string, unknown> }[] }[];
  readonly server: readonly { readonly kind: string; readonly text: string }[];
}

const vectors = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../../../protocol-vectors/frames.json'), 'utf8')) as Vectors;

test('each frame of the server is read as what it is', () => {
  for (const { kind, text } of vectors.server) {
    const { kind: read, ...frame } = parseFrame(text)!;
    expect(read, text).toBe(kind);
    expect(frame).toEqual(JSON.parse(text));
  }
});

test('the order of fields means nothing, and what is not known is passed over', () => {
  for (const { kind, text } of vectors.server) {
    const frame = JSON.parse(text) as Record<string, unknown>;
    const turned = Object.fromEntries([['later', { version: 2 }], ...Object.entries(frame).reverse()]);
    expect(parseFrame(JSON.stringify(turned))?.kind, text).toBe(kind);
  }
  for (const text of ['', 'null', '7', '[]', '{}', '{"type":7}', '{"type":"novelty"}', '{"type":"novelty","channel":"a"}', '{"type":"novelty","channel":7,"time_ms":1,"data":1}']) {
    expect(parseFrame(text), text).toBeNull();
  }
});

test('every frame of the server\'s own has a kind, and no kind is missing', () => {
  const kinds = new Set(SERVER_TYPES.map((type) => parseFrame(JSON.stringify({ type, channel: 'a', time_ms: 1, data: 1 }))?.kind));
  expect(kinds).not.toContain('publication');
  expect(kinds).not.toContain(undefined);
});

/** What the client says of a frame that the vectors describe. */
function encoded(frame: Record<string, unknown>): Record<string, unknown> | null {
  const rig = new Rig();
  rig.up().sent();
  const { type, id: _id, channel, since, presence, ...rest } = frame as { type: string; id?: unknown; channel?: string; since?: never; presence?: boolean };
  if (type === 'subscribe' && channel !== undefined) rig.input({ is: 'subscribe', key: 1, channel, since: since ?? null, presence: presence ?? false });
  else if (type === 'unsubscribe') rig.input({ is: 'subscribe', key: 1, channel: channel!, since: null, presence: false }).says({ type: 'subscribed', id: 1, channel, recovery: 'fresh' }).input({ is: 'unsubscribe', key: 1 });
  else if (type === 'typing' || type === 'presence') rig.input({ is: 'cast', frame: { type, ...(channel !== undefined && { channel }), ...rest } });
  else if (type === 'message' || type === 'history' || !(CLIENT_TYPES as readonly string[]).includes(type)) rig.input({ is: 'request', key: 'r', frame: { type, ...(channel !== undefined && { channel }), ...rest }, timeoutMs: 1000 });
  else return null;
  return rig.sent().at(-1) as Record<string, unknown>;
}

test('what the client encodes is what the server reads', () => {
  // The defaults that the server fills in, and this client leaves out.
  const filled: Readonly<Record<string, unknown>> = { presence: false, echo: true };
  let count = 0;
  for (const { frames } of vectors.client) {
    for (const { frame } of frames) {
      const sent = frame && encoded(frame);
      if (!frame || !sent) continue;
      const { id: _id, ...read } = { ...filled, ...sent };
      const { id: _sent, ...due } = { ...filled, ...frame };
      expect(read).toEqual(due);
      count++;
    }
  }
  expect(count).toBeGreaterThan(25);
});

test('a batch of the client is no larger than the server takes', () => {
  expect(LIMITS.batch).toBe(128);
  expect(LIMITS.streamChannels).toBe(16);
});
