// One client of the native protocol: a socket, a subscription, and the position that survives the socket.
//
// It knows no page: what happens is told through `tell(event, details)`.

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
const TYPING_EVERY_MS = 3_000;

/** A client of one channel. Its `state` is off, connecting, live, waiting, cut or refused. */
export class Link {
  #tell;
  #device = crypto.getRandomValues(new Uint32Array(4)).join('-');
  #socket = null;
  #timer = 0;
  #attempt = 0;
  #retryAfter = 0;
  #position = null;
  #replayEnd = 0;
  #nextId = 1;
  #typingSentAt = 0;
  state = 'off';
  session = '';
  user = '';
  channel = '';
  name = '';

  constructor(tell) {
    this.#tell = tell;
    // A network that is back, or a page that is looked at again, is no time to wait.
    addEventListener('online', () => this.#hurry());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#hurry());
  }

  /** Starts anew: a first subscription, with no position. */
  connect(channel, name) {
    this.channel = channel;
    this.name = name;
    this.#position = null;
    this.#attempt = 0;
    this.#open();
  }

  /** Ends for good; the position is forgotten. */
  disconnect() {
    this.#drop(1000);
    this.#position = null;
    this.#become('off');
  }

  /** Loses the socket without a word to the server, and stays so. */
  cut() {
    this.#drop();
    this.#become('cut');
  }

  /** Comes back with the position it had. */
  reconnect() {
    this.#attempt = 0;
    this.#open();
  }

  /** Publishes a text. False when there is no link. */
  publish(text) {
    this.#typingSentAt = 0;
    const id = this.#nextId++;
    return this.#send({ type: 'message', id, channel: this.channel, data: { text }, op_id: opId() });
  }

  /** Tells the others that this client writes, or no longer; the server ends it itself after 7 s. */
  typing(active) {
    const now = performance.now();
    if (active && this.#typingSentAt && now - this.#typingSentAt < TYPING_EVERY_MS) return;
    if (!active && !this.#typingSentAt) return;
    this.#typingSentAt = active ? now : 0;
    this.#send({ type: 'typing', channel: this.channel, active });
  }

  #open() {
    this.#drop();
    this.#become('connecting');
    const url = new URL('/realtime/ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    // The same guest after a reconnection, not one more.
    url.searchParams.set('device', this.#device);
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = ({ code }) => this.#lost(code);
  }

  /** Forgets the socket and closes it: nothing that it still brings is heard. */
  #drop(code) {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  #become(state, details = {}) {
    this.state = state;
    this.#tell('state', details);
  }

  #send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    const text = JSON.stringify(frame);
    this.#socket.send(text);
    this.#tell('frame', { sent: true, text });
    return true;
  }

  #take(text) {
    this.#tell('frame', { sent: false, text });
    const frame = JSON.parse(text);
    switch (frame.type) {
      case 'welcome': return this.#welcomed(frame);
      case 'subscribed': return this.#subscribed(frame);
      case 'joined':
      case 'left':
      case 'presence': return this.#tell('members', frame);
      case 'typing': return this.#tell('typing', frame);
      case 'skipped': return this.#advance(frame.offset);
      case 'lagged': return this.#lagged(frame);
      case 'bye':
        this.#retryAfter = frame.retry_after_ms ?? 0;
        return this.#tell('bye', frame);
      case 'error': return this.#tell('failure', frame.error ?? {});
      case 'unsubscribed': return this.#tell('unsubscribed', frame);
      case 'reply':
      case 'pong':
      case 'expiring': return undefined;
      default: return this.#published(frame);
    }
  }

  #welcomed({ session, user }) {
    this.session = session;
    this.user = user;
    this.#subscribe();
  }

  #subscribe() {
    const since = this.#position ?? undefined;
    this.#send({ type: 'subscribe', id: this.#nextId++, channel: this.channel, presence: true, since });
  }

  /** After `replay` the position stays and moves with what follows; else it is the head. */
  #subscribed(frame) {
    if (frame.channel !== this.channel) return;
    this.#attempt = 0;
    const replay = frame.recovery === 'replay';
    const missed = replay ? frame.offset - this.#position.offset : 0;
    this.#replayEnd = replay ? frame.offset : 0;
    if (!replay) this.#position = frame.epoch ? { epoch: frame.epoch, offset: frame.offset } : null;
    if (this.name) {
      this.#send({ type: 'presence', channel: this.channel, state: 'active', meta: { name: this.name } });
    }
    this.#become('live');
    this.#tell('subscribed', { ...frame, missed });
  }

  #published(frame) {
    if (frame.channel !== this.channel) return;
    const { offset } = frame;
    // The server sends each offset once; a second one would be a defect, and must not be shown twice.
    if (offset !== undefined && this.#position && offset <= this.#position.offset) return;
    this.#advance(offset);
    this.#tell('message', { ...frame, recovered: offset !== undefined && offset <= this.#replayEnd });
  }

  #advance(offset) {
    if (offset !== undefined && this.#position) this.#position = { ...this.#position, offset };
  }

  /** A positioned channel stands still for this client until it subscribes again from where it is. */
  #lagged(frame) {
    if (frame.since) this.#subscribe();
    else this.#tell('lagged', frame);
  }

  #lost(code) {
    this.#socket = null;
    if (isFinal(code)) return this.#become('refused', { code });
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt++);
    const delay = Math.max(Math.random() * longest, this.#retryAfter);
    this.#retryAfter = 0;
    this.#become('waiting', { seconds: Math.ceil(delay / 1000) });
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  #hurry() {
    if (this.state === 'waiting') this.#open();
  }
}

/** The number of a close code says whether coming back makes sense. */
function isFinal(code) {
  return (code >= 3500 && code <= 3999) || (code >= 4500 && code <= 4999) || [1002, 1007, 1009].includes(code);
}

function opId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');
}
