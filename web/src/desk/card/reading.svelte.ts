// A card's description while its dialog is open: read once, kept up by events, and read again where those do not tell.

import { VecheError } from '@veche/client';
import { errorText } from '../../lib/i18n/errors';
import { connection } from '../../lib/live/connection.svelte';
import type { Desk } from '../desk.svelte';
import { anyCard } from '../model/board';
import type { Card } from '../model/wire';
import type { Field } from './edit.svelte';

export class Reading {
  readonly #desk: Desk;
  readonly #id: string;
  #read = $state.raw<{ card: Card; description: string } | null>(null);
  #problem = $state.raw<string | null>(null);
  #isReading = false;

  constructor(desk: Desk, id: string) {
    this.#desk = desk;
    this.#id = id;
  }

  /** The card as the board has it, or as it was read: an archived one is not on the board. */
  readonly card = $derived.by(() => anyCard(this.#desk.board, this.#id) ?? this.#read?.card);

  /** The latest description that is known; null while none is. */
  readonly description = $derived.by((): Field | null => {
    const told = this.#desk.board.texts.get(this.#id);
    const read = this.#read && { value: this.#read.description, at: this.#read.card.at.description };
    if (told && (!read || told.at >= read.at)) return { value: told.text, at: told.at };
    return read;
  });

  get problem(): string | null {
    return this.#problem;
  }

  /** For an `$effect`: reads the card, again after the connection was lost, and where there is a later text. */
  follow(): void {
    const latest = this.#desk.board.cards.get(this.#id)?.at.description ?? 0;
    const known = this.description;
    const isLive = connection.isLive;
    if ((known && known.at >= latest) || !isLive || this.#isReading) return;
    void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isReading = true;
    try {
      this.#read = (await this.#desk.link?.read(this.#id)) ?? null;
      this.#problem = null;
    } catch (error) {
      this.#problem = errorText(error instanceof VecheError ? error.code : 'internal');
    } finally {
      this.#isReading = false;
    }
  }
}
