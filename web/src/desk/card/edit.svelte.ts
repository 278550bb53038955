// One field while it is edited: what it was when the edit began, what is typed, and what others make of it meanwhile.
// Theirs is never put over what is typed; when the field is left, an unchanged one shows theirs, and a changed one is
// sent with the version that its author saw.

import type { Desk } from '../desk.svelte';
import { draft, keepDraft, type Draft } from '../drafts';
import { member } from '../model/board';

/** A field's value and its version. */
export interface Field {
  readonly value: string;
  readonly at: number;
}

export interface Editing {
  readonly desk: Desk;
  readonly card: string;
  readonly field: 'title' | 'description';
  /** The value that the board shows; null while it is not known. */
  readonly now: () => Field | null;
  /** Sends a new value; `seen` is the version that the author began with. */
  readonly save: (value: string, seen: number) => void;
}

export class Edit {
  text = $state('');
  isOn = $state(false);
  readonly #about: Editing;
  readonly #where: Draft;
  #base = $state.raw<Field>({ value: '', at: 0 });

  constructor(about: Editing) {
    this.#about = about;
    this.#where = { board: about.desk.board.id, of: about.card, field: about.field };
  }

  /** Who has changed the field since the edit began; null if nobody has, or to the same. */
  get changedBy(): string | null {
    const now = this.#about.now();
    if (!this.isOn || !now || now.at <= this.#base.at || now.value === this.#base.value) return null;
    const { desk, card, field } = this.#about;
    const event = desk.board.recent.findLast((one) => one.type === 'card.changed' && one.data.card === card && field in one.data);
    if (event?.user === desk.me) return null;
    return member(desk.board, event?.user ?? '')?.name ?? '';
  }

  /** Is there anything typed that is not sent? */
  get isDirty(): boolean {
    return this.isOn && this.text !== this.#base.value;
  }

  /** A text that was typed earlier and not sent. */
  get draft(): string | null {
    return draft(this.#where);
  }

  begin(): void {
    const now = this.#about.now();
    if (this.isOn || !now) return;
    this.#base = now;
    this.text = this.draft ?? now.value;
    this.isOn = true;
    this.#present();
  }

  /** Tells the others where this user is; to be called when the field has the focus. */
  #present(): void {
    const { desk, card, field } = this.#about;
    desk.link?.present({ card, field, mode: 'edit' });
  }

  typed(): void {
    keepDraft(this.#where, this.isDirty ? this.text : null);
  }

  /** Leaves the field: sends what was changed. */
  finish(): void {
    if (!this.isOn) return;
    const { value, at } = this.#base;
    const isChanged = this.text !== value && this.text !== this.#about.now()?.value;
    if (isChanged) this.#about.save(this.text, at);
    this.#end();
  }

  /** Leaves the field as the board has it. */
  cancel(): void {
    if (this.isOn) this.#end();
  }

  #end(): void {
    this.isOn = false;
    keepDraft(this.#where, null);
    const { desk, card } = this.#about;
    desk.link?.present({ card, mode: 'view' });
  }
}
