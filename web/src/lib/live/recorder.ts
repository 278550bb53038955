// What the diagnostics show of the connection: its last frames, its round trips, its subscriptions.

import { browserIo, Client, type ClientOptions, type Io, type Subscription, type SubscribeOptions } from '@veche/client';

const FRAMES = 50;
const ROUND_TRIPS = 60;

export interface Frame {
  /** Milliseconds since 1970. */
  at: number;
  way: 'in' | 'out';
  text: string;
}

export class Recorder {
  frames: readonly Frame[] = [];
  roundTrips: readonly number[] = [];
  readonly subscriptions = new Set<Subscription>();

  /** The browser's sockets, with a record of what passes. */
  readonly socket: Io['socket'] = (url, protocol, events) => {
    const socket = browserIo().socket(url, protocol, {
      ...events,
      text: (text) => {
        this.#take('in', text);
        events.text(text);
      },
    });
    return {
      close: (code) => socket.close(code),
      send: (text) => {
        this.#take('out', text);
        socket.send(text);
      },
    };
  };

  roundTrip(ms: number): void {
    if (ms !== this.roundTrips.at(-1)) this.roundTrips = [...this.roundTrips, ms].slice(-ROUND_TRIPS);
  }

  #take(way: Frame['way'], text: string) {
    this.frames = [...this.frames.slice(1 - FRAMES), { at: Date.now(), way, text: withoutSecrets(text) }];
  }
}

/** A report is copied and sent to others. */
function withoutSecrets(text: string): string {
  return text.replace(/("token"\s*:\s*")[^"]*/g, '$1…');
}

/** A client whose subscriptions are known. */
export class RecordedClient extends Client {
  readonly recorder: Recorder;

  constructor(options: ClientOptions) {
    const recorder = new Recorder();
    super({ ...options, io: { socket: recorder.socket } });
    this.recorder = recorder;
  }

  override subscribe(channel: string, options?: SubscribeOptions): Subscription {
    const subscription = super.subscribe(channel, options);
    const { close } = subscription;
    this.recorder.subscriptions.add(subscription);
    subscription.close = () => {
      this.recorder.subscriptions.delete(subscription);
      close();
    };
    return subscription;
  }
}
