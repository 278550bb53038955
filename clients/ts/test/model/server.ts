// A model of the server: the protocol's laws in memory, with everything that may go wrong. It is written
// from docs/protocol.md and shares nothing with the client.

import type { Position } from '../../src/frames.ts';
import type { Dice } from './dice.ts';

export interface Said {
  readonly offset: number;
  readonly opId: string | null;
  readonly data: unknown;
  /** Left out for this session: it gets `skipped`. */
  readonly silentFor: Session | null;
}

interface Channel {
  epoch: string;
  /** Of the epoch, from offset 1. */
  log: Said[];
  /** What is retained begins after this offset. */
  trimmed: number;
}

export class Session {
  user: string | null = null;
  readonly channels = new Set<string>();
  /** On their way to the client. */
  readonly sent: string[] = [];
  /** On their way to the server. */
  readonly received: string[] = [];

  say(frame: object): void {
    this.sent.push(JSON.stringify(frame));
  }
}

type Frame = { type: string; id?: unknown; channel?: string; since?: Position; op_id?: string; data?: unknown; echo?: boolean; token?: string; offset?: number; ts?: unknown };

export class ModelServer {
  readonly sessions = new Set<Session>();
  /** Every epoch that a channel has had: the truth, never trimmed. */
  readonly truth = new Map<string, readonly Said[]>();
  /** Operations as they took effect, by channel. */
  readonly applied = new Map<string, string[]>();
  readonly #channels = new Map<string, Channel>();
  /** Of each user and operation the first position. */
  readonly #seen = new Map<string, Position>();
  readonly #acks = new Map<string, number>();
  readonly #dice: Dice;
  #epochs = 0;
  onOperation: (opId: string) => void = () => {};
  onAck: (offset: number) => void = () => {};
  /** Whether nothing goes wrong any more. */
  isCalm = false;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  channel(name: string): Channel {
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { epoch: '', log: [], trimmed: 0 };
      this.#channels.set(name, channel);
      this.#begin(name, channel);
    }
    return channel;
  }

  isEphemeral(name: string): boolean {
    return name.startsWith('eph:');
  }

  #begin(name: string, channel: Channel): void {
    channel.epoch = `e${++this.#epochs}`;
    channel.log = [];
    channel.trimmed = 0;
    this.truth.set(`${name} ${channel.epoch}`, channel.log);
  }

  /** A restart without memory: every link is lost, and what `name` held is too. */
  restart(name: string): void {
    this.#begin(name, this.channel(name));
    this.sessions.clear();
  }

  trim(name: string): void {
    const channel = this.channel(name);
    channel.trimmed = Math.max(channel.trimmed, this.#dice.below(channel.log.length + 1));
  }

  /** A client that reads too slowly is stopped, and comes back from its position. */
  lag(session: Session, name: string): void {
    if (!session.channels.has(name) || this.isEphemeral(name)) return;
    session.channels.delete(name);
    const { epoch, log } = this.channel(name);
    session.say({ type: 'lagged', channel: name, since: { epoch, offset: log.length } });
  }

  /** Another tab of the same device has acknowledged everything. */
  ackElsewhere(user: string): void {
    this.#acks.set(user, this.channel(`user:${user}`).log.length);
  }

  publish(name: string, data: unknown, opId: string | null = null, silentFor: Session | null = null): Position {
    const channel = this.channel(name);
    const said = { offset: channel.log.length + 1, opId, data, silentFor };
    channel.log.push(said);
    if (opId) this.applied.set(name, [...(this.applied.get(name) ?? []), opId]);
    for (const session of this.sessions) if (session.channels.has(name)) this.#tell(session, name, said);
    return { epoch: channel.epoch, offset: said.offset };
  }

  #tell(session: Session, name: string, { offset, opId, data, silentFor }: Said): void {
    const place = this.isEphemeral(name) ? {} : { offset };
    if (silentFor === session) {
      if ('offset' in place) session.say({ type: 'skipped', channel: name, ...place });
    } else {
      session.say({ type: 'message', channel: name, ...place, ...(opId && { op_id: opId }), time_ms: 1, data });
    }
  }

  /** The session's next message takes effect. */
  take(session: Session): void {
    const text = session.received.shift();
    if (text === undefined || !this.sessions.has(session)) return;
    const frames = [JSON.parse(text)].flat() as Frame[];
    if (frames.length > 128) throw new Error('a batch has at most 128 frames');
    for (const frame of frames) this.#act(session, frame);
  }

  #act(session: Session, frame: Frame): void {
    if (frame.type === 'auth') return this.#auth(session, frame.token!);
    if (frame.type === 'ping') return session.say({ type: 'pong', ts: frame.ts, time_ms: 1 });
    if (session.user === null) throw new Error(`${frame.type} before welcome`);
    if (!this.isCalm && frame.id !== undefined && this.#dice.chance(0.08)) return this.#refuse(session, frame);
    switch (frame.type) {
      case 'subscribe':
        return this.#subscribe(session, frame);
      case 'unsubscribe':
        session.channels.delete(frame.channel!);
        return session.say({ type: 'unsubscribed', channel: frame.channel, code: 1000, reason: 'normal', id: frame.id });
      case 'ack':
        this.onAck(frame.offset!);
        this.#acks.set(session.user, Math.max(this.#acks.get(session.user) ?? 0, frame.offset!));
        return session.say({ type: 'reply', id: frame.id });
      case 'message':
      case 'op':
        return this.#message(session, frame);
    }
  }

  #refuse(session: Session, frame: Frame): void {
    const code = this.#dice.pick(['rate_limited', 'unavailable']);
    session.say({ type: 'error', id: frame.id, error: { code, message: '', retryable: true, retry_after_ms: this.#dice.below(500) } });
  }

  #auth(session: Session, user: string): void {
    session.user = user;
    session.say({ type: 'welcome', session: 's', user, node: 'n', protocol: 1, ping_interval_ms: 25_000, limits: { frame_bytes: 65536 }, time_ms: 1 });
    const name = `user:${user}`;
    const { epoch, log } = this.channel(name);
    const acked = this.#acks.get(user);
    this.#acks.set(user, acked ?? log.length);
    session.channels.add(name);
    if (acked === undefined || acked >= log.length) {
      session.say({ type: 'subscribed', channel: name, epoch, offset: log.length, recovery: acked === undefined ? 'fresh' : 'up_to_date' });
    } else {
      session.say({ type: 'subscribed', channel: name, epoch, offset: log.length, recovery: 'replay' });
      log.slice(acked).forEach((said) => this.#tell(session, name, said));
    }
  }

  #subscribe(session: Session, { id, channel: name = '', since }: Frame): void {
    if (name.startsWith('no:')) return session.say({ type: 'error', id, error: { code: 'forbidden', message: '', retryable: false } });
    session.channels.add(name);
    const { epoch, log, trimmed } = this.channel(name);
    const told = { type: 'subscribed', channel: name, id, ...(this.isEphemeral(name) ? {} : { epoch, offset: log.length }) };
    if (!since || this.isEphemeral(name)) return session.say({ ...told, recovery: 'fresh' });
    const reason = since.epoch !== epoch ? 'epoch' : since.offset > log.length ? 'ahead' : since.offset < trimmed ? 'trimmed' : null;
    if (reason) return session.say({ ...told, recovery: 'reset', reset_reason: reason });
    if (since.offset === log.length) return session.say({ ...told, recovery: 'up_to_date' });
    session.say({ ...told, recovery: 'replay' });
    log.slice(since.offset).forEach((said) => this.#tell(session, name, said));
  }

  #message(session: Session, frame: Frame): void {
    const { channel: name = '', op_id: opId = null, data, id } = frame;
    if (opId) this.onOperation(opId);
    if (data === 'poison') return session.say({ type: 'error', id, error: { code: 'gone', message: '', retryable: false } });
    const key = `${session.user} ${opId}`;
    const known = opId === null ? undefined : this.#seen.get(key);
    const position = known ?? this.publish(name, data, opId, frame.echo === false ? session : null);
    if (opId) this.#seen.set(key, position);
    session.say({ type: 'reply', id, position, ...(known && { duplicate: true }) });
  }
}
