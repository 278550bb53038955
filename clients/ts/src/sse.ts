// Where a WebSocket cannot pass: the same frames over what HTTP has. What the server tells comes by
// `GET /realtime/events`, read with fetch so that a token stays out of URLs; calls go by
// `POST /api/call/{event}`. Presence, typing and publishing need a WebSocket.

import { failure, toFailure, type Failure } from './errors.js';
import type { ClientFrame, FrameId, Position } from './frames.js';
import { LIMITS } from './generated/protocol.js';
import type { Io, Socket, SocketEvents } from './io.js';

interface Listened {
  position: Position | null;
  /** The `subscribe` that awaits its answer. */
  ask: FrameId | null;
}

export interface SseOptions {
  readonly url: string;
  readonly token: string | null;
  readonly device: string | null;
}

export class SseSocket implements Socket {
  readonly #io: Io;
  readonly #options: SseOptions;
  readonly #events: SocketEvents;
  readonly #channels = new Map<string, Listened>();
  readonly #end = new AbortController();
  #streams: AbortController | null = null;
  #isDue = false;

  constructor(io: Io, options: SseOptions, events: SocketEvents) {
    this.#io = io;
    this.#options = options;
    this.#events = events;
    void this.#greet();
  }

  send(text: string): void {
    const frames = [JSON.parse(text)].flat() as ClientFrame[];
    for (const frame of frames) this.#take(frame);
  }

  close(): void {
    this.#end.abort();
    this.#streams?.abort();
  }

  /** A call that nobody answers shows that HTTP passes, and whether the credential is good. */
  async #greet(): Promise<void> {
    try {
      const { token } = this.#options;
      const user = token === null ? await this.#whoIsIt() : (subjectOf(token) ?? 'guest:sse');
      const { status } = await this.#fetch('/api/call/client.hello', post({}));
      if (status === 401) return this.#closed(3500, 'unauthorized');
      if (status !== 404 && status !== 429 && status !== 200) return this.#closed(1006, `http ${status}`);
      if (this.#end.signal.aborted) return;
      this.#events.opened();
      this.#tell({ type: 'welcome', session: '', user, node: '', protocol: 1, ping_interval_ms: 0, limits: {}, time_ms: this.#io.now() });
    } catch {
      this.#closed(1006, 'unreachable');
    }
  }

  /** The user of the cookie. */
  async #whoIsIt(): Promise<string> {
    const response = await this.#fetch('/api/people/me');
    const me = response.ok ? ((await response.json()) as { id?: unknown }) : {};
    return typeof me.id === 'string' ? me.id : 'guest:sse';
  }

  #take(frame: ClientFrame): void {
    const { type, channel = '' } = frame;
    const id = (frame.id as FrameId | undefined) ?? null;
    switch (type) {
      case 'subscribe':
        this.#channels.set(channel, { position: (frame.since as Position | undefined) ?? null, ask: id });
        return this.#restart();
      case 'unsubscribe':
        if (this.#channels.delete(channel)) this.#restart();
        return this.#tell({ type: 'unsubscribed', channel, code: 1000, reason: 'normal', id });
      case 'ping':
        return this.#tell({ type: 'pong', ts: frame.ts, time_ms: this.#io.now() });
      case 'message':
      case 'history':
        return this.#fail(id, failure('unavailable', 'this needs a websocket', true));
      case 'presence':
      case 'typing':
      case 'ack':
        return id === null ? undefined : this.#tell({ type: 'reply', id });
      default:
        void this.#call(frame, id);
    }
  }

  async #call({ type, channel, data, op_id }: ClientFrame, id: FrameId | null): Promise<void> {
    try {
      const response = await this.#fetch(`/api/call/${encodeURIComponent(type)}`, post({ data, channel, op_id }));
      const body = (await response.json()) as { error?: unknown };
      if (response.ok) this.#tell({ ...body, type: 'reply', id });
      else this.#fail(id, toFailure(body.error));
    } catch {
      this.#fail(id, failure('unavailable', 'the request failed', true));
    }
  }

  /** Channels have changed: the streams are opened anew, each channel from where it stands. */
  #restart(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#streams?.abort();
      const streams = (this.#streams = new AbortController());
      const names = [...this.#channels.keys()];
      for (let at = 0; at < names.length; at += LIMITS.streamChannels) void this.#stream(names.slice(at, at + LIMITS.streamChannels), streams.signal);
    });
  }

  async #stream(names: readonly string[], signal: AbortSignal): Promise<void> {
    const places = names.map((name) => this.#channels.get(name)?.position);
    const id = places.map((it) => (it ? `${it.epoch}-${it.offset}` : '-')).join();
    const headers: Record<string, string> = places.some(Boolean) ? { 'Last-Event-ID': id } : {};
    const query = names.map((name) => `channel=${encodeURIComponent(name)}`).join('&');
    try {
      const response = await this.#fetch(`/realtime/events?${query}`, { headers, signal });
      if (!response.ok || !response.body) return this.#refused(response.status, await response.json());
      let isFirst = true;
      await readBlocks(response.body, (block) => {
        if (!signal.aborted) this.#block(names, block, isFirst);
        isFirst = false;
      });
      throw new Error('the stream has ended');
    } catch {
      if (!signal.aborted) this.#closed(1006, 'the stream has ended');
    }
  }

  #block(names: readonly string[], { id, event, data }: Block, isFirst: boolean): void {
    const frame = data ? (JSON.parse(data) as { channel?: string; reason?: string }) : null;
    if (event === 'bye') {
      this.#tell(frame!);
      return this.#closed(CLOSES[frame?.reason ?? ''] ?? 3001, frame?.reason ?? 'bye');
    }
    if (event === 'gap') return this.#gap(frame?.channel ?? '', frame?.reason ?? '');
    if (id !== null) this.#moved(names, id, isFirst ? null : (frame?.channel ?? ''));
    if (frame) this.#tell(frame);
  }

  /** An id tells the positions in all channels; the first one (`told` is null) where each of them begins.
   * `told` is the channel whose publication moved its position. */
  #moved(names: readonly string[], id: string, told: string | null): void {
    id.split(',').forEach((part, index) => {
      const name = names[index]!;
      const listened = this.#channels.get(name);
      if (!listened) return;
      const dash = part.lastIndexOf('-');
      const next = dash > 0 ? { epoch: part.slice(0, dash), offset: Number(part.slice(dash + 1)) } : null;
      const { position, ask } = listened;
      const isSame = position?.epoch === next?.epoch && position?.offset === next?.offset;
      // One that begins elsewhere than asked is followed by its gap.
      if (told === null && ask !== null && (!position || isSame)) this.#subscribed(name, listened, next, position ? 'up_to_date' : 'fresh');
      // The position moved, and no publication says so: it left this client out.
      else if (told !== null && told !== name && next && !isSame) this.#tell({ type: 'skipped', channel: name, offset: next.offset });
      listened.position = next;
    });
  }

  #gap(name: string, reason: string): void {
    const listened = this.#channels.get(name);
    if (!listened) return;
    if (listened.ask !== null && reason !== 'lagged') this.#subscribed(name, listened, listened.position, 'reset', reason);
    else this.#tell(listened.position ? { type: 'lagged', channel: name, since: listened.position } : { type: 'lagged', channel: name, dropped: 0 });
  }

  #subscribed(channel: string, listened: Listened, position: Position | null, recovery: string, reason?: string): void {
    const id = listened.ask;
    listened.ask = null;
    this.#tell({ type: 'subscribed', channel, ...position, recovery, ...(reason && { reset_reason: reason }), id });
  }

  /** A stream is refused for one of its channels, or as a whole. */
  #refused(status: number, body: { error?: { channel?: unknown } }): void {
    const error = toFailure(body.error);
    const channel = body.error?.channel;
    const listened = typeof channel === 'string' ? this.#channels.get(channel) : undefined;
    if (status === 401) return this.#closed(3500, 'unauthorized');
    if (!listened) return this.#closed(1006, error.code);
    this.#channels.delete(channel as string);
    if (listened.ask !== null) this.#fail(listened.ask, error);
    else this.#tell({ type: 'unsubscribed', channel, code: 3503, reason: error.code });
    this.#restart();
  }

  #fail(id: FrameId | null, error: Failure): void {
    this.#tell({ type: 'error', error, ...(id !== null && { id }) });
  }

  #tell(frame: object): void {
    if (!this.#end.signal.aborted) this.#events.text(JSON.stringify(frame));
  }

  #closed(code: number, reason: string): void {
    if (this.#end.signal.aborted) return;
    this.close();
    this.#events.closed(code, reason);
  }

  #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const { url, token, device } = this.#options;
    const headers = { ...(init.headers as Record<string, string>), ...(token !== null && { Authorization: `Bearer ${token}` }) };
    const named = device ? `${path}${path.includes('?') ? '&' : '?'}device=${device}` : path;
    return this.#io.fetch(url + named, { signal: this.#end.signal, cache: 'no-store', ...init, headers });
  }
}

/** Close codes of a stream's last word. */
const CLOSES: Readonly<Record<string, number>> = { token_expired: 3005, invalid_token: 3500, kicked: 3503, slow_consumer: 3008 };

function post(body: object): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
}

/** The user that a JWT names. It is not verified: the server does that. */
function subjectOf(token: string): string | null {
  try {
    const text = atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'));
    const { sub } = JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (it) => it.charCodeAt(0)))) as { sub?: unknown };
    return typeof sub === 'string' ? sub : null;
  } catch {
    return null;
  }
}

export interface Block {
  readonly id: string | null;
  readonly event: string;
  readonly data: string;
}

/** Reads a stream of events block by block. Each line of the server's has one line of data. */
export async function readBlocks(body: ReadableStream<Uint8Array>, each: (block: Block) => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop()!;
    for (const text of blocks) each(parseBlock(text));
  }
}

function parseBlock(text: string): Block {
  const fields = { id: null as string | null, event: '', data: '' };
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (name === 'id' || name === 'event' || name === 'data') fields[name] = line.slice(colon + 1).replace(/^ /, '');
  }
  return fields;
}
