// The client of Veche: channels, calls and an outbox over one connection.

export { Client } from './client.js';
export { VecheError, type Failure, type KnownCode } from './errors.js';
export type { Member, Position, PresenceState, Recovery, ResetReason } from './frames.js';
export { browserIo, type Broadcast, type Io, type Socket, type SocketEvents, type World } from './io.js';
export type { EntryState, OutboxEntry } from './machine/outbox.js';
export type { Outbox } from './outbox.js';
export type { State, Status } from './status.js';
export { indexedDbOutbox } from './store/indexeddb.js';
export { memoryOutbox, type OutboxStore } from './store/store.js';
export type {
  AnyCalls, AnyEvents, CallMap, CallOptions, ClientOptions, EventMap, Publication, Reply, SubscribedEvent, SubscribeOptions, Subscription,
} from './types.js';
