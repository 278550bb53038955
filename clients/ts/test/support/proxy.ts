// What may stand between a client and its server: it resets connections at any byte, or refuses
// WebSockets as some companies' proxies do.

import { createServer, connect, type AddressInfo, type Server as Listener, type Socket } from 'node:net';

export class Proxy {
  /** After how many bytes towards the client each connection is reset; `null`: never. */
  cutAfter: (() => number) | null = null;
  /** Whether an upgrade is answered with 403. */
  refusesUpgrades = false;
  /** Connections that were reset. */
  resets = 0;
  readonly #listener: Listener;
  readonly #target: number;
  readonly #open = new Set<Socket>();

  private constructor(listener: Listener, target: number) {
    this.#listener = listener;
    this.#target = target;
    listener.on('connection', (client) => this.#serve(client));
  }

  static async to(target: number): Promise<Proxy> {
    const listener = createServer();
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    return new Proxy(listener, target);
  }

  get url(): string {
    return `http://localhost:${(this.#listener.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.cutAll();
    await new Promise((done) => this.#listener.close(done));
  }

  /** Resets everything that is open. */
  cutAll(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  #serve(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    let left = this.cutAfter ? this.cutAfter() : Infinity;
    for (const [one, other] of [[client, server], [server, client]] as const) {
      this.#open.add(one);
      one.setNoDelay(true);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#open.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes: Buffer) => {
      if (this.refusesUpgrades && /^upgrade: *websocket/im.test(bytes.toString('latin1'))) return client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (bytes.length < left) {
        left -= bytes.length;
        client.write(bytes);
        return;
      }
      // The last bytes leave first: the cut is in the midst of them.
      client.write(bytes.subarray(0, left), () => {
        this.resets++;
        client.resetAndDestroy();
        server.resetAndDestroy();
      });
    });
  }
}
