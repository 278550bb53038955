// Made from the types of apps/desk by `cargo run -p veche-desk --example types`. Do not edit.
import type { ListId, CardId, LabelId, Role, Card, List } from './parts';

/** The board was made. The first event of each board. */
export type BoardCreated = {
  /** Its title. */
  title: string;
  /** Whose it is. */
  owner: string;
};

/** The board itself has changed. */
export type BoardChanged = {
  /** The title, if it is another one. */
  title?: string;
  /** Whether it was put away, if that has changed. */
  archived?: boolean;
};

/** There is a new list. */
export type ListCreated = {
  /** The whole of it. */
  list: List;
};

/** A list has changed. */
export type ListChanged = {
  /** Which. */
  list: ListId;
  /** The title, if it is another one. */
  title?: string;
  /** Whether it was put away, if that has changed. */
  archived?: boolean;
};

/** A list stands elsewhere. */
export type ListMoved = {
  /** Which. */
  list: ListId;
  /** Its key from now on. */
  ord: string;
};

/** The lists have other keys, in the same order. Names nothing that a user did. */
export type ListsRekeyed = {
  /** Of all lists. */
  keys: Array<[ListId, string]>;
};

/** The cards of a list have other keys, in the same order. Names nothing that a user did. */
export type ListRekeyed = {
  /** Which list. */
  list: ListId;
  /** Of all its cards, hidden ones too: a card that is not known is passed over. */
  keys: Array<[CardId, string]>;
};

/** There is a new card. */
export type CardCreated = {
  /** The whole of it. */
  card: Card;
  /** Its description, often empty. */
  description: string;
};

/** Fields of a card have changed. */
export type CardChanged = {
  /** Which. */
  card: CardId;
  /** The title, if it is another one. */
  title?: string;
  /** The description, if it is another one. */
  description?: string;
  /** The due date, if it is another one; `null` where there is none any more. */
  due?: string | null;
  /** Whether it was put away, if that has changed. */
  archived?: boolean;
  /** The whole card, where it is shown again. */
  restored?: Card;
};

/** A card stands elsewhere. */
export type CardMoved = {
  /** Which. */
  card: CardId;
  /** The list that it is in now. */
  list: ListId;
  /** Its key there. */
  ord: string;
};

/** A card has other labels. */
export type CardLabelled = {
  /** Which. */
  card: CardId;
  /** Labels that it has now and had not. */
  add: Array<LabelId>;
  /** Labels that it had and has no more. */
  remove: Array<LabelId>;
};

/** A card is others' work. */
export type CardAssigned = {
  /** Which. */
  card: CardId;
  /** Users who are assigned now and were not. */
  add: Array<string>;
  /** Users who were assigned and are no more. */
  remove: Array<string>;
};

/** A card was put into the trash. */
export type CardDeleted = {
  /** Which. */
  card: CardId;
};

/** A card was taken out of the trash. */
export type CardRestored = {
  /** The whole of it. */
  card: Card;
};

/** A label is new, or has another name or colour. */
export type LabelSet = {
  /** Which. */
  label: LabelId;
  /** Its name. */
  name: string;
  /** Its colour's hue in degrees. */
  hue: number;
};

/** There is no such label any more, on no card either. */
export type LabelRemoved = {
  /** Which. */
  label: LabelId;
};

/** Somebody is a member now, or may do something else than before. */
export type MemberSet = {
  /** Who. */
  user: string;
  /** What they call themselves. */
  name: string;
  /** What they may do. */
  role: Role;
};

/** Somebody is a member no more, and assigned to no card. */
export type MemberRemoved = {
  /** Who. */
  user: string;
};

/** On a user's personal channel: the list of their boards has changed. */
export type DeskBoards = Record<string, never>;

/** What each event carries. */
export interface DeskEvents {
  'board.created': BoardCreated;
  'board.changed': BoardChanged;
  'list.created': ListCreated;
  'list.changed': ListChanged;
  'list.moved': ListMoved;
  'lists.rekeyed': ListsRekeyed;
  'list.rekeyed': ListRekeyed;
  'card.created': CardCreated;
  'card.changed': CardChanged;
  'card.moved': CardMoved;
  'card.labelled': CardLabelled;
  'card.assigned': CardAssigned;
  'card.deleted': CardDeleted;
  'card.restored': CardRestored;
  'label.set': LabelSet;
  'label.removed': LabelRemoved;
  'member.set': MemberSet;
  'member.removed': MemberRemoved;
  'desk.boards': DeskBoards;
}
