// A server in miniature, for tests: one mutable board, its operations in order, and the events that they make. It is
// written without the page's own model, so that the one can be held against the other.

import { between, compare, spread } from '../../order';
import type {
  BoardEvent,
  BoardOp,
  Card,
  EventData,
  EventName,
  Label,
  List,
  OpData,
  OpName,
  Place,
  Snapshot,
} from '../wire';

interface Kept {
  card: Card;
  description: string;
  trashed: boolean;
}

/** The answer to an operation: how far the log had come, or why not. */
export type Answer = { offset: number | null } | { error: string };

/** Short, so that lists are re-keyed all the time. */
const LONGEST_KEY = 2;

export class ServerBoard {
  readonly log: BoardEvent[] = [];
  private readonly cards = new Map<string, Kept>();
  private readonly lists = new Map<string, List>();
  private readonly labels = new Map<string, Label>();
  private readonly answers = new Map<string, Answer>();
  private title = 'Board';
  private archived = false;
  private author = { user: '', opId: '' };

  get offset(): number {
    return this.log.length;
  }

  /** Performs an operation once: asked again it gives the first answer. */
  perform(user: string, opId: string, op: BoardOp): Answer {
    const known = this.answers.get(opId);
    if (known) return known;
    this.author = { user, opId };
    const before = this.offset;
    const steps: { [Name in OpName]: (data: OpData<Name>) => string | undefined } = this.steps;
    const error = (steps[op.event] as (data: OpData<OpName>) => string | undefined)(op.data);
    const answer = error ? { error } : { offset: this.offset > before ? this.offset : null };
    this.answers.set(opId, answer);
    return answer;
  }

  snapshot(first = Infinity): Snapshot {
    const lists = [...this.lists.values()].sort(compare);
    const cards = lists.flatMap((list) => this.onBoard(list.id).map((kept) => ({ ...kept.card })));
    const places = new Map<string, number>();
    const shown = cards.filter((card) => {
      const place = places.get(card.list) ?? 0;
      places.set(card.list, place + 1);
      return place < first;
    });
    return {
      position: { epoch: 'e', offset: this.offset },
      board: { id: 'b', title: this.title, archived: this.archived },
      role: 'editor',
      members: [],
      labels: [...this.labels.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
      lists: lists.map((list) => ({ ...list, count: this.onBoard(list.id).length })),
      cards: shown,
      complete: shown.length === cards.length,
    };
  }

  private readonly steps: { [Name in OpName]: (data: OpData<Name>) => string | undefined } = {
    'board.create': () => undefined,
    'board.change': (data) => {
      this.title = data.title ?? this.title;
      this.archived = data.archived ?? this.archived;
      this.emit('board.changed', data);
      return undefined;
    },
    'list.create': (data) => {
      if (this.lists.has(data.list)) return 'conflict';
      const ord = this.listKey(data.list, data);
      const list = { id: data.list, title: data.title, ord, archived: false, count: 0, at: { title: 0, place: 0, archived: 0 } };
      this.lists.set(data.list, list);
      this.emit('list.created', { list });
      return undefined;
    },
    'list.change': ({ list, title, archived }) => {
      const old = this.lists.get(list);
      if (!old) return 'list_gone';
      const offset = this.offset + 1;
      const at = { ...old.at, ...(title !== undefined && { title: offset }), ...(archived !== undefined && { archived: offset }) };
      this.lists.set(list, { ...old, title: title ?? old.title, archived: archived ?? old.archived, at });
      this.emit('list.changed', { list, title, archived });
      return undefined;
    },
    'list.move': (data) => {
      if (!this.lists.has(data.list)) return 'list_gone';
      const ord = this.listKey(data.list, data);
      const old = this.lists.get(data.list) as List;
      this.lists.set(data.list, { ...old, ord, at: { ...old.at, place: this.offset + 1 } });
      this.emit('list.moved', { list: data.list, ord });
      return undefined;
    },
    'card.create': (data) => {
      if (this.cards.has(data.card)) return 'conflict';
      if (this.lists.get(data.list)?.archived !== false) return 'list_gone';
      const ord = this.cardKey(data.card, data.list, data);
      const at = { title: 0, description: 0, due: 0, place: 0, archived: 0 };
      const description = data.description ?? '';
      const card: Card = {
        id: data.card, list: data.list, ord, title: data.title, labels: [], assignees: [], due: null, archived: false,
        described: description !== '', changed: this.offset + 1, at,
      };
      this.cards.set(card.id, { card, description, trashed: false });
      this.emit('card.created', { card, description });
      return undefined;
    },
    'card.change': (data) => this.changeCard(data),
    'card.move': (data) => {
      const kept = this.living(data.card);
      if (!kept) return 'gone';
      if (this.lists.get(data.to_list)?.archived !== false) return 'list_gone';
      const ord = this.cardKey(data.card, data.to_list, data);
      this.edit(data.card, (card, offset) => ({ ...card, list: data.to_list, ord, at: { ...card.at, place: offset } }));
      this.emit('card.moved', { card: data.card, list: data.to_list, ord });
      return undefined;
    },
    'card.label': ({ card, add = [], remove = [] }) => {
      if (!this.living(card)) return 'gone';
      const known = add.filter((label) => this.labels.has(label));
      this.edit(card, (old) => ({ ...old, labels: changedSet(old.labels, known, remove) }));
      this.emit('card.labelled', { card, add: known, remove });
      return undefined;
    },
    'card.assign': ({ card, add = [], remove = [] }) => {
      if (!this.living(card)) return 'gone';
      this.edit(card, (old) => ({ ...old, assignees: changedSet(old.assignees, add, remove) }));
      this.emit('card.assigned', { card, add, remove });
      return undefined;
    },
    'card.delete': ({ card }) => {
      const kept = this.living(card);
      if (!kept) return undefined;
      this.edit(card, (old) => old);
      kept.trashed = true;
      this.emit('card.deleted', { card });
      return undefined;
    },
    'card.restore': ({ card }) => {
      const kept = this.cards.get(card);
      if (!kept) return 'not_found';
      if (!kept.trashed) return undefined;
      kept.trashed = false;
      this.edit(card, (old) => old);
      if (kept.card.archived) this.emit('list.changed', { list: '' });
      else this.emit('card.restored', { card: kept.card });
      return undefined;
    },
    'label.set': ({ label, name, hue }) => {
      this.labels.set(label, { id: label, name, hue });
      this.emit('label.set', { label, name, hue });
      return undefined;
    },
    'label.remove': ({ label }) => {
      this.labels.delete(label);
      for (const kept of this.cards.values()) {
        kept.card = { ...kept.card, labels: kept.card.labels.filter((one) => one !== label) };
      }
      this.emit('label.removed', { label });
      return undefined;
    },
  };

  private changeCard(data: OpData<'card.change'>): string | undefined {
    const kept = this.living(data.card);
    if (!kept) return 'gone';
    const { card, title, description, due, archived } = data;
    const back = archived === false && kept.card.archived;
    kept.description = description ?? kept.description;
    const set = (value: unknown, offset: number, old: number) => (value === undefined ? old : offset);
    this.edit(card, (old, offset) => ({
      ...old,
      title: title ?? old.title,
      due: due === undefined ? old.due : due,
      archived: archived ?? old.archived,
      described: kept.description !== '',
      at: {
        title: set(title, offset, old.at.title),
        description: set(description, offset, old.at.description),
        due: set(due, offset, old.at.due),
        archived: set(archived, offset, old.at.archived),
        place: old.at.place,
      },
    }));
    this.emit('card.changed', { card, title, description, due, archived, ...(back && { restored: kept.card }) });
    return undefined;
  }

  private edit(id: string, edit: (card: Card, offset: number) => Card): void {
    const kept = this.cards.get(id);
    if (kept) kept.card = { ...edit(kept.card, this.offset + 1), changed: this.offset + 1 };
  }

  private living(id: string): Kept | undefined {
    const kept = this.cards.get(id);
    return kept?.trashed ? undefined : kept;
  }

  private onBoard(list: string): Kept[] {
    return this.inList(list).filter((kept) => !kept.trashed && !kept.card.archived);
  }

  private inList(list: string): Kept[] {
    const cards = [...this.cards.values()].filter((kept) => kept.card.list === list);
    return cards.sort((a, b) => compare(a.card, b.card));
  }

  /** The key in a list, after re-keying it where the key would be too long. */
  private cardKey(id: string, list: string, where: Place): string {
    const key = keyFor(this.inList(list).map((kept) => kept.card), id, where);
    if (key.length <= LONGEST_KEY) return key;
    const all = this.inList(list);
    const keys = spread(null, null, all.length).map((ord, index): [string, string] => [all[index]?.card.id ?? '', ord]);
    for (const [card, ord] of keys) {
      const kept = this.cards.get(card);
      if (kept) kept.card = { ...kept.card, ord };
    }
    this.emit('list.rekeyed', { list, keys });
    return keyFor(this.inList(list).map((kept) => kept.card), id, where);
  }

  private listKey(id: string, where: Place): string {
    return keyFor([...this.lists.values()].sort(compare), id, where);
  }

  private emit<Name extends EventName>(type: Name, data: EventData<Name>): void {
    const event = { type, data, offset: this.offset + 1, timeMs: this.offset, ...this.author };
    this.log.push(JSON.parse(JSON.stringify(event)) as BoardEvent);
  }
}

function keyFor(sorted: readonly { id: string; ord: string }[], id: string, { after, before }: Place): string {
  const others = sorted.filter((one) => one.id !== id);
  let index = others.findIndex((one) => one.id === after) + 1;
  if (index === 0) index = others.findIndex((one) => one.id === before);
  if (index < 0) index = others.length;
  return between(others[index - 1]?.ord ?? null, others[index]?.ord ?? null);
}

function changedSet(set: readonly string[], add: readonly string[], remove: readonly string[]): string[] {
  return [...new Set([...set.filter((one) => !remove.includes(one)), ...add])].sort();
}
