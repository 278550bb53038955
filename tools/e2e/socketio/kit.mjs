// What the tests by the real Socket.IO clients share, and the contract of the app that they meet.
//
// A test is a script beside this file (what is in `kit/` is none); it runs by `cargo xtask test socketio`, which starts the servers and sets
//
//   SIO_FIXTURE      the conformance fixture of the Socket.IO door
//   SIO_APP          the app below
//   SIO_VECHE        `veche serve --demo`; SIO_TOKEN is a JWT of the user `ann` there, SIO_KEY an API key that may publish
//   SIO_OURS         1 unless the servers are the reference, which lacks what is checked under it
//   SIO_PID          the process of the app
//   E2E_CHROMIUM     the program Chromium
//
// # The app
//
// `/socket.io/` with the default parser, `/msgpack/` with socket.io-msgpack-parser. The defaults of Socket.IO, and:
// connection state recovery on, EIO3 allowed, permessage-deflate on, the cookie option on (`io`), and requests from
// pages of the origin `http://allowed.test` alone, with credentials; a request without an `Origin` is served, one of
// another origin is refused (403), be it for a poll or for a WebSocket.
//
// Namespaces: `/`, `/chat`, `/private`, and every `/room-<digits>`. All serve the same events, each within itself, and
// emit nothing at connect. `/private` has a middleware that refuses whose `auth.token` is not `let me in`, with the
// message `not authorized` and the data `{code: "E_AUTH"}`.
//
// Every event takes one object, but where the table says otherwise, and calls its ack, where there is one, with what
// stands after the arrow, or with no arguments when it is done. `→` alone: it has no ack.
// `said` is the event `said` with `{from: <the caller's id>, text}`.
//
//   whoami (no argument)          → {id, nsp, query, auth, header: the header `x-test` or null, recovered}
//   echo …arguments               → the same arguments
//   bounce …arguments             →; emits `bounce` with the same arguments to the caller
//   join {room}, leave {room}     → the names of the caller's rooms, sorted
//   say {room, text}              emits `said` to the room without the caller
//   say_all {room, text}          to the room, the caller too
//   say_local {room, text}        the same, on this node only
//   say_id {id, text}             to the socket of this id, by its own room
//   except {room, except, text}   to the room without the members of the room `except`
//   broadcast {text}              to everybody in the namespace but the caller
//   everyone {text}               to everybody in the namespace
//   volatile {room, text}         emits, volatile, `note` with the argument text to the room
//   compressed {compress, text}   →; emits `said` to the caller with this compress flag
//   ask_me {question}             emits `question` with the argument question to the caller and waits 1 s for its ack
//                                 → the first argument of the ack, or "timeout"
//   ask_room {room, question, timeout}
//                                 the same to a room → {answers: the acks' first arguments in any order, missing: n}
//   fetch {room}                  → [{id, rooms: sorted, data}] of the connected sockets in the room, sorted by id
//   remember {…}                  sets these fields of the socket's data
//   outgoing (no argument)        → the names of the events that were emitted to the caller, as a catch-all notes them
//   disconnect_me {close}         →; disconnects the caller's socket, and with `close` its engine
//   close_engine {}               →; closes the caller's connection without leaving a namespace
//   kick_room {room, close}       disconnectSockets
//   move {from, to}               socketsJoin and socketsLeave: who is in `from` is then in `to`, and not in `from`
//   publish {room, from, to, binary}
//                                 emits `item` with n to the room for every n of from … to, one by one; with `binary`
//                                 the argument is {n, bytes: the bytes [n, 0, 255]}
//   flood {room, count, bytes}    emits `bulk` with a text of so many bytes to the room, `count` times
//   forbidden                     is refused by a middleware of packets → {error: {code: "forbidden", message}}; its
//                                 handler, which is never reached, emits `any` with ["forbidden"]
//   any other                     →; emits `any` with one argument, [its name, …its arguments], by a catch-all
//
// A socket whose connection is lost is in no room that `fetch` tells of, from the moment that the server notices. A
// client that does not read is disconnected, once what waits for it exceeds the backlog.
//
// While recovery is on, an emitted event may bear one more argument at its end, the offset: a string.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as dial, createServer } from 'node:net';
import { test as node } from 'node:test';
import { io } from 'socket.io-client';
import WebSocket from 'ws';

/** How long anything may take that a test waits for: the machine may be busy. */
export const PATIENCE_MS = 20_000;

/** Whether the servers are ours, and no reference. */
export const OURS = process.env.SIO_OURS === '1';

/** A variable of the environment that the test cannot do without. */
export function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the test by \`cargo xtask test socketio\``);
  return value;
}

/** A test with a name and an end; `{ ours: true }` is for what the reference does not do. */
export function test(name, options, body = options) {
  const skip = options.ours === true && !OURS && 'the reference does not do it';
  return node(name, { timeout: 3 * PATIENCE_MS, skip }, body);
}

/** A name that no other run of a test has used. */
export function unique(what) {
  return `${what}-${Math.random().toString(36).slice(2, 10)}`;
}

/** Fails, with a word on what was awaited, unless the promise comes in time. */
export async function within(promise, what, milliseconds = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`in vain: ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until it holds; what it saw last is in the complaint. */
export async function until(what, look, holds = Boolean) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    assert.ok(Date.now() < end, `in vain: ${what}; seen: ${JSON.stringify(seen)}`);
    await pause(20);
  }
}

/** Waits so long, where nothing else can be waited for. */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A stock client of the app that ends with its test; it is not yet connected. */
export function client(t, namespace = '/', options = {}) {
  const { url = required('SIO_APP'), ...rest } = options;
  const socket = io(new URL(namespace, url).href, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...rest });
  t.after(() => socket.disconnect());
  return socket;
}

/** The same, connected. */
export async function connected(t, namespace, options) {
  const socket = client(t, namespace, options);
  await online(socket);
  return socket;
}

/** Waits until a client is connected; a refusal is an error. */
export async function online(socket) {
  if (socket.connected) return;
  const joined = new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    // A refusal by the server; a lost network is tried again by the manager.
    socket.on('connect_error', (error) => socket.active || reject(error));
  });
  await within(joined, 'a connection');
}

/** The arguments of the next event of this name. */
export function next(socket, event) {
  return within(new Promise((resolve) => socket.once(event, (...args) => resolve(args))), `the event ${event}`);
}

/** Calls by an ack; the answer is its first argument. */
export function ask(socket, event, ...args) {
  return within(new Promise((resolve) => socket.emit(event, ...args, resolve)), `an ack of ${event}`);
}

/** Notes the first argument of every event of this name. */
export function listen(socket, event) {
  const seen = [];
  socket.on(event, (value) => seen.push(value));
  return seen;
}

/** Waits until the server counts exactly these clients in a room. */
export function present(socket, room, ids) {
  const expected = JSON.stringify([...ids].sort());
  const look = async () => (await ask(socket, 'fetch', { room })).map(({ id }) => id);
  return until(`the room ${room} has ${expected}`, look, (found) => JSON.stringify(found.sort()) === expected);
}

/** A TCP link to a server, which can be cut. */
export async function link(t, url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  /** Connections on which a poll waits for its answer. */
  const polling = new Set();
  let broken = false;
  const drop = () => sockets.forEach((socket) => socket.resetAndDestroy());
  const keep = (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  const listener = createServer((here) => {
    keep(here);
    if (broken) return void here.resetAndDestroy();
    const there = dial(Number(port), hostname);
    keep(there);
    here.on('data', (bytes) => /^GET \S+[?&]sid=/.test(bytes.toString('latin1')) && polling.add(here));
    there.on('data', () => polling.delete(here));
    here.on('close', () => polling.delete(here));
    here.pipe(there).pipe(here);
    here.on('close', () => there.destroy());
    there.on('close', () => here.destroy());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => {
    drop();
    listener.close();
  });
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    /** Resets what there is, and everything that comes, until `mend`. */
    cut: () => {
      broken = true;
      drop();
    },
    mend: () => (broken = false),
    /** Whether a poll waits at the server, which else does not notice that the link is cut. */
    polls: () => polling.size > 0,
  };
}

/** A WebSocket of its own that keeps what it gets: text as strings, binary as buffers. */
export class Wire {
  #frames = [];
  #wake = () => {};

  constructor(url, options = {}) {
    const { answersPings = true, ...rest } = options;
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), rest);
    /** Why it could not be opened: the status of the answer, or the error. */
    this.refusal = null;
    this.isClosed = false;
    this.socket.on('error', (error) => (this.refusal ??= error));
    this.socket.on('unexpected-response', (request, response) => {
      this.refusal = response.statusCode;
      request.destroy();
      this.socket.terminate();
    });
    this.socket.on('close', (code) => {
      this.isClosed = true;
      this.code = code;
      this.#wake();
    });
    this.socket.on('message', (data, isBinary) => {
      const frame = isBinary ? data : data.toString();
      if (answersPings && frame === '2') return this.send('3');
      this.#frames.push(frame);
      this.#wake();
    });
  }

  /** An open one. */
  static async open(t, url, options) {
    const wire = new Wire(url, options);
    t.after(() => wire.socket.terminate());
    await within(once(wire.socket, 'open'), `the WebSocket ${url}`);
    return wire;
  }

  send(...frames) {
    for (const frame of frames) this.socket.send(frame);
  }

  /** The next frame; where the connection ends instead, an error. */
  next(what = 'a frame') {
    return within(this.#take(what), what);
  }

  async #take(what) {
    while (this.#frames.length === 0) {
      if (this.isClosed) throw new Error(`the connection ended (${this.code}), awaited was ${what}`);
      await new Promise((resolve) => (this.#wake = resolve));
    }
    return this.#frames.shift();
  }

  /** Waits for the end of the connection and gives what came before it. */
  async closed(what = 'the end of the connection') {
    const end = async () => {
      while (!this.isClosed) await new Promise((resolve) => (this.#wake = resolve));
    };
    await within(end(), what);
    return this.#frames;
  }
}

/** Bytes, and what has them at all depths. */
export const BYTES = Buffer.from([0, 1, 2, 253, 254, 255]);
export const NESTED = { text: 'é€😀', list: [BYTES, { deep: [BYTES, null] }], n: 1.5, empty: Buffer.alloc(0) };

/** What was said. */
export function texts(said) {
  return said.map(({ text }) => text);
}

/** The same with bytes as one kind of thing, whatever kind a transport gives. */
export function plain(value) {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `bytes ${Buffer.from(bytes).toString('hex')}`;
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
