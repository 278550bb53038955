// From what the machine tells to what an application is shown.

import { VecheError } from './errors.js';
import type { Position, PublicationFrame } from './frames.js';
import type { ChannelEvent } from './machine/channel.js';
import type { EventMap, Publication, SubscribeOptions } from './types.js';

export function deliver<Events extends EventMap>(user: string | null, frame: PublicationFrame, position: Position | null): Publication<Events> {
  const { type, channel, data, from, op_id, time_ms } = frame;
  const publication = { event: type, channel, data, position, from: from ?? null, opId: op_id ?? null, timeMs: time_ms, isOwn: from !== undefined && from.user === user };
  // Which events there are and what they carry is the server's word: its types are generated from there.
  return publication as unknown as Publication<Events>;
}

export function tell<Events extends EventMap>(listener: SubscribeOptions<Events>, event: ChannelEvent, user: string | null): void {
  switch (event.kind) {
    case 'publication':
      return listener.onPublication?.(deliver<Events>(user, event.frame, event.position));
    case 'subscribed': {
      const { kind: _kind, ...told } = event;
      return told.recovery === 'reset' ? listener.onReset?.(told) : listener.onSubscribed?.(told);
    }
    case 'presence':
      return listener.onPresence?.(event);
    case 'typing':
      return listener.onTyping?.(event);
    case 'lagged':
      return listener.onLagged?.(event);
    case 'lost':
      return listener.onLost?.(new VecheError(event.error));
  }
}
