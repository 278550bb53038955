// The life of the connection: when to open one, where and how, whether it lives, when to come back.

import type { ClientFrame, ServerFrame, Welcome } from '../frames.js';
import { Heartbeat } from './heartbeat.js';
import { reconnects } from './policy.js';
import { Probe } from './probe.js';
import { Retry } from './retry.js';
import type { Effect, Input, Phase, Transport } from './types.js';

/** How long a token, an opening or a welcome may take. */
const OPENING = 10_000;
/** How long a page may be hidden before its connection is given up. */
const HIDDEN = 300_000;
const DEFAULT_FRAME_BYTES = 65_536;

export interface LinkOptions {
  readonly urls: readonly string[];
  readonly build?: string;
}

export class Link {
  phase: Phase = { is: 'idle' };
  transport: Transport = 'websocket';
  user: string | null = null;
  node: string | null = null;
  reason: string | null = null;
  frameBytes = DEFAULT_FRAME_BYTES;
  wasLive = false;
  isOffline = false;
  /** Whether the server serves another build of the page. */
  isOutdated = false;
  readonly beat = new Heartbeat((now) => this.send({ type: 'ping', ts: now }));
  readonly retry: Retry;
  readonly #build: string | undefined;
  readonly #emit: (effect: Effect) => void;
  readonly #lost: () => void;
  #now = 0;
  #random = 0;
  #links = 0;
  #asks = 0;
  #renewal = 0;
  #token: string | null = null;
  #isAuthing = false;
  #hiddenAt = Infinity;
  readonly #probe = new Probe();

  constructor(options: LinkOptions, emit: (effect: Effect) => void, lost: () => void) {
    this.retry = new Retry(options.urls);
    this.#build = options.build;
    this.#emit = emit;
    this.#lost = lost;
  }

  at(now: number, random: number): void {
    this.#now = now;
    this.#random = random;
  }

  get isLive(): boolean {
    return this.phase.is === 'live';
  }

  get isRestoring(): boolean {
    return this.phase.is === 'live' && !this.phase.isRestored;
  }

  /** Whether this is the link in use; if so, it lives. */
  hears(link: number): boolean {
    if (this.#current !== link) return false;
    this.beat.heard();
    return true;
  }

  get #current(): number {
    return 'link' in this.phase ? this.phase.link : 0;
  }

  send(frames: ClientFrame | readonly ClientFrame[]): void {
    this.#emit({ do: 'send', link: this.#current, text: JSON.stringify(frames) });
  }

  /** All that was subscribed to is up to date again. */
  restored(): void {
    if (this.phase.is !== 'live' || this.phase.isRestored) return;
    this.phase = { ...this.phase, isRestored: true };
    this.reason = null;
  }

  handle(input: Input): void {
    switch (input.is) {
      case 'connect':
        return this.phase.is === 'idle' ? this.#attempt() : undefined;
      case 'close':
        return this.#end({ is: 'idle' });
      case 'retry':
      case 'wake':
        return this.#wake(input.is === 'retry');
      case 'network':
        this.isOffline = !input.online;
        return input.online ? this.#wake(false) : this.#suspect();
      case 'visible':
        this.#hiddenAt = input.visible ? Infinity : this.#now;
        if (input.visible) this.#wake(false);
        return;
      case 'token':
        return this.#tokenCame(input.ask, input.token);
      case 'no-token':
        return this.phase.is === 'token' && this.phase.ask === input.ask ? this.#down(1006, 'token') : undefined;
      case 'opened':
        return this.#opened(input.link);
      case 'closed':
        return input.link === this.#current ? this.#down(input.code, input.reason) : undefined;
      case 'probed':
        return this.#probed(input.ok);
    }
  }

  #attempt(): void {
    this.transport = 'websocket';
    this.phase = { is: 'token', ask: ++this.#asks, until: this.#now + OPENING };
    this.#emit({ do: 'token', ask: this.#asks });
  }

  #tokenCame(ask: number, token: string | null): void {
    if (this.phase.is === 'token' && this.phase.ask === ask) {
      this.#token = token;
      this.#open('websocket');
    } else if (this.phase.is === 'live' && this.#renewal === ask && token !== null) {
      this.#token = token;
      this.#auth();
    }
  }

  #open(transport: Transport): void {
    this.transport = transport;
    const link = ++this.#links;
    this.phase = { is: 'opening', link, until: this.#now + OPENING };
    this.#emit({ do: 'open', link, transport, url: this.retry.origin, token: this.#token });
  }

  #opened(link: number): void {
    if (this.phase.is !== 'opening' || this.phase.link !== link) return;
    this.phase = { is: 'greeting', link, until: this.#now + OPENING };
    if (this.transport !== 'websocket') return;
    if (this.#token !== null) this.#auth();
    this.send({ type: 'ping', ts: this.#now });
  }

  #auth(): void {
    this.#isAuthing = true;
    this.send({ type: 'auth', token: this.#token, id: 'auth' });
  }

  /** Whether the frame was the link's own concern. */
  receive(frame: ServerFrame): boolean {
    switch (frame.kind) {
      case 'welcome':
        // Where guests are served, this one is for a guest, and the one for the token's user follows.
        if (this.#isAuthing && frame.user.startsWith('guest:')) return false;
        this.#welcomed(frame);
        return this.isLive;
      case 'pong':
        this.#ponged(frame.ts, frame.time_ms);
        return true;
      case 'expiring':
        this.#renewal = ++this.#asks;
        this.#emit({ do: 'token', ask: this.#renewal });
        return true;
      case 'bye':
        this.retry.notBefore = this.#now + frame.retry_after_ms;
        this.reason = frame.reason;
        return true;
      case 'reply':
      case 'error':
        if (frame.id !== 'auth') return false;
        this.#isAuthing = false;
        return true;
      default:
        return false;
    }
  }

  #welcomed(frame: Welcome): void {
    const link = this.#current;
    if (frame.protocol !== 1) return this.#end({ is: 'outdated' });
    this.#isAuthing = false;
    this.user = frame.user;
    this.node = frame.node;
    this.frameBytes = frame.limits.frame_bytes || DEFAULT_FRAME_BYTES;
    this.isOutdated = this.#build !== undefined && frame.build !== undefined && frame.build !== this.#build;
    this.wasLive = true;
    this.retry.welcomed();
    if (this.transport === 'websocket') this.beat.start(this.#now, frame.ping_interval_ms);
    if (this.transport === 'sse') this.#probe.start(this.#now);
    this.phase = { is: 'live', link, since: this.#now, isRestored: false };
  }

  #ponged(ts: number | string | undefined, serverMs: number): void {
    this.beat.ponged(ts, serverMs, this.#now);
    // A session that is somebody's is welcomed before anything else.
    if (this.phase.is !== 'greeting' || this.#token !== null) return;
    this.#end({ is: 'auth-expired' });
    this.reason = 'unauthorized';
  }

  /** The world says that it may work now: at once, if it is not up; else it is looked whether it is. */
  #wake(isForced: boolean): void {
    const { is } = this.phase;
    if (is === 'live') return this.#suspect();
    const isOver = is === 'auth-expired' || is === 'refused' || is === 'outdated' || is === 'idle';
    if (isForced && isOver) this.retry.failures = 0;
    if (is === 'hidden' || (is === 'waiting' && (isForced || this.#now >= this.retry.notBefore)) || (isForced && isOver)) this.#attempt();
  }

  #suspect(): void {
    if (this.phase.is === 'live' && this.transport === 'websocket') this.beat.suspect(this.#now);
  }

  /** Gives the link up, for this phase. */
  #end(phase: Phase): void {
    if (this.#current) this.#emit({ do: 'close', link: this.#current, code: 1000 });
    this.#settle();
    this.phase = phase;
  }

  /** The link is over: whatever travelled on it is told. */
  #settle(): void {
    this.beat.stop();
    this.#probe.stop();
    this.#isAuthing = false;
    this.#lost();
  }

  #drop(reason: string): void {
    if (this.#current) this.#emit({ do: 'close', link: this.#current, code: 1000 });
    this.#down(1006, reason);
  }

  #down(code: number, reason: string): void {
    const { phase, transport } = this;
    this.reason = reason || this.reason || `closed: ${code}`;
    this.#settle();
    // What failed before anything was opened says nothing of the place.
    const isAttempt = phase.is === 'opening' || phase.is === 'greeting';
    if (phase.is === 'live') this.retry.ended(this.#now - phase.since);
    // Something on the way may let HTTP pass, and nothing else.
    const isBlocked = isAttempt && this.retry.failed(transport);
    if (code === 3500) this.phase = { is: 'auth-expired' };
    else if (!reconnects(code)) this.phase = { is: 'refused' };
    else if (isBlocked) this.#open('sse');
    else this.phase = { is: 'waiting', until: this.retry.at(this.#now, this.#random) };
  }

  /** A page that nobody sees for long needs no connection; whether that is so. */
  #rests(): boolean {
    const { is } = this.phase;
    if (this.#now < this.#hiddenAt + HIDDEN || (is !== 'live' && is !== 'waiting')) return false;
    this.#end({ is: 'hidden' });
    return true;
  }

  due(): void {
    if (!this.#rests()) this.#act();
    this.#rests();
  }

  #act(): void {
    const { phase } = this;
    const now = this.#now;
    if (phase.is === 'waiting') {
      if (now >= phase.until) this.#attempt();
    } else if ('until' in phase) {
      if (now >= phase.until) this.#drop('timeout');
    } else if (phase.is === 'live') {
      if (this.beat.isDead(now)) this.#drop('heartbeat_lost');
      else if (this.retry.notBefore && now >= this.retry.notBefore) this.#drop('drain');
      else if (this.#probe.isDue(now)) this.#emit({ do: 'probe', url: this.retry.origin });
    }
  }

  #probed(isOpen: boolean): void {
    if (this.phase.is !== 'live' || this.transport !== 'sse') return;
    if (!isOpen) return this.#probe.failed(this.#now);
    this.#end({ is: 'idle' });
    this.#attempt();
  }

  deadline(): number {
    const { phase } = this;
    const until = 'until' in phase ? phase.until : Infinity;
    const hidden = phase.is === 'live' || phase.is === 'waiting' ? this.#hiddenAt + HIDDEN : Infinity;
    if (phase.is !== 'live') return Math.min(until, hidden);
    return Math.min(hidden, this.beat.deadline(), this.retry.notBefore || Infinity, this.#probe.at);
  }
}

