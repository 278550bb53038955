// What crosses the wire: snapshots, events and operations of a board, as the server's types say.

/** Who may do what on a board. */
export type Role = 'owner' | 'editor' | 'viewer';

/** Where a snapshot stands in the board's channel. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** For each field of a card, the offset of its last change; 0 since it was made. */
export interface CardVersions {
  readonly title: number;
  readonly description: number;
  readonly due: number;
  readonly place: number;
  readonly archived: number;
}

/** The same for a list. */
export interface ListVersions {
  readonly title: number;
  readonly place: number;
  readonly archived: number;
}

/** A card without its description. */
export interface Card {
  readonly id: string;
  readonly list: string;
  readonly ord: string;
  readonly title: string;
  readonly labels: readonly string[];
  readonly assignees: readonly string[];
  /** A day, YYYY-MM-DD, without a time zone. */
  readonly due: string | null;
  readonly archived: boolean;
  /** Has it a description? */
  readonly described: boolean;
  /** The offset of the last event that touched it. */
  readonly changed: number;
  readonly at: CardVersions;
}

/** A list without its cards. */
export interface List {
  readonly id: string;
  readonly title: string;
  readonly ord: string;
  readonly archived: boolean;
  readonly at: ListVersions;
  /** How many cards it has, on the server. */
  readonly count: number;
}

export interface Label {
  readonly id: string;
  readonly name: string;
  readonly hue: number;
}

export interface Member {
  readonly user: string;
  readonly name: string;
  readonly role: Role;
}

/** A board at one position. */
export interface Snapshot {
  readonly position: Position;
  readonly board: { readonly id: string; readonly title: string; readonly archived: boolean };
  readonly role: Role;
  readonly members: readonly Member[];
  readonly labels: readonly Label[];
  readonly lists: readonly List[];
  readonly cards: readonly Card[];
  /** False: each list brings its first cards only, and the whole is asked for afterwards. */
  readonly complete: boolean;
}

type Key = readonly [id: string, ord: string];

/** The data of each event of a board's channel. */
export interface BoardEvents {
  'board.changed': { title?: string; archived?: boolean };
  'list.created': { list: List };
  'list.changed': { list: string; title?: string; archived?: boolean };
  'list.moved': { list: string; ord: string };
  'lists.rekeyed': { keys: readonly Key[] };
  'list.rekeyed': { list: string; keys: readonly Key[] };
  'card.created': { card: Card; description: string };
  'card.changed': {
    card: string;
    title?: string;
    description?: string;
    due?: string | null;
    archived?: boolean;
    restored?: Card;
  };
  'card.moved': { card: string; list: string; ord: string };
  'card.labelled': { card: string; add: readonly string[]; remove: readonly string[] };
  'card.assigned': { card: string; add: readonly string[]; remove: readonly string[] };
  'card.deleted': { card: string };
  'card.restored': { card: Card };
  'label.set': { label: string; name: string; hue: number };
  'label.removed': { label: string };
  'member.set': { user: string; name: string; role: Role };
  'member.removed': { user: string };
}

export type EventName = keyof BoardEvents;

/** One event, with what the channel says about it. */
export type BoardEvent = {
  [Name in EventName]: {
    readonly type: Name;
    readonly data: BoardEvents[Name];
    readonly offset: number;
    readonly opId?: string;
    readonly user?: string;
    readonly timeMs: number;
  };
}[EventName];

/** Where to put something: after one thing, else before another, else at the end. */
export interface Place {
  readonly after?: string;
  readonly before?: string;
}

/** The data of each operation, keyed by its name. `seen` is what the author saw of the fields. */
export interface BoardOps {
  'board.create': { board: string; title: string };
  'board.change': { title?: string; archived?: boolean };
  'list.create': { list: string; title: string } & Place;
  'list.change': { list: string; title?: string; archived?: boolean; seen?: Record<string, number> };
  'list.move': { list: string } & Place;
  'card.create': { card: string; list: string; title: string; description?: string } & Place;
  'card.change': {
    card: string;
    title?: string;
    description?: string;
    due?: string | null;
    archived?: boolean;
    seen?: Record<string, number>;
  };
  'card.move': { card: string; to_list: string; seen?: Record<string, number> } & Place;
  'card.label': { card: string; add?: readonly string[]; remove?: readonly string[] };
  'card.assign': { card: string; add?: readonly string[]; remove?: readonly string[] };
  'card.delete': { card: string };
  'card.restore': { card: string };
  'label.set': { label: string; name: string; hue: number };
  'label.remove': { label: string };
}

export type OpName = keyof BoardOps;

/** One operation of this browser. */
export type BoardOp = { [Name in OpName]: { readonly event: Name; readonly data: BoardOps[Name] } }[OpName];

/** A field that somebody else had changed meanwhile, in the answer to an operation. */
export interface Overwrote {
  readonly field: string;
  readonly by: string;
  readonly by_name: string;
  readonly at_ms: number;
  readonly old: unknown;
}

/** The answer to an operation. */
export interface Applied {
  readonly position?: Position;
  readonly overwrote?: readonly Overwrote[];
}
