// The few names that QuickJS lacks and the bundle uses. It has no Intl, no console and no timers; a render is
// synchronous, so timers need to exist only. The plural rules are tested against Node's.

import { pluralOf } from './lib/i18n/plural';

type Globals = Record<string, unknown>;
const globals = globalThis as unknown as Globals;
const nothing = () => undefined;

class PluralRules {
  readonly #locale: string;

  constructor(locale: string) {
    this.#locale = locale;
  }

  select(count: number): string {
    return pluralOf(this.#locale, count);
  }
}

globals.console ??= { log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing };
globals.Intl ??= {};
(globals.Intl as Globals).PluralRules ??= PluralRules;
for (const name of ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'queueMicrotask']) {
  globals[name] ??= nothing;
}
