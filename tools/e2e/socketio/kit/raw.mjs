// The conformance fixture as plain HTTP and WebSockets see it: what its tests share.
//
// The fixture gives a client 500 ms to live without a pong. A test that failed after more than that has perhaps lost
// a race on a busy machine, and is run again; one that failed sooner has not.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PATIENCE_MS, Wire, required, test, within } from '../kit.mjs';

export const FIXTURE = required('SIO_FIXTURE');
export const ENGINE = `${FIXTURE}/engine.io/`;
export const SOCKETS = `${FIXTURE}/socket.io/`;
/** What a session lives without a pong. */
export const LIFE_MS = 500;
export const SEPARATOR = '\x1e';

/** A test of the fixture. */
export function check(name, options, body = options) {
  test(name, options, async (t) => {
    for (let attempt = 1; ; attempt += 1) {
      const begun = Date.now();
      try {
        return await body(t);
      } catch (error) {
        const took = Date.now() - begun;
        if (attempt === 5 || took < LIFE_MS * 0.8 || took >= PATIENCE_MS) throw error;
        t.diagnostic(`again, for it may have been late: ${error.message}`);
      }
    }
  });
}

/** A session by polling. */
export class Polling {
  constructor(url, sid) {
    this.url = `${url}?EIO=4&transport=polling&sid=${sid}`;
    this.sid = sid;
  }

  static async open(url) {
    const response = await fetch(`${url}?EIO=4&transport=polling`);
    return new Polling(url, JSON.parse((await response.text()).slice(1)).sid);
  }

  async get() {
    const response = await fetch(this.url, { signal: AbortSignal.timeout(10_000) });
    return { status: response.status, body: await response.text() };
  }

  async poll() {
    const { status, body } = await this.get();
    assert.equal(status, 200, body);
    return body;
  }

  /** So many packets, by as many polls as it takes; pings are answered. */
  async packets(count) {
    const packets = [];
    while (packets.length < count) {
      for (const packet of (await this.poll()).split(SEPARATOR)) {
        if (packet === '2') await this.post('3');
        else packets.push(packet);
      }
    }
    return packets;
  }

  async post(body) {
    const response = await fetch(this.url, { method: 'POST', body });
    assert.equal(response.status, 200);
    return response.text();
  }

  /** The status of a post; a server that ends the session may drop the connection, too. */
  async postStatus(body) {
    try {
      const response = await fetch(this.url, { method: 'POST', body });
      await response.text();
      return response.status;
    } catch {
      return 'lost';
    }
  }

  /** Joins the root. */
  async join() {
    await this.post('40');
    assert.match((await this.packets(2))[1], /^42\["auth"/);
  }

  /** Waits until the server does not know the session any more, which takes no longer than noticing. */
  async ended() {
    const seen = await within(this.#gone(), 'the end of the session');
    assert.deepEqual(seen, { code: 1, message: 'Session ID unknown' });
  }

  async #gone() {
    for (;;) {
      const { status, body } = await this.get();
      assert.notEqual(body, '2', 'the session lives, and is pinged');
      if (status === 400 && body !== '' && JSON.parse(body).code === 1) return JSON.parse(body);
    }
  }
}

/** A session of `/engine.io/` by WebSocket. */
export async function engine(t, options) {
  const wire = await Wire.open(t, `${ENGINE}?EIO=4&transport=websocket`, options);
  assert.equal((await wire.next('the open packet'))[0], '0');
  return wire;
}

/** A session of `/socket.io/` by WebSocket, without a namespace. */
export async function sockets(t, options) {
  const wire = await Wire.open(t, `${SOCKETS}?EIO=4&transport=websocket`, options);
  assert.equal((await wire.next('the open packet'))[0], '0');
  return wire;
}

/** Connects to a namespace (`/name,`, or the root); its `sid`. */
export async function join(wire, namespace = '') {
  wire.send(`40${namespace}`);
  const reply = await wire.next('CONNECT');
  assert.ok(reply.startsWith(`40${namespace}{`), reply);
  assert.equal(await wire.next('the event auth'), `42${namespace}["auth",{}]`);
  return JSON.parse(reply.slice(2 + namespace.length)).sid;
}

/** What is answered to a ping of the WebSocket itself. */
export async function pong(wire) {
  const answer = within(once(wire.socket, 'pong'), 'a pong');
  wire.socket.ping('are you there');
  return (await answer)[0].toString();
}

/** The next frames, so many. */
export async function take(wire, count) {
  const frames = [];
  while (frames.length < count) frames.push(await wire.next());
  return frames;
}
