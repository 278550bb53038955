// From the link's phase to what people are shown.

import type { State, Status } from '../status.js';
import type { Link } from './link.js';

/** A round trip above which the connection counts as bad, in milliseconds. */
const SLOW = 1000;

export function statusOf(link: Link, progress: { done: number; total: number } | null): Status {
  const { phase } = link;
  const state = stateOf(link);
  const isLive = phase.is === 'live';
  return {
    state,
    transport: isLive ? link.transport : null,
    user: link.user,
    node: isLive ? link.node : null,
    rttMs: isLive ? link.beat.rttMs : null,
    clockOffsetMs: link.beat.clockOffsetMs,
    ...(phase.is === 'waiting' && { retryAtMs: phase.until }),
    ...(state === 'catching-up' && progress && { progress }),
    ...(link.reason && state !== 'online' && { reason: link.reason }),
  };
}

function stateOf(link: Link): State {
  const { phase } = link;
  switch (phase.is) {
    case 'idle':
    case 'refused':
      return 'closed';
    case 'auth-expired':
      return 'auth-expired';
    case 'outdated':
      return 'update-required';
    case 'token':
    case 'opening':
    case 'greeting':
    case 'waiting':
    case 'hidden':
      if (link.isOffline) return 'offline';
      return link.wasLive || link.retry.failures > 0 ? 'reconnecting' : 'connecting';
    case 'live':
      if (!phase.isRestored) return 'catching-up';
      if (link.isOutdated) return 'update-required';
      return link.transport === 'sse' || (link.beat.rttMs ?? 0) > SLOW ? 'degraded' : 'online';
    default:
      return phase satisfies never;
  }
}
