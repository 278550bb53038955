// The client's I/O on Node: sockets by `ws`, and what a browser would have, by hand.

import { WebSocket } from 'ws';
import type { Io, Socket, SocketEvents, World } from '../../src/io.ts';

/** Opens sockets as a browser would: without the reason of a failure, which is 1006. */
export function nodeSocket(url: string, protocol: string, events: SocketEvents): Socket {
  return wrap(new WebSocket(url, protocol), events);
}

export function wrap(socket: WebSocket, events: SocketEvents): Socket {
  socket.on('open', () => events.opened());
  socket.on('message', (data) => events.text(String(data)));
  socket.on('close', (code, reason) => events.closed(code, String(reason)));
  socket.on('error', () => {});
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => {
      socket.removeAllListeners('open').removeAllListeners('message').removeAllListeners('close');
      socket.terminate();
    },
  };
}

/** The world around a client, in a test's hands. */
export class Surroundings {
  #listeners = new Set<(what: World) => void>();
  /** What listeners have thrown. */
  readonly reported: unknown[] = [];

  io(more: Partial<Io> = {}): Partial<Io> {
    return {
      socket: nodeSocket,
      // Waits are as short as they may be: the tests are of what happens, not of when.
      random: () => 0,
      watch: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
      lock: () => null,
      broadcast: () => null,
      device: () => null,
      report: (error) => void this.reported.push(error),
      ...more,
    };
  }

  says(what: World): void {
    for (const listener of this.#listeners) listener(what);
  }
}
