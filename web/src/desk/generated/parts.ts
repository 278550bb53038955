// Made from the types of apps/desk by `cargo run -p veche-desk --example types`. Do not edit.

/** A board's id, unique on the server: 1 to 32 of `0-9A-Za-z_-`. */
export type BoardId = string;

/** A list's id, unique on its board: 1 to 32 of `0-9A-Za-z_-`. */
export type ListId = string;

/** A card's id, unique on its board: 1 to 32 of `0-9A-Za-z_-`. */
export type CardId = string;

/** A label's id, unique on its board: 1 to 32 of `0-9A-Za-z_-`. */
export type LabelId = string;

/** What a member may do on a board. */
export type Role = "viewer" | "editor" | "owner";

/** Up to where everything of a board's channel is known. */
export type Position = {
  /** The era of the offsets. */
  epoch: string;
  /** The last event that is known; 0 = none yet. */
  offset: number;
};

/** When a card's fields changed last: offsets of events, 0 = not since the card was made. */
export type CardVersions = {
  /** Of the title. */
  title: number;
  /** Of the description. */
  description: number;
  /** Of the due date. */
  due: number;
  /** Of the list, and the place in it. */
  place: number;
  /** Of whether it is archived. */
  archived: number;
};

/** When a list's fields changed last: offsets of events, 0 = not since the list was made. */
export type ListVersions = {
  /** Of the title. */
  title: number;
  /** Of its place among the lists. */
  place: number;
  /** Of whether it is archived. */
  archived: number;
};

/** A card, without its description. */
export type Card = {
  /** The card. */
  id: CardId;
  /** The list that it is in. */
  list: ListId;
  /** Its key there: cards are sorted by the bytes of `ord`, then of `id`. */
  ord: string;
  /** One line of text. */
  title: string;
  /** Sorted by bytes. */
  labels: Array<LabelId>;
  /** Users, sorted by bytes. */
  assignees: Array<string>;
  /** A day, `YYYY-MM-DD`. */
  due: string | null;
  /** Whether it was put away. */
  archived: boolean;
  /** Whether it has a description. */
  described: boolean;
  /** The offset of the last event that names this card. */
  changed: number;
  /** Of its fields. */
  at: CardVersions;
};

/** A list of cards. */
export type List = {
  /** The list. */
  id: ListId;
  /** One line of text. */
  title: string;
  /** Its key: lists are sorted by the bytes of `ord`, then of `id`. */
  ord: string;
  /** Whether it was put away, and its cards with it. */
  archived: boolean;
  /** Of its fields. */
  at: ListVersions;
  /** How many cards are in it that are not archived, in the moment of the snapshot or event. */
  count: number;
};

/** A label that cards of the board may have. */
export type Label = {
  /** The label. */
  id: LabelId;
  /** One line of text. */
  name: string;
  /** Its colour's hue in degrees, 0 to 359. */
  hue: number;
};

/** Somebody who may see the board. */
export type Member = {
  /** The user. */
  user: string;
  /** What they call themselves. */
  name: string;
  /** What they may do. */
  role: Role;
};

/** The board itself. */
export type Board = {
  /** The board; its channel is `board:` and this. */
  id: BoardId;
  /** One line of text. */
  title: string;
  /** Whether it was put away. */
  archived: boolean;
};

/** A board at a position: with every event after it, in order, this is the board of any later moment. */
export type Snapshot = {
  /** Where to subscribe from. */
  position: Position;
  /** The board. */
  board: Board;
  /** What the reader may do. */
  role: Role;
  /** Sorted by user. */
  members: Array<Member>;
  /** Sorted by id. */
  labels: Array<Label>;
  /** In their order, archived ones too. */
  lists: Array<List>;
  /** List by list, each in its order; not those that are archived or in the trash. */
  cards: Array<Card>;
  /** `false`: only the first cards of each list that is not archived are here. */
  complete: boolean;
};

/** What of a board is put away, or in the trash and can be taken back: `GET /api/desk/boards/{board}/archive`. */
export type Archive = {
  /** Archived cards, the last changed first; at most 200. */
  archived: Array<Card>;
  /** Cards in the trash, the last thrown away first; at most 200. */
  deleted: Array<Card>;
};

/** A board in the list of one's boards. */
export type BoardEntry = {
  /** The board. */
  id: BoardId;
  /** One line of text. */
  title: string;
  /** What one may do there. */
  role: Role;
  /** How many cards are neither archived nor in the trash. */
  cards: number;
  /** When something changed there last, ms since 1970. */
  changed_ms: number;
  /** Whether it was put away. */
  archived: boolean;
};

/** The boards that somebody may see: the page `/desk`. */
export type Boards = {
  /** The last changed first. */
  boards: Array<BoardEntry>;
  /** Whether they may make another one. */
  can_create: boolean;
};
