// The client: the machine's shell. It moves events in and effects out, and decides nothing.

import { Alarm } from './alarm.js';
import { deliver, tell } from './deliver.js';
import { failure, VecheError, type KnownCode } from './errors.js';
import { byteLength, type ClientFrame, type Position, type ReplyFrame } from './frames.js';
import { browserIo, type Io, type Socket, type SocketEvents } from './io.js';
import type { ChannelEvent } from './machine/channel.js';
import { OWN } from './machine/channels.js';
import { Machine } from './machine/machine.js';
import type { Effect, Input } from './machine/types.js';
import { Outbox } from './outbox.js';
import type { SseOptions } from './sse.js';
import type { Status } from './status.js';
import { indexedDbOutbox } from './store/indexeddb.js';
import type {
  AnyCalls, AnyEvents, CallMap, CallOptions, ClientOptions, EventMap, Publication, Reply, SubscribeOptions, Subscription,
} from './types.js';

const TIMEOUT = 15_000;

interface Waiter {
  resolve(reply: ReplyFrame): void;
  reject(error: VecheError): void;
}

/** A connection to Veche with its subscriptions, calls and outbox. One a page is enough. */
export class Client<Calls extends CallMap = AnyCalls, Events extends EventMap = AnyEvents> {
  /** What waits to be saved. */
  readonly outbox: Outbox;
  readonly #io: Io;
  readonly #machine: Machine;
  readonly #options: ClientOptions;
  readonly #device: string | null;
  readonly #sockets = new Map<number, Socket>();
  readonly #waiters = new Map<string, Waiter>();
  readonly #listeners = new Map<number, SubscribeOptions<Events>>();
  readonly #statusListeners = new Set<(status: Status) => void>();
  readonly #inbox: Input[] = [];
  readonly #alarm: Alarm;
  #isBusy = false;
  #keys = 0;
  #unwatch: (() => void) | null = null;

  constructor(options: ClientOptions = {}) {
    const base = browserIo();
    this.#io = options.io ? Object.assign(base, options.io) : base;
    this.#options = options;
    this.#device = options.device ?? this.#io.device();
    const { urls = '', user = null, build } = options;
    const origins = [urls].flat().map((url) => originOf(url, this.#io.origin()));
    this.#machine = new Machine({ urls: origins, user, ...(build !== undefined && { build }) });
    this.#alarm = new Alarm(this.#io, () => this.#dispatch({ is: 'tick' }));
    this.outbox = new Outbox(this.#machine, this.#io, options.outbox ?? indexedDbOutbox(), (input) => this.#dispatch(input));
  }

  /** How the connection stands: an immutable object, a new one on each change. */
  get status(): Status {
    return this.#machine.status;
  }

  /** Calls back after each change of the status; the result takes it back. */
  onStatus(listener: (status: Status) => void): () => void {
    this.#statusListeners.add(listener);
    return () => void this.#statusListeners.delete(listener);
  }

  /** Connects, and stays connected until `close`. */
  connect(): void {
    this.outbox.start();
    this.#dispatch({ is: 'connect' });
    this.#unwatch ??= this.#io.watch((what) => {
      if (what === 'pageshow') this.#dispatch({ is: 'wake' });
      else if (what === 'online' || what === 'offline') this.#dispatch({ is: 'network', online: what === 'online' });
      else this.#dispatch({ is: 'visible', visible: what === 'visible' });
    });
  }

  /** Ends the connection. Subscriptions and the outbox stay, for the next `connect`. */
  close(): void {
    this.#unwatch?.();
    this.#unwatch = null;
    this.#dispatch({ is: 'close' });
    this.outbox.stop();
  }

  /** Connects at once instead of waiting, and again where the connection was refused or the sign-in over. */
  retryNow(): void {
    this.#dispatch({ is: 'retry' });
  }

  /** Follows a channel: each publication once and in order, or `onReset`. */
  subscribe(channel: string, options: SubscribeOptions<Events> = {}): Subscription {
    const key = ++this.#keys;
    this.#listeners.set(key, options);
    this.#dispatch({ is: 'subscribe', key, channel, since: options.since ?? null, presence: options.presence ?? false });
    const position = () => this.#machine.channels.position(key);
    return {
      channel,
      get position() {
        return position();
      },
      setPresence: (state, meta) => this.#dispatch({ is: 'present', key, state, meta }),
      resume: (position) => this.#dispatch({ is: 'resume', key, position }),
      close: () => {
        this.#listeners.delete(key);
        this.#dispatch({ is: 'unsubscribe', key });
      },
    };
  }

  /** Follows the personal channel of whoever is signed in, from where this device has left off. */
  own(options: Omit<SubscribeOptions<Events>, 'since' | 'presence'> = {}): Subscription {
    return this.subscribe(OWN, options);
  }

  /** A name for an act, never used before; later ones sort after earlier ones. */
  newOpId(): string {
    return this.outbox.newId();
  }

  /** Calls a handler of the application. Rejects with a `VecheError`. */
  call<Event extends keyof Calls & string>(
    event: Event, data: Calls[Event]['data'], options: CallOptions = {},
  ): Promise<Reply<Calls[Event]['reply']>> {
    return this.#ask(event, { data }, options) as Promise<Reply<Calls[Event]['reply']>>;
  }

  /** Publishes a `message` to a channel. With `echo: false` it does not come back to this client. */
  publish(channel: string, data: unknown, options: Omit<CallOptions, 'channel'> & { readonly echo?: boolean } = {}): Promise<Reply> {
    const opId = options.opId ?? this.newOpId();
    return this.#ask('message', { data, ...(options.echo === false && { echo: false }) }, { ...options, channel, opId });
  }

  /** What a channel retains: after an offset the oldest first, else the newest first. At most 100. */
  async history(channel: string, range: { readonly before?: number; readonly after?: number; readonly limit?: number } = {}): Promise<{ publications: Publication<Events>[]; position: Position | null }> {
    const { data, position } = await this.#ask('history', { ...range }, { channel });
    const { publications = [] } = (data ?? {}) as { publications?: readonly Parameters<typeof deliver>[1][] };
    return { publications: publications.map((it) => deliver<Events>(this.status.user, it, null)), position: position ?? null };
  }

  /** Says to a channel that the user writes, or no longer. Repeat `true` every few seconds. */
  typing(channel: string, active: boolean): void {
    this.#dispatch({ is: 'cast', frame: { type: 'typing', channel, active } });
  }

  #ask(event: string, body: Readonly<Record<string, unknown>>, options: CallOptions): Promise<Reply> {
    const { channel, opId, queue, supersedes, timeoutMs = TIMEOUT } = options;
    const frame: ClientFrame = { type: event, ...(channel !== undefined && { channel }), ...body, ...(opId !== undefined && { op_id: opId }) };
    // With room for an id, and for an op_id where the outbox makes one.
    const bytes = byteLength(JSON.stringify(frame)) + 80;
    if (bytes > this.#machine.link.frameBytes) return refused('too_large', 'it is larger than a frame may be');
    if (!queue) return this.#request(frame, timeoutMs).then(replyOf);
    const written = this.outbox.write({ event, channel: channel ?? null, data: body.data, opId, isSilent: body.echo === false, supersedes }, bytes);
    if (!written) return refused('outbox_full', 'too much waits to be saved');
    const reply = written.then(replyOf);
    // Whoever does not wait for it sees in the outbox what it came to, and needs no word on the console.
    reply.catch(() => {});
    return reply;
  }

  #request(frame: ClientFrame, timeoutMs: number): Promise<ReplyFrame> {
    const key = `request ${++this.#keys}`;
    return new Promise((resolve, reject) => {
      this.#waiters.set(key, { resolve, reject });
      this.#dispatch({ is: 'request', key, frame, timeoutMs });
    });
  }

  /** Events are taken one after the other, also those that a listener causes. */
  #dispatch(input: Input): void {
    this.#inbox.push(input);
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let next = this.#inbox.shift(); next; next = this.#inbox.shift()) {
      for (const effect of this.#machine.handle(next, this.#io.now(), this.#io.random())) this.#safely(() => this.#perform(effect));
    }
    this.#isBusy = false;
    this.#alarm.set(this.#machine.deadline());
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'token':
        return this.#token(effect.ask);
      case 'open':
        return this.#open(effect);
      case 'send':
        return this.#sockets.get(effect.link)?.send(effect.text);
      case 'close':
        this.#sockets.get(effect.link)?.close(effect.code);
        this.#sockets.delete(effect.link);
        return;
      case 'probe':
        return this.#probe(effect.url);
      case 'tell':
        return this.#tell(effect.key, effect.event);
      case 'done': {
        const waiter = this.#waiters.get(effect.key);
        this.#waiters.delete(effect.key);
        return effect.outcome.ok ? waiter?.resolve(effect.outcome.reply) : waiter?.reject(new VecheError(effect.outcome.error));
      }
      case 'status':
        this.outbox.lead(this.#machine.link.isLive);
        return this.#statusListeners.forEach((listener) => this.#safely(() => listener(this.status)));
      case 'outbox':
        return this.outbox.show();
      case 'put':
      case 'remove':
        return this.outbox.perform(effect);
    }
  }

  #token(ask: number): void {
    const { token } = this.#options;
    if (!token) return this.#dispatch({ is: 'token', ask, token: null });
    const failed = () => this.#dispatch({ is: 'no-token', ask });
    Promise.resolve().then(token).then((value) => this.#dispatch({ is: 'token', ask, token: value }), failed);
  }

  #open({ link, transport, url, token }: Extract<Effect, { do: 'open' }>): void {
    const events: SocketEvents = {
      opened: () => this.#dispatch({ is: 'opened', link }),
      text: (text) => this.#dispatch({ is: 'text', link, text }),
      closed: (code, reason) => {
        this.#sockets.delete(link);
        this.#dispatch({ is: 'closed', link, code, reason });
      },
    };
    if (transport === 'sse') return this.#openSse(link, { url, token, device: this.#device }, events);
    try {
      this.#sockets.set(link, this.#socket(url, events));
    } catch (error) {
      this.#io.report(error);
      events.closed(1006, 'no socket');
    }
  }

  /** The fallback is loaded where it is needed, which is seldom. */
  #openSse(link: number, options: SseOptions, events: SocketEvents): void {
    let isClosed = false;
    this.#sockets.set(link, { send: () => {}, close: () => void (isClosed = true) });
    import('./sse.js').then(
      ({ SseSocket }) => isClosed || this.#sockets.set(link, new SseSocket(this.#io, options, events)),
      () => isClosed || events.closed(1006, 'no fallback'),
    );
  }

  #socket(url: string, events: SocketEvents): Socket {
    const device = this.#device ? `?device=${this.#device}` : '';
    return this.#io.socket(`${url.replace(/^http/, 'ws')}/realtime/ws${device}`, 'veche.v1.json', events);
  }

  /** Looks whether a WebSocket opens by now. */
  #probe(url: string): void {
    let socket: Socket | null = null;
    const probed = (ok: boolean) => {
      cancel();
      socket?.close(1000);
      this.#dispatch({ is: 'probed', ok });
    };
    const cancel = this.#io.timer(TIMEOUT, () => probed(false));
    socket = this.#socket(url, { opened: () => probed(true), text: () => {}, closed: () => probed(false) });
  }

  #tell(key: number, event: ChannelEvent): void {
    const listener = this.#listeners.get(key);
    if (event.kind === 'lost') this.#listeners.delete(key);
    if (listener) tell(listener, event, this.status.user);
  }

  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#io.report(error);
    }
  }
}

function refused(code: KnownCode, message: string): Promise<never> {
  return Promise.reject(new VecheError(failure(code, message)));
}

function replyOf({ kind: _kind, id: _id, ...reply }: ReplyFrame): Reply {
  return { data: null, ...reply };
}

/** `ws:` and `http:` name the same server; the path of the socket is the client's to add. */
function originOf(url: string, page: string): string {
  return (url || page).replace(/^ws/, 'http').replace(/(\/realtime\/ws)?\/*$/, '');
}
