// The client for React.

import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type DependencyList } from 'react';
import { Client } from './client.js';
import type { VecheError } from './errors.js';
import type { Member, Position } from './frames.js';
import type { OutboxEntry } from './machine/outbox.js';
import type { Replica } from './replica.js';
import { SobranieRealtimeClient, type SobranieHandlers, type SobranieOptions } from './sobranie.js';
import type { Status } from './status.js';
import type { AnyCalls, AnyEvents, CallMap, ClientOptions, EventMap, Publication, SubscribedEvent } from './types.js';

/** A client that is connected while the component is there. Another one is made when `deps` change. */
export function useClient<Calls extends CallMap = AnyCalls, Events extends EventMap = AnyEvents>(
  options: ClientOptions, deps: DependencyList = [],
): Client<Calls, Events> {
  // The options are read when the client is made, as the effects of React's own hooks are.
  const client = useMemo(() => new Client<Calls, Events>(options), deps);
  useEffect(() => {
    client.connect();
    return () => client.close();
  }, [client]);
  return client;
}

/** How the connection stands. */
export function useStatus(client: Pick<Client<CallMap, AnyEvents>, 'status' | 'onStatus'>): Status {
  const { subscribe, read } = useMemo(() => ({ subscribe: (changed: () => void) => client.onStatus(changed), read: () => client.status }), [client]);
  return useSyncExternalStore(subscribe, read, read);
}

/** What waits to be saved. */
export function useOutbox(client: Pick<Client<CallMap, AnyEvents>, 'outbox'>): readonly OutboxEntry[] {
  const { subscribe, read } = useMemo(() => ({ subscribe: (changed: () => void) => client.outbox.onChange(changed), read: () => client.outbox.entries }), [client]);
  return useSyncExternalStore(subscribe, read, read);
}

/** What a replica shows. */
export function useReplica<State, Events extends EventMap>(replica: Replica<State, Events>): State {
  const { subscribe, read } = useMemo(() => ({ subscribe: (changed: () => void) => replica.onChange(changed), read: () => replica.visible }), [replica]);
  return useSyncExternalStore(subscribe, read, read);
}

export interface ChannelState<Events extends EventMap> {
  /** The latest publications, the oldest first. */
  readonly publications: readonly Publication<Events>[];
  /** Whether the subscription stands. */
  readonly isSubscribed: boolean;
  /** The last answer to the subscription; a `reset` says that what was shown before is stale. */
  readonly subscribed: SubscribedEvent | null;
  readonly members: readonly Member[] | null;
  /** Why it was refused or taken away. */
  readonly error: VecheError | null;
}

export interface ChannelOptions {
  /** The position to begin after; without it, from now on. */
  readonly since?: Position | null;
  readonly presence?: boolean;
  /** How many publications are kept: 100. */
  readonly limit?: number;
}

/** Follows a channel while the component is there. */
export function useChannel<Events extends EventMap = AnyEvents>(
  client: Pick<Client<AnyCalls, Events>, 'subscribe'>, channel: string, { since = null, presence = false, limit = 100 }: ChannelOptions = {},
): ChannelState<Events> {
  const [state, setState] = useState<ChannelState<Events>>(nothing<Events>);
  const from = useRef(since);
  useEffect(() => {
    const change = (next: Partial<ChannelState<Events>>) => setState((state) => ({ ...state, ...next }));
    setState(nothing<Events>);
    const subscription = client.subscribe(channel, {
      since: from.current,
      presence,
      onPublication: (it) => setState((state) => ({ ...state, publications: [...state.publications, it].slice(-limit) })),
      onSubscribed: (subscribed) => change({ subscribed, isSubscribed: true }),
      onReset: (subscribed) => change({ subscribed, isSubscribed: true, publications: [] }),
      onPresence: ({ members }) => change({ members }),
      onLost: (error) => change({ error, isSubscribed: false }),
    });
    return () => subscription.close();
  }, [client, channel, presence, limit]);
  return state;
}

function nothing<Events extends EventMap>(): ChannelState<Events> {
  return { publications: [], isSubscribed: false, subscribed: null, members: null, error: null };
}

/** A Sobranie client that is connected while the component is there; another token makes another one. */
export function useRealtime(token: string, options: Omit<SobranieOptions, 'token'>, handlers: Partial<SobranieHandlers> = {}): SobranieRealtimeClient {
  const { apiUrl, wsUrl } = options;
  const latest = useRef(handlers);
  latest.current = handlers;
  const client = useMemo(() => {
    const made = new SobranieRealtimeClient({ ...options, token });
    return made
      .on('onConnect', () => latest.current.onConnect?.())
      .on('onDisconnect', (reason) => latest.current.onDisconnect?.(reason))
      .on('onNotification', (notification) => latest.current.onNotification?.(notification))
      .on('onMessage', (...args) => latest.current.onMessage?.(...args))
      .on('onEvent', (...args) => latest.current.onEvent?.(...args))
      .on('onError', (error) => latest.current.onError?.(error));
  }, [token, apiUrl, wsUrl]);
  useEffect(() => {
    client.connect();
    return () => client.disconnect();
  }, [client]);
  return client;
}
