// What crosses the wire, named as the rest of the page uses it. The shapes themselves are generated from the server's.

import type { DeskCalls } from '../generated/calls';
import type { DeskEvents } from '../generated/events';

export type { Applied, CardRead, CardSeen, Overwritten } from '../generated/calls';
export type {
  Archive,
  BoardEntry,
  Boards,
  Card,
  CardVersions,
  Label,
  List,
  Member,
  Role,
  Snapshot,
} from '../generated/parts';

export type EventName = Exclude<keyof DeskEvents, 'desk.boards'> & string;
export type EventData<Name extends EventName> = DeskEvents[Name];

/** One event of a board's channel, with what the channel says about it. */
export type BoardEvent = {
  [Name in EventName]: {
    readonly type: Name;
    readonly data: DeskEvents[Name];
    readonly offset: number;
    readonly opId?: string;
    /** Who; nobody where the server did it by itself. */
    readonly user?: string;
    readonly timeMs: number;
  };
}[EventName];

/** The calls that change something. */
export type OpName = Exclude<keyof DeskCalls, 'card.read'> & string;
export type OpData<Name extends OpName> = DeskCalls[Name]['data'];

/** One operation of this browser. */
export type BoardOp = { [Name in OpName]: { readonly event: Name; readonly data: DeskCalls[Name]['data'] } }[OpName];

/** Where to put something: after one thing, else before another, else at the end. */
export interface Place {
  readonly after?: string;
  readonly before?: string;
}
