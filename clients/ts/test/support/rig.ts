// A machine in a test's hands: no network, and a clock that only the test moves.

import { Machine, type MachineOptions } from '../../src/machine/machine.ts';
import type { Effect, Input } from '../../src/machine/types.ts';

type Of<Do extends Effect['do']> = Extract<Effect, { do: Do }>;

export class Rig {
  readonly machine: Machine;
  now = 1_700_000_000_000;
  random = 0.5;
  /** What is to be done, since it was last asked. */
  #effects: Effect[] = [];

  constructor(options: Partial<MachineOptions> = {}) {
    this.machine = new Machine({ urls: ['http://one'], ...options });
  }

  input(input: Input): this {
    this.#effects.push(...this.machine.handle(input, this.now, this.random));
    return this;
  }

  /** Time passes; what is due on the way happens when it is due. */
  pass(ms: number): this {
    const end = this.now + ms;
    for (let at = this.machine.deadline(); at <= end; at = this.machine.deadline()) {
      this.now = Math.max(this.now, at);
      this.input({ is: 'tick' });
    }
    this.now = end;
    return this.input({ is: 'tick' });
  }

  take<Do extends Effect['do']>(what: Do): Of<Do>[] {
    const taken = this.#effects.filter((effect): effect is Of<Do> => effect.do === what);
    this.#effects = this.#effects.filter((effect) => effect.do !== what);
    return taken;
  }

  /** Frames that were sent, a batch as a list. */
  sent(): unknown[] {
    return this.take('send').map(({ text }) => JSON.parse(text));
  }

  says(frame: object): this {
    return this.input({ is: 'text', link: this.link, text: JSON.stringify(frame) });
  }

  get link(): number {
    const { phase } = this.machine.link;
    return 'link' in phase ? phase.link : 0;
  }

  get state(): string {
    return this.machine.status.state;
  }

  /** Answers the question for a token, and opens the socket. */
  opens(token: string | null = null): this {
    const asks = this.take('token');
    this.input({ is: 'token', ask: asks.at(-1)!.ask, token });
    return this.input({ is: 'opened', link: this.link });
  }

  fails(code = 1006): this {
    return this.input({ is: 'closed', link: this.link, code, reason: '' });
  }

  welcomes(user = 'ann', more: object = {}): this {
    return this.says({ type: 'welcome', session: 's', user, node: 'n1', protocol: 1, ping_interval_ms: 25_000, limits: { frame_bytes: 65536 }, time_ms: this.now, ...more });
  }

  /** Connected and welcomed. */
  up(user = 'ann'): this {
    return this.input({ is: 'connect' }).opens().welcomes(user);
  }
}
