// The client by the names that Sobranie's pages use: a thin layer over `Client`.

import { Client } from './client.js';
import { VecheError } from './errors.js';
import { memoryOutbox } from './store/store.js';
import type { Member, PresenceState } from './frames.js';
import type { AnyEvents, ClientOptions, Publication, Reply, Subscription } from './types.js';

export interface SobranieOptions {
  /** Where requests go; tried for the connection too, if `wsUrl` does not answer. */
  readonly apiUrl: string;
  /** Where the WebSocket is: `ws://host`, `wss://host`, also with the path. */
  readonly wsUrl: string;
  readonly token: string;
  /** Further options of the client. */
  readonly client?: Omit<ClientOptions, 'urls' | 'token'>;
}

/** What one can listen to. */
export interface SobranieHandlers {
  /** The connection is up, and everything that was subscribed to is up to date. */
  onConnect(): void;
  /** It is lost; it comes back by itself, unless `reason` says that the sign-in is over. */
  onDisconnect(reason: string): void;
  /** A notification of the user. */
  onNotification(notification: unknown): void;
  /** A `message` of a channel that was subscribed to. */
  onMessage(channel: string, message: unknown, publication: Publication): void;
  /** Any other event of such a channel, or of the user. */
  onEvent(channel: string, event: string, data: unknown): void;
  onTyping(channel: string, user: string, isActive: boolean): void;
  onPresence(channel: string, members: readonly Member[] | null, count: number): void;
  /** What is shown of a channel is stale and has to be loaded anew. */
  onReset(channel: string): void;
  onError(error: VecheError): void;
}

type Handlers = { [Name in keyof SobranieHandlers]?: Set<SobranieHandlers[Name]> };

/**
 * ```ts
 * const client = new SobranieRealtimeClient({ apiUrl, wsUrl, token });
 * client.on('onConnect', () => {}).on('onMessage', (channel, message) => {});
 * client.connect();
 * client.subscribe('circle:7');
 * ```
 */
export class SobranieRealtimeClient {
  /** The client beneath, for whatever has no name here. */
  readonly client: Client;
  readonly #handlers: Handlers = {};
  readonly #subscriptions = new Map<string, Subscription>();
  #own: Subscription | null = null;
  #isUp = false;

  constructor({ apiUrl, wsUrl, token, client }: SobranieOptions) {
    this.client = new Client({ outbox: memoryOutbox(), ...client, urls: [wsUrl, apiUrl], token: async () => token });
    this.client.onStatus(({ state, reason }) => {
      const isUp = state === 'online' || state === 'degraded';
      if (isUp === this.#isUp || state === 'catching-up') return;
      this.#isUp = isUp;
      if (isUp) this.#emit('onConnect');
      else this.#emit('onDisconnect', reason ?? state);
    });
  }

  on<Name extends keyof SobranieHandlers>(name: Name, handler: SobranieHandlers[Name]): this {
    this.#of(name).add(handler);
    return this;
  }

  off<Name extends keyof SobranieHandlers>(name: Name, handler: SobranieHandlers[Name]): this {
    this.#of(name).delete(handler);
    return this;
  }

  get isConnected(): boolean {
    return this.#isUp;
  }

  connect(): void {
    this.#own ??= this.client.own({ onPublication: (publication) => this.#personal(publication), onLost: (error) => this.#emit('onError', error) });
    this.client.connect();
  }

  disconnect(): void {
    this.client.close();
    this.#own?.close();
    this.#own = null;
  }

  /** Follows a channel, with its members and who types there. Again changes nothing. */
  subscribe(channel: string): this {
    if (this.#subscriptions.has(channel)) return this;
    const subscription = this.client.subscribe(channel, {
      presence: true,
      onPublication: (publication) => this.#publication(publication),
      onTyping: ({ user, active }) => this.#emit('onTyping', channel, user, active),
      onPresence: ({ members, count }) => this.#emit('onPresence', channel, members, count),
      onReset: () => this.#emit('onReset', channel),
      onLost: (error) => {
        this.#subscriptions.delete(channel);
        this.#emit('onError', error);
      },
    });
    this.#subscriptions.set(channel, subscription);
    return this;
  }

  unsubscribe(channel: string): this {
    this.#subscriptions.get(channel)?.close();
    this.#subscriptions.delete(channel);
    return this;
  }

  /** Publishes a message. It is kept and sent again until the server has it, or says no. */
  sendMessage(channel: string, message: unknown): Promise<Reply> {
    return this.client.publish(channel, message, { queue: true });
  }

  sendTyping(channel: string, isActive = true): void {
    this.client.typing(channel, isActive);
  }

  setPresence(channel: string, state: PresenceState, meta?: unknown): void {
    this.#subscriptions.get(channel)?.setPresence(state, meta);
  }

  #personal(publication: Publication<AnyEvents>): void {
    if (publication.event === 'notification') this.#emit('onNotification', publication.data);
    else this.#publication(publication);
  }

  #publication(publication: Publication<AnyEvents>): void {
    const { event, channel, data } = publication;
    if (event === 'message') this.#emit('onMessage', channel, data, publication);
    else this.#emit('onEvent', channel, event, data);
  }

  #emit<Name extends keyof SobranieHandlers>(name: Name, ...args: Parameters<SobranieHandlers[Name]>): void {
    for (const handler of [...this.#of(name)]) (handler as (...args: Parameters<SobranieHandlers[Name]>) => void)(...args);
  }

  #of<Name extends keyof SobranieHandlers>(name: Name): Set<SobranieHandlers[Name]> {
    const handlers: { [Key in Name]?: Set<SobranieHandlers[Key]> } = this.#handlers;
    return (handlers[name] ??= new Set<SobranieHandlers[Name]>());
  }
}
