import type { OutboxEntry, Position, Status } from '@veche/client';
import type { Frame, Recorder } from '../lib/live/recorder';

/** The connection at a moment. */
export interface Snapshot {
  status: Status;
  roundTrips: readonly number[];
  channels: { name: string; position: Position | null }[];
  outbox: readonly OutboxEntry[];
  /** The latest first. */
  frames: readonly Frame[];
}

export function snapshot(status: Status, recorder: Recorder | undefined, outbox: readonly OutboxEntry[]): Snapshot {
  const positions = new Map([...(recorder?.subscriptions ?? [])].map(({ channel, position }) => [channel, position]));
  return {
    status,
    roundTrips: recorder?.roundTrips ?? [],
    channels: [...positions].map(([name, position]) => ({ name, position })),
    outbox,
    frames: [...(recorder?.frames ?? [])].reverse(),
  };
}

/** The points of a line through the values, which fills the box; the smallest value is its floor. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  const most = Math.max(...values);
  const least = Math.min(...values);
  const step = width / Math.max(1, values.length - 1);
  const share = (value: number) => (most > least ? (value - least) / (most - least) : 0.5);
  return values.map((value, at) => `${(at * step).toFixed(1)},${((height - 4) * (1 - share(value)) + 2).toFixed(1)}`).join(' ');
}

/** Plain text for somebody who helps. What users wrote stays out of it: of the outbox only the kinds. */
export function reportOf({ status, roundTrips, channels, outbox, frames }: Snapshot, agent: string): string {
  const lines = [
    'Veche diagnostics',
    agent,
    JSON.stringify(status),
    `round trips: ${roundTrips.map(Math.round).join(' ')} ms`,
    ...channels.map(({ name, position }) => `${name} ${position ? `${position.epoch} ${position.offset}` : '-'}`),
    ...outbox.map(({ event, state, error }) => `outbox: ${event} ${state} ${error?.code ?? ''}`.trim()),
    ...frames.map(({ at, way, text }) => `${new Date(at).toISOString()} ${way} ${kindOf(text)} ${text.length}`),
  ];
  return lines.join('\n');
}

/** A frame's type, and the channel that it is about. */
function kindOf(text: string): string {
  const field = (name: string) => new RegExp(`"${name}"\\s*:\\s*"([^"]*)"`).exec(text)?.[1] ?? '';
  return `${field('type')} ${field('channel')}`.trim();
}
