// A server of a script's own, which it may kill: on a free port, with data that are thrown away.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PATIENCE_MS = 20_000;

/** Runs a test with a server of its own: `kill()` is `kill -9`, `start()` starts it again as it was. */
export async function withServer(test) {
  const folder = await mkdtemp(join(tmpdir(), 'veche-e2e-server-'));
  const server = new Server(folder, await freePort());
  try {
    await server.start();
    await test(server);
  } finally {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

class Server {
  #folder;
  #port;
  #child = null;

  constructor(folder, port) {
    this.#folder = folder;
    this.#port = port;
  }

  get url() {
    return `http://localhost:${this.#port}`;
  }

  async start() {
    const log = await open(join(this.#folder, 'server.log'), 'a');
    const flags = ['serve', '--demo', '--port', String(this.#port), '--data', join(this.#folder, 'data')];
    this.#child = spawn(process.env.E2E_VECHE, flags, { cwd: this.#folder, stdio: ['ignore', log.fd, log.fd] });
    await once(this.#child, 'spawn');
    await log.close();
    const end = Date.now() + PATIENCE_MS;
    while (!(await this.#isReady())) {
      if (this.#child.exitCode !== null || Date.now() > end) throw new Error('the server does not start');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async kill() {
    if (this.#child === null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
    this.#child = null;
  }

  async #isReady() {
    try {
      return (await fetch(`${this.url}/readyz`)).ok;
    } catch {
      return false;
    }
  }
}

/** A port that was free a moment ago. */
async function freePort() {
  const probe = createServer().listen(0, 'localhost');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
