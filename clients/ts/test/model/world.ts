// A client between a model of the server and a network that cuts, loses and delays as the dice say.

import { Machine } from '../../src/machine/machine.ts';
import type { OutboxEntry } from '../../src/machine/outbox.ts';
import type { Effect, Input } from '../../src/machine/types.ts';
import type { Dice } from './dice.ts';
import { Judge } from './judge.ts';
import { ModelServer, Session } from './server.ts';

export const USER = 'ann';
const CHANNELS = ['a', 'b', 'eph:c', 'user:*', 'no:d'];
const WRITABLE = ['a', 'b'];

/** What takes its time. */
type Later = Input | { readonly is: 'disk'; readonly entry: OutboxEntry };

export class World {
  readonly server: ModelServer;
  readonly judge: Judge;
  machine: Machine;
  now = 1_000_000;
  readonly #dice: Dice;
  #links = new Map<number, Session>();
  /** Links that lead nowhere any more, and whose client does not know it. */
  #holes = new Set<number>();
  /** What happens some time later: tokens, openings, writes to the disk. */
  #later: Later[] = [];
  #keys = 0;
  #ops = 0;
  readonly #disk = new Map<string, OutboxEntry>();
  /** How much goes wrong in this run. */
  readonly #trouble: number;
  /** What former links still have to say. */
  #echoes: { readonly link: number; readonly text: string }[] = [];

  constructor(dice: Dice) {
    this.#dice = dice;
    this.server = new ModelServer(dice);
    this.judge = new Judge(this.server);
    this.server.onOperation = (opId) => this.judge.sent(opId);
    this.server.onAck = (offset) => this.judge.acked(offset);
    this.#trouble = dice.pick([0.14, 0.05, 0.01]);
    this.machine = this.#boot();
  }

  #boot(): Machine {
    const machine = new Machine({ urls: ['http://one', 'http://two'], user: USER });
    this.machine = machine;
    this.input({ is: 'loaded', entries: [...this.#disk.values()] });
    this.input({ is: 'lead', leads: true });
    this.input({ is: 'connect' });
    return machine;
  }

  input(input: Input): void {
    const effects = this.machine.handle(input, this.now, this.#dice.next());
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case 'token':
        return void this.#later.push(this.#fails(0.1) ? { is: 'no-token', ask: effect.ask } : { is: 'token', ask: effect.ask, token: USER });
      case 'open':
        return void this.#later.push(this.#fails(0.2) || effect.transport === 'sse' ? { is: 'closed', link: effect.link, code: 1006, reason: '' } : { is: 'opened', link: effect.link });
      case 'send':
        if (!this.#links.has(effect.link) && !this.#holes.has(effect.link)) throw new Error('a frame was sent on no link');
        return void this.#links.get(effect.link)?.received.push(effect.text);
      case 'close':
        this.#holes.delete(effect.link);
        return this.#cut(effect.link);
      case 'put':
        return this.#keep(effect.entry);
      case 'remove':
        this.#disk.delete(effect.entry.key);
        return this.judge.removed(effect.entry, effect.reply);
      case 'outbox':
        return this.machine.outbox.entries.forEach((entry) => this.judge.kept(entry));
      case 'tell':
        return this.judge.told(effect.key, effect.event);
    }
  }

  /** A first write takes its time. */
  #keep(entry: OutboxEntry): void {
    if (this.#disk.has(entry.key)) this.#disk.set(entry.key, entry);
    else this.#later.push({ is: 'disk', entry });
  }

  #fails(probability: number): boolean {
    return !this.server.isCalm && this.#dice.chance(probability);
  }

  #cut(link: number): void {
    const session = this.#links.get(link);
    this.#links.delete(link);
    if (!session) return;
    this.server.sessions.delete(session);
    this.#echoes = session.sent.splice(0).map((text) => ({ link, text }));
  }

  /** One thing happens. */
  step(): void {
    if (this.#dice.chance(this.#trouble)) return this.#goesWrong();
    const act = this.#dice.next();
    if (act < 0.4) return this.#travel();
    if (act < 0.55) return this.#laterNow();
    if (act < 0.63) return this.tick();
    if (act < 0.82) return void this.server.publish(this.#dice.pick(['a', 'b', 'eph:c', `user:${USER}`]), this.#dice.next());
    if (act < 0.92) return this.#wish();
    this.#write();
  }

  tick(): void {
    const at = this.machine.deadline();
    this.now = Number.isFinite(at) ? Math.max(this.now, at) : this.now + this.#dice.below(1000);
    this.input({ is: 'tick' });
    if (this.machine.deadline() <= this.now) throw new Error(`a timer would ring without end: ${JSON.stringify([this.machine.link.phase, this.machine.deadline() - this.now, this.machine.outbox.deadline(USER) - this.now, this.machine.channels.deadline() - this.now, this.machine.link.deadline() - this.now])}`);
  }

  /** A frame arrives on either side, on some link. */
  #travel(): void {
    if (!this.#links.size) return;
    const [link, session] = this.#dice.pick([...this.#links]);
    if (this.#dice.chance(0.5)) return this.server.take(session);
    const echo = this.#dice.chance(0.1) ? this.#echoes.shift() : undefined;
    if (echo) return this.input({ is: 'text', ...echo });
    const text = session.sent.shift();
    if (text !== undefined) this.input({ is: 'text', link, text });
  }

  #laterNow(): void {
    if (!this.#later.length) return;
    const [input] = this.#later.splice(this.#dice.below(this.#later.length), 1);
    this.#happen(input!);
  }

  #happen(input: Later): void {
    if (input.is === 'disk') {
      const { key } = input.entry;
      // It may have been sent, saved and forgotten, or changed, while it was being written.
      this.#disk.set(key, this.machine.outbox.entries.find((it) => it.key === key) ?? input.entry);
      return this.input({ is: 'stored', key, isKept: true });
    }
    if (input.is === 'opened') {
      const session = new Session();
      this.#links.set(input.link, session);
      this.server.sessions.add(session);
    }
    this.input(input);
  }

  /** The application subscribes, gives up, loads a snapshot. */
  #wish(): void {
    const wanted = [...this.judge.wanted.keys()];
    const act = this.#dice.next();
    if (wanted.length && act < 0.35) {
      const key = this.#dice.pick(wanted);
      this.judge.closes(key);
      return this.input({ is: 'unsubscribe', key });
    }
    if (wanted.length && act < 0.5) return this.#resume(this.#dice.pick(wanted));
    const channel = this.#dice.pick(CHANNELS);
    const key = ++this.#keys;
    const since = WRITABLE.includes(channel) && this.#dice.chance(0.4) ? this.judge.snapshot(channel, this.#dice) : null;
    this.judge.opens(key, channel, since);
    this.input({ is: 'subscribe', key, channel, since, presence: this.#dice.chance(0.3) });
  }

  #resume(key: number): void {
    const channel = this.judge.wanted.get(key)!;
    if (!WRITABLE.includes(channel)) return;
    const position = this.judge.snapshot(channel, this.#dice);
    this.judge.resumes(key, position);
    this.input({ is: 'resume', key, position });
  }

  #write(): void {
    const key = `k${String(++this.#ops).padStart(6, '0')}`;
    const channel = this.#dice.pick(WRITABLE);
    const data = this.#dice.chance(0.1) ? 'poison' : key;
    const echo = this.#dice.chance(0.2) ? { echo: false } : {};
    const entry: OutboxEntry = { key, opId: `op-${key}`, event: 'message', channel, data, bytes: 1, createdMs: this.now, user: USER, state: 'pending', failures: 0, ...echo };
    this.judge.writes(entry);
    this.input({ is: 'write', entry });
  }

  #goesWrong(): void {
    const act = this.#dice.next();
    const [link, session] = this.#links.size ? this.#dice.pick([...this.#links]) : [];
    if (act < 0.3 && link !== undefined) {
      this.#cut(link);
      return this.input({ is: 'closed', link, code: this.#dice.pick([1006, 3001, 3005, 3008, 3010]), reason: '' });
    }
    if (act < 0.4 && link !== undefined) {
      // Nothing arrives any more, and nobody says so.
      this.#cut(link);
      this.#holes.add(link);
      return;
    }
    if (act < 0.5) return this.server.trim(this.#dice.pick(WRITABLE));
    if (act < 0.56) return this.#restart();
    if (act < 0.64 && session) return this.server.lag(session, this.#dice.pick(WRITABLE));
    if (act < 0.7 && session) return this.#omit(session);
    if (act < 0.78) return this.input({ is: 'network', online: this.#dice.chance(0.5) });
    if (act < 0.86) return this.input({ is: 'visible', visible: this.#dice.chance(0.5) });
    if (act < 0.92) return this.input({ is: 'lead', leads: this.#dice.chance(0.6) });
    if (act < 0.95) return this.#reload();
    if (act < 0.97) return this.server.ackElsewhere(USER);
    if (session) session.say({ type: 'bye', reason: 'drain', retry_after_ms: this.#dice.below(3000) });
  }

  /** The server fails to send something, against the protocol; the next publication shows the hole. */
  #omit(session: Session): void {
    const at = session.sent.findIndex((text) => /"channel":"[ab]","offset"/.test(text) && text.includes('time_ms'));
    if (at >= 0) session.sent.splice(at, 1);
  }

  #restart(): void {
    this.server.restart(this.#dice.pick(WRITABLE));
    const links = [...this.#links.keys()];
    this.#links.clear();
    for (const link of links) this.input({ is: 'closed', link, code: 1006, reason: '' });
  }

  /** The page is loaded anew: what was not on the disk is gone, and the application subscribes again. */
  #reload(): void {
    for (const link of [...this.#links.keys()]) this.#cut(link);
    this.#holes.clear();
    this.#later = [];
    this.#echoes = [];
    this.judge.reloads(this.#disk);
    this.#boot();
  }

  /** Nothing goes wrong any more, until everything has been said. */
  settle(): void {
    this.server.isCalm = true;
    this.input({ is: 'network', online: true });
    this.input({ is: 'visible', visible: true });
    this.input({ is: 'lead', leads: true });
    this.#drain();
    for (const channel of WRITABLE) this.server.publish(channel, 'the last');
    for (let quiet = 0; quiet < 3; ) {
      const wasBusy = this.#drain();
      quiet = wasBusy || this.machine.status.state !== 'online' || this.machine.outbox.entries.some((it) => it.state !== 'rejected') ? 0 : quiet + 1;
      if (++this.#rounds > 2000) throw new Error(`it does not come to rest: ${JSON.stringify([this.machine.status, this.machine.outbox.entries, this.#later])}`);
      this.tick();
    }
    this.#drain();
  }

  #rounds = 0;

  #drain(): boolean {
    let wasBusy = false;
    for (;;) {
      const later = this.#later.shift();
      if (later) this.#happen(later);
      let moved = later !== undefined;
      for (const [link, session] of [...this.#links]) {
        while (session.received.length) this.server.take(session);
        for (let text = session.sent.shift(); text !== undefined; text = session.sent.shift()) {
          moved ||= !text.includes('"pong"');
          this.input({ is: 'text', link, text });
        }
      }
      if (!moved) return wasBusy;
      wasBusy = true;
    }
  }
}
