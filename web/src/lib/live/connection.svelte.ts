// The one client of a page, and its status as components see it. In the browser only; on the server there is no status.

import type { AnyCalls, AnyEvents, CallMap, Client, EventMap, Status } from '@veche/client';
import type { Boot } from '../../app/boot';
import { Grace, type ShownState } from './grace';
import { RecordedClient, type Recorder } from './recorder';

const CONNECTING: Status = {
  state: 'connecting',
  transport: null,
  user: null,
  node: null,
  rttMs: null,
  clockOffsetMs: null,
};

let own: RecordedClient | undefined;
let status = $state.raw<Status>(CONNECTING);
let shown = $state.raw<ShownState>(null);

/** The page's client, as a part knows its calls and events; for effects and handlers. */
export function client<Calls extends CallMap = AnyCalls, Events extends EventMap = AnyEvents>(): Client<Calls, Events> {
  if (!own) throw new Error('the client is there after hydration');
  return own as unknown as Client<Calls, Events>;
}

/** For the diagnostics. */
export function recorder(): Recorder | undefined {
  return own?.recorder;
}

export const connection = {
  /** As it is. */
  get status(): Status {
    return status;
  },
  /** As the indicator shows it: `null` for the first 800 ms, and a short interruption not at all. */
  get shown(): ShownState {
    return shown;
  },
  /** Whether what is written can be sent now; otherwise it waits in the outbox. */
  get isLive(): boolean {
    return status.state === 'online' || status.state === 'degraded';
  },
};

/** Makes and connects the page's client; to be called once, after hydration. */
export function startConnection(boot: Boot): Client {
  const page = new RecordedClient({ urls: origins(boot), build: boot.build, user: boot.user?.id ?? null });
  own = page;
  const grace = new Grace((state) => (shown = state));
  let wasOnline = false;
  const take = () => {
    status = page.status;
    grace.take(status.state);
    if (status.rttMs !== null) page.recorder.roundTrip(status.rttMs);
    if (status.state !== 'online' || wasOnline) return;
    wasOnline = true;
    console.info('✅ WebSocket connected');
  };
  page.onStatus(take);
  if (hasDoor(boot)) page.connect();
  take();
  return page;
}

/** Whether there is a connection for this reader: where guests have no door, theirs would be closed after ten seconds. */
export function hasDoor(boot: Boot): boolean {
  return boot.user !== null || boot.demo;
}

/** The page's own origin; `?port=N` names another instance on the page's own host. */
function origins({ wsPort }: Boot): string {
  return wsPort ? `${location.protocol}//${location.hostname}:${wsPort}` : '';
}
