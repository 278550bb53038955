// Text that was typed and not sent, kept for the tab's life: a reload or a closed card does not lose it.

/** Where text is typed: a field of a card, or the composer of a list. */
export interface Draft {
  readonly board: string;
  readonly of: string;
  readonly field: string;
}

const PREFIX = 'desk.draft';

export function draft(where: Draft): string | null {
  return storage()?.getItem(keyOf(where)) ?? null;
}

/** Keeps a text; null forgets it. Where the browser keeps nothing, the text lives as long as its field. */
export function keepDraft(where: Draft, text: string | null): void {
  try {
    if (text === null) storage()?.removeItem(keyOf(where));
    else storage()?.setItem(keyOf(where), text);
  } catch {
    // Full: what is on the screen is still there.
  }
}

function keyOf({ board, of, field }: Draft): string {
  return [PREFIX, board, of, field].join(':');
}

function storage(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}
