// From a frame to what an application is shown.

import type { Position, PublicationFrame } from './frames.js';
import type { EventMap, Publication } from './types.js';

export function deliver<Events extends EventMap>(user: string | null, frame: PublicationFrame, position: Position | null): Publication<Events> {
  const { type, channel, data, from, op_id, time_ms } = frame;
  const publication = { event: type, channel, data, position, from: from ?? null, opId: op_id ?? null, timeMs: time_ms, isOwn: from !== undefined && from.user === user };
  // Which events there are and what they carry is the server's word: its types are generated from there.
  return publication as unknown as Publication<Events>;
}
