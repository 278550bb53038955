// Made from the types of apps/desk by `cargo run -p veche-desk --example types`. Do not edit.
import type { BoardId, ListId, CardId, LabelId, Position, Card } from './parts';

/** What an operation came to. */
export type Applied = {
  /** Of its event; missing where there was nothing to change. */
  position?: Position;
  /** What others had set since the caller looked, and what is gone now. */
  overwrote?: Array<Overwritten>;
};

/** A field that somebody else had set since the caller looked. */
export type Overwritten = {
  /** Which field. */
  field: Field;
  /** Who had set it. */
  by: string;
  /** What they call themselves. */
  by_name: string;
  /** When, ms since 1970. */
  at_ms: number;
  /** What they had set. */
  old: Old;
};

/** A field of which the last change wins. */
export type Field = "title" | "description" | "due" | "place" | "archived";

/** What a field was. */
export type Old = string | null | Place | boolean;

/** Where a card was. */
export type Place = {
  /** In which list. */
  list: ListId;
  /** After which card; `null` for the first. */
  after: CardId | null;
};

/** A card with its description. */
export type CardRead = {
  /** The card. */
  card: Card;
  /** Its description, often empty. */
  description: string;
};

/** The offsets of a card's fields that the caller had seen. */
export type CardSeen = {
  /** Of the title. */
  title?: number;
  /** Of the description. */
  description?: number;
  /** Of the due date. */
  due?: number;
  /** Of the place. */
  place?: number;
  /** Of whether it is archived. */
  archived?: number;
};

/** The offsets of a list's fields that the caller had seen. */
export type ListSeen = {
  /** Of the title. */
  title?: number;
};

/** Makes a board, with the caller as its owner. The only call without a channel. */
export type CreateBoard = {
  /** Its id, which must not be taken. */
  board: BoardId;
  /** One line of text. */
  title: string;
};

/** Changes the board itself. For owners. */
export type ChangeBoard = {
  /** Another title. */
  title?: string;
  /** Puts it away, or takes it back. */
  archived?: boolean;
};

/** Makes a list: after one, before one, or at the end. */
export type CreateList = {
  /** Its id, which must not be taken. */
  list: ListId;
  /** One line of text. */
  title: string;
  /** After this list, if it is there. */
  after?: ListId;
  /** Else before this one. */
  before?: ListId;
};

/** Changes fields of a list. */
export type ChangeList = {
  /** Which. */
  list: ListId;
  /** Another title. */
  title?: string;
  /** Puts it away with its cards, or takes it back. */
  archived?: boolean;
  /** What the caller had seen. */
  seen?: ListSeen;
};

/** Moves a list: after one, before one, or to the end. */
export type MoveList = {
  /** Which. */
  list: ListId;
  /** After this list, if it is there. */
  after?: ListId;
  /** Else before this one. */
  before?: ListId;
};

/** Makes a card in a list: after one, before one, or at the end. */
export type CreateCard = {
  /** Its id, which must not be taken. */
  card: CardId;
  /** In which list. */
  list: ListId;
  /** One line of text. */
  title: string;
  /** At most 32 KiB of any text without NUL. */
  description?: string;
  /** After this card, if it is in the list. */
  after?: CardId;
  /** Else before this one. */
  before?: CardId;
};

/** Changes fields of a card. */
export type ChangeCard = {
  /** Which. */
  card: CardId;
  /** Another title. */
  title?: string;
  /** Another description: at most 32 KiB of any text without NUL. */
  description?: string;
  /** Another due date, `YYYY-MM-DD`; `null` for none. */
  due?: string | null;
  /** Puts it away, or takes it back. */
  archived?: boolean;
  /** What the caller had seen. */
  seen?: CardSeen;
};

/** Moves a card: after one, before one, or to the end of a list. */
export type MoveCard = {
  /** Which. */
  card: CardId;
  /** Into which list. */
  to_list: ListId;
  /** After this card, if it is in the list. */
  after?: CardId;
  /** Else before this one. */
  before?: CardId;
  /** What the caller had seen. */
  seen?: CardSeen;
};

/** Puts labels on a card and takes others off. */
export type LabelCard = {
  /** Which card. */
  card: CardId;
  /** Labels of the board. */
  add?: Array<LabelId>;
  /** Any labels. */
  remove?: Array<LabelId>;
};

/** Assigns members to a card and takes others off. */
export type AssignCard = {
  /** Which card. */
  card: CardId;
  /** Members of the board. */
  add?: Array<string>;
  /** Any users. */
  remove?: Array<string>;
};

/** Puts a card into the trash, where it stays for 30 days. */
export type DeleteCard = {
  /** Which. */
  card: CardId;
};

/** Takes a card out of the trash. */
export type RestoreCard = {
  /** Which. */
  card: CardId;
};

/** Makes a label, or changes its name and colour. */
export type SetLabel = {
  /** Which. */
  label: LabelId;
  /** One line of text. */
  name: string;
  /** Its colour's hue in degrees, 0 to 359. */
  hue: number;
};

/** Removes a label from the board and from its cards. */
export type RemoveLabel = {
  /** Which. */
  label: LabelId;
};

/** Reads a card with its description. For viewers, too. */
export type ReadCard = {
  /** Which. */
  card: CardId;
};

/** What each call takes and answers. */
export interface DeskCalls {
  'board.create': { data: CreateBoard; reply: Applied };
  'board.change': { data: ChangeBoard; reply: Applied };
  'list.create': { data: CreateList; reply: Applied };
  'list.change': { data: ChangeList; reply: Applied };
  'list.move': { data: MoveList; reply: Applied };
  'card.create': { data: CreateCard; reply: Applied };
  'card.change': { data: ChangeCard; reply: Applied };
  'card.move': { data: MoveCard; reply: Applied };
  'card.label': { data: LabelCard; reply: Applied };
  'card.assign': { data: AssignCard; reply: Applied };
  'card.delete': { data: DeleteCard; reply: Applied };
  'card.restore': { data: RestoreCard; reply: Applied };
  'label.set': { data: SetLabel; reply: Applied };
  'label.remove': { data: RemoveLabel; reply: Applied };
  'card.read': { data: ReadCard; reply: CardRead };
}
