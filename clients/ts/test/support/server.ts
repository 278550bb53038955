// A server of ours on a free port, with a data folder that is thrown away.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request as ask, type RequestOptions } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../../..');
/** Durable channels `log:…` that anybody may use. */
const DURABLE = 'namespaces.log={class="durable", subscribe="anyone", publish="anyone", history="anyone", presence="anyone"}';
/** Rates that do not bind: what they do has tests of its own. */
const UNBOUND = ['limits.frames_per_second=0', 'limits.messages_per_minute=0', 'limits.subscribes_per_minute=0', 'limits.calls_per_second=0', 'limits.connections_per_user=0'];

/** `VECHE_BIN`, or what cargo has built. */
export function binary(): string {
  const built = ['release', 'debug'].map((profile) => join(ROOT, 'target', profile, 'veche'));
  const found = [process.env.VECHE_BIN ?? '', ...built].find((path) => path && existsSync(path));
  if (!found) throw new Error('no server: build it by `cargo build -p veche-server`, or name one by VECHE_BIN');
  return found;
}

export class Server {
  readonly port: number;
  readonly #data: string;
  readonly #settings: readonly string[];
  readonly #flags: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(port: number, settings: readonly string[], flags: readonly string[]) {
    this.port = port;
    this.#settings = settings;
    this.#flags = flags;
    this.#data = mkdtempSync(join(tmpdir(), 'veche-client-'));
  }

  /** Started and ready. `settings` are `--set`'s. */
  static async start(settings: readonly string[] = UNBOUND, flags: readonly string[] = ['--demo']): Promise<Server> {
    const server = new Server(await freePort(), settings, flags);
    await server.run();
    return server;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** Starts the process on its data and port, and waits until it is ready. */
  async run(): Promise<void> {
    const sets = [DURABLE, ...this.#settings].flatMap((setting) => ['--set', setting]);
    const args = ['serve', ...this.#flags, '--port', String(this.port), '--data', this.#data, ...sets];
    const child = spawn(binary(), args, { cwd: this.#data, env: clean(), stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-4000)));
    this.#process = child;
    const ended = new Promise<never>((_, failed) => child.once('exit', (code) => failed(new Error(`the server ended with ${code}: ${said}`))));
    ended.catch(() => {});
    await Promise.race([ready(`${this.url}/readyz`), ended]);
  }

  /** As a power cut would: nothing is written any more. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.#data, { recursive: true, force: true });
  }

  token(user: string, ttl = '1h'): string {
    const args = ['token', '--sub', user, '--ttl', ttl, '--data', this.#data];
    return execFileSync(binary(), args, { cwd: this.#data, env: clean(), encoding: 'utf8' }).trim();
  }

  /** A key for the API of back ends. */
  key(...scopes: string[]): string {
    const args = ['key', 'create', '--name', 'test', '--data', this.#data, ...scopes.flatMap((scope) => ['--scope', scope])];
    return execFileSync(binary(), args, { cwd: this.#data, env: clean(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await ended;
  }
}

/** The environment without settings of ours. */
function clean(): NodeJS.ProcessEnv {
  const isSetting = (name: string) => name === 'PORT' || name === 'HOST' || name.startsWith('VECHE_');
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSetting(name)));
}

async function ready(url: string): Promise<void> {
  while ((await request(url).catch(() => null))?.status !== 200) await new Promise((done) => setTimeout(done, 20));
}

/** A request by Node itself: a test's page may have a `fetch` of its own. */
export function request(url: string, options: RequestOptions = {}, body = ''): Promise<{ status: number; text: string; cookies: readonly string[] }> {
  return new Promise((done, failed) => {
    const asked = ask(url, { agent: false, ...options }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => done({ status: response.statusCode ?? 0, text, cookies: response.headers['set-cookie'] ?? [] }));
      response.on('error', failed);
    });
    asked.on('error', failed);
    asked.end(body);
  });
}

export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const listener = createServer();
    listener.once('error', failed);
    listener.listen(0, () => {
      const address = listener.address();
      listener.close(() => (address && typeof address === 'object' ? done(address.port) : failed(new Error('no port'))));
    });
  });
}
