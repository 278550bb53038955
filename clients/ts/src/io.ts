// Everything the client needs of the world. A test brings its own.

/** A connection, as the client sees one. */
export interface Socket {
  send(text: string): void;
  close(code: number): void;
}

export interface SocketEvents {
  opened(): void;
  text(text: string): void;
  closed(code: number, reason: string): void;
}

/** What changes around the client. */
export type World = 'online' | 'offline' | 'visible' | 'hidden' | 'pageshow';

/** A channel between the tabs of one browser. */
export interface Broadcast {
  post(message: unknown): void;
  close(): void;
}

export interface Io {
  /** Milliseconds since 1970. */
  now(): number;
  /** A number in [0, 1). */
  random(): number;
  fill(bytes: Uint8Array<ArrayBuffer>): void;
  /** Calls back once, in `ms`; the result takes it back. */
  timer(ms: number, callback: () => void): () => void;
  socket(url: string, protocol: string, events: SocketEvents): Socket;
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /** Reports what happens around; says once, at the start, if it is offline or hidden. */
  watch(listener: (what: World) => void): () => void;
  /** Runs `held` while no other tab holds `name`; `null` where tabs cannot exclude one another. */
  lock(name: string, signal: AbortSignal, held: () => Promise<void>): Promise<void> | null;
  broadcast(name: string, listener: (message: unknown) => void): Broadcast | null;
  /** This browser's own name for itself, the same in all its tabs; `null` where nothing can be kept. */
  device(): string | null;
  /** The page's own origin, for addresses without one. */
  origin(): string;
  /** A listener of the application has thrown. */
  report(error: unknown): void;
}

const DEVICE = 'veche.device';

/** The browser's own I/O. Each part is looked up when it is used, so that it can be made anywhere. */
export function browserIo(): Io {
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    fill: (bytes) => void crypto.getRandomValues(bytes),
    timer: (ms, callback) => {
      // A longer one would fire at once.
      const id = setTimeout(callback, Math.min(ms, 0x7fffffff));
      return () => clearTimeout(id);
    },
    socket: openSocket,
    fetch: (url, init) => fetch(url, init),
    watch,
    lock: (name, signal, held) => globalThis.navigator?.locks?.request(name, { signal }, held) ?? null,
    broadcast: (name, listener) => {
      if (typeof BroadcastChannel === 'undefined') return null;
      const channel = new BroadcastChannel(name);
      channel.onmessage = (event) => listener(event.data);
      return { post: (message) => channel.postMessage(message), close: () => channel.close() };
    },
    device,
    origin: () => globalThis.location?.origin ?? '',
    report: (error) => (typeof reportError === 'function' ? reportError(error) : console.error(error)),
  };
}

function openSocket(url: string, protocol: string, events: SocketEvents): Socket {
  const socket = new WebSocket(url, protocol);
  socket.onopen = () => events.opened();
  socket.onmessage = (event) => events.text(String(event.data));
  socket.onclose = (event) => events.closed(event.code, event.reason);
  return {
    send: (text) => socket.send(text),
    close: (code) => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code);
    },
  };
}

function watch(listener: (what: World) => void): () => void {
  if (typeof window === 'undefined') return () => {};
  const visibility = () => listener(document.visibilityState === 'hidden' ? 'hidden' : 'visible');
  const heard: [EventTarget, string, () => void][] = [
    [window, 'online', () => listener('online')],
    [window, 'offline', () => listener('offline')],
    [window, 'pageshow', () => listener('pageshow')],
    [document, 'visibilitychange', visibility],
  ];
  for (const [target, type, callback] of heard) target.addEventListener(type, callback);
  if (navigator.onLine === false) listener('offline');
  if (document.visibilityState === 'hidden') listener('hidden');
  return () => heard.forEach(([target, type, callback]) => target.removeEventListener(type, callback));
}

function device(): string | null {
  try {
    const known = localStorage.getItem(DEVICE);
    if (known && /^[\w-]{1,64}$/.test(known)) return known;
    const fresh = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    localStorage.setItem(DEVICE, fresh);
    return fresh;
  } catch {
    // No storage here, or the user forbids it.
    return null;
  }
}
