// Holds what the client tells its application against the truth, which the client does not see.

import type { Position } from '../../src/frames.ts';
import type { ChannelEvent } from '../../src/machine/channel.ts';
import type { OutboxEntry } from '../../src/machine/outbox.ts';
import type { Dice } from './dice.ts';
import type { ModelServer, Said } from './server.ts';

interface Listener {
  readonly channel: string;
  /** Up to where the application has everything; `null` before it was told a position. */
  at: Position | null;
  /** Whether the first publication may be any: the server alone knows where the device left off. */
  isOpen: boolean;
}

export class Judge {
  readonly #server: ModelServer;
  readonly #listeners = new Map<number, Listener>();
  #written: OutboxEntry[] = [];
  readonly #rejected = new Set<string>();
  /** Up to where the personal channel was told, or had been when the device was new. */
  #ownTold = 0;
  readonly #saved = new Set<string>();

  constructor(server: ModelServer) {
    this.#server = server;
  }

  /** The listeners that are open, and their channels. */
  get wanted(): ReadonlyMap<number, string> {
    return new Map([...this.#listeners].map(([key, { channel }]) => [key, channel]));
  }

  opens(key: number, channel: string, since: Position | null): void {
    this.#listeners.set(key, { channel, at: since, isOpen: false });
  }

  closes(key: number): void {
    this.#listeners.delete(key);
  }

  resumes(key: number, position: Position): void {
    this.#listeners.get(key)!.at = position;
  }

  /** A position that a snapshot may be of, whichever it was. */
  snapshot(channel: string, dice: Dice): Position {
    this.#server.channel(channel);
    const epochs = [...this.#server.truth].filter(([name]) => name.startsWith(`${channel} `));
    const [name, log] = dice.chance(0.2) ? dice.pick(epochs) : epochs.at(-1)!;
    return { epoch: name.slice(channel.length + 1), offset: dice.below(log.length + 1) };
  }

  /** What had not reached the disk goes with the page; it must not have been sent before. */
  reloads(disk: ReadonlyMap<string, OutboxEntry>): void {
    this.#listeners.clear();
    this.#written = this.#written.filter((entry) => disk.has(entry.key) || this.#saved.has(entry.key));
  }

  /** The server has got an operation. */
  sent(opId: string): void {
    if (this.#rejected.has(opId)) throw new Error(`${opId} was sent again, after its rejection`);
  }

  /** The device says that it has everything of its personal channel up to here. */
  acked(offset: number): void {
    if (offset > this.#ownTold) throw new Error(`acknowledged ${offset}, told ${this.#ownTold}`);
  }

  kept(entry: OutboxEntry): void {
    if (entry.state === 'rejected') this.#rejected.add(entry.opId);
  }

  writes(entry: OutboxEntry): void {
    this.#written.push(entry);
  }

  removed(entry: OutboxEntry, reply: unknown): void {
    if (!reply) throw new Error(`${entry.opId} was thrown away`);
    if (this.#saved.has(entry.key)) throw new Error(`${entry.opId} was saved twice`);
    this.#saved.add(entry.key);
  }

  told(key: number, event: ChannelEvent): void {
    const listener = this.#listeners.get(key);
    if (!listener) throw new Error(`${event.kind} for a listener that is closed`);
    switch (event.kind) {
      case 'subscribed':
        this.#subscribed(listener, event);
        return this.#toldOwn(listener);
      case 'publication':
        this.#publication(listener, event.frame.offset, event.frame.data, event.position);
        return this.#toldOwn(listener);
      case 'lost':
        if (!listener.channel.startsWith('no:')) throw new Error(`${listener.channel} was lost: ${event.error.code}`);
        return this.closes(key);
    }
  }

  #toldOwn(listener: Listener): void {
    if (listener.channel === 'user:*') this.#ownTold = Math.max(this.#ownTold, listener.at?.offset ?? 0);
  }

  #subscribed(listener: Listener, { recovery, position, reason }: Extract<ChannelEvent, { kind: 'subscribed' }>): void {
    const { at } = listener;
    switch (recovery) {
      case 'fresh':
        if (at) throw new Error('fresh, in spite of a position');
        listener.at = position;
        return;
      case 'reset':
        this.#isJustified(listener, position, reason);
        listener.at = position;
        listener.isOpen = false;
        return;
      case 'up_to_date':
      case 'replay':
        if (!position) {
          listener.isOpen = true;
          return;
        }
        if (!this.#isAt(listener, position)) throw new Error(`${recovery} from ${show(position)}, and the application is at ${show(at)}`);
        listener.at = position;
    }
  }

  /** Of several listeners one may share another's reset; one alone is reset for its own position only. */
  #isJustified({ channel, at }: Listener, position: Position | null, reason: string | undefined): void {
    const others = [...this.#listeners.values()].filter((it) => it.channel === channel);
    if (!at || !position || others.length > 1) return;
    const isRight = reason === 'epoch' ? at.epoch !== position.epoch : at.offset < this.#server.channel(channel).trimmed;
    if (!isRight) throw new Error(`reset for ${reason} from ${show(at)} to ${show(position)}`);
  }

  /** Whether the application is there, but for what it was left out of. */
  #isAt({ channel, at }: Listener, position: Position): boolean {
    if (at?.epoch !== position.epoch || at.offset > position.offset) return false;
    return this.#log(channel, at.epoch).slice(at.offset, position.offset).every((said) => said.silentFor !== null);
  }

  #publication(listener: Listener, offset: number | undefined, data: unknown, position: Position | null): void {
    if (offset === undefined) {
      if (!this.#server.isEphemeral(listener.channel)) throw new Error('a publication without a place');
      return;
    }
    if (!position) throw new Error('a place without an epoch');
    if (!listener.at && !listener.isOpen) throw new Error(`a publication before a position: ${show(position)}`);
    const from = listener.isOpen && !listener.at ? { ...position, offset: offset - 1 } : listener.at!;
    const isDue = this.#due(listener, from).some((said) => said.offset === offset && said.data === data);
    if (from.epoch !== position.epoch || !isDue) throw new Error(`${show(position)} came after ${show(from)}`);
    listener.at = position;
  }

  /** What may come next: what was published silently may be left out, and nothing else. */
  #due(listener: Listener, at: Position): readonly Said[] {
    const rest = this.#log(listener.channel, at.epoch).slice(at.offset);
    const loud = rest.findIndex((said) => said.silentFor === null);
    return loud < 0 ? rest : rest.slice(0, loud + 1);
  }

  #log(channel: string, epoch: string): readonly Said[] {
    const name = channel === 'user:*' ? 'user:ann' : channel;
    const log = this.#server.truth.get(`${name} ${epoch}`);
    if (!log) throw new Error(`no such epoch: ${name} ${epoch}`);
    return log;
  }

  /** Everything has been said. */
  concludes(machine: { outbox: { entries: readonly OutboxEntry[] } }): void {
    for (const listener of this.#listeners.values()) this.#isComplete(listener);
    this.#noGhosts();
    this.#appliedOnce(machine.outbox.entries);
  }

  #isComplete({ channel, at, isOpen }: Listener): void {
    if (this.#server.isEphemeral(channel)) return;
    const name = channel === 'user:*' ? 'user:ann' : channel;
    const { epoch, log } = this.#server.channel(name);
    if (!at) {
      if (!isOpen) throw new Error(`${channel}: never subscribed`);
      return;
    }
    const rest = at.epoch === epoch ? log.slice(at.offset) : log;
    const lost = rest.filter((said) => said.silentFor === null);
    if (at.epoch !== epoch || lost.length) throw new Error(`${channel}: lost ${lost.length} after ${show(at)}, the end is ${epoch}-${log.length}`);
  }

  #noGhosts(): void {
    const [session, ...more] = [...this.#server.sessions].filter((it) => it.user !== null);
    if (more.length) throw new Error('several sessions');
    const wanted = new Set([...this.#listeners.values()].map(({ channel }) => (channel === 'user:*' ? 'user:ann' : channel)));
    const ghosts = [...(session?.channels ?? [])].filter((name) => !wanted.has(name));
    if (ghosts.length) throw new Error(`subscribed, and nobody listens: ${ghosts.join()}`);
  }

  #appliedOnce(left: readonly OutboxEntry[]): void {
    for (const name of new Set(this.#written.map((it) => it.channel!))) {
      const due = this.#written.filter((it) => it.channel === name && it.data !== 'poison').map((it) => it.opId);
      const got = this.#server.applied.get(name) ?? [];
      if (got.join() !== due.join()) throw new Error(`${name}: applied ${got.join()}, written ${due.join()}`);
    }
    const poisoned = this.#written.filter((it) => it.data === 'poison').map((it) => it.opId);
    const kept = left.filter((it) => it.state === 'rejected').map((it) => it.opId);
    if (kept.join() !== poisoned.join() || left.length !== kept.length) throw new Error(`rejected ${poisoned.join()}, kept ${left.map((it) => it.opId).join()}`);
  }
}

function show(position: Position | null): string {
  return position ? `${position.epoch}-${position.offset}` : 'nowhere';
}
