import { createAttachmentKey } from 'svelte/attachments';

/** What a trigger's button has to be given: `{...props}`. */
export interface TriggerProps {
  'aria-haspopup': 'menu' | 'dialog';
  'aria-expanded': boolean;
  onpointerdown: () => void;
  onclick: () => void;
  onkeydown: (event: KeyboardEvent) => void;
  [attachment: symbol]: (element: Element) => void;
}

interface Bound {
  open: boolean;
}

/** The button that opens a menu or a popover, and the panel's anchor. */
export class Trigger {
  element = $state.raw<Element>();
  readonly #kind: 'menu' | 'dialog';
  readonly #bound: Bound;
  // A press on the trigger of an open panel closes it before the click comes, which would open it again.
  #wasOpen = false;
  readonly #attach = createAttachmentKey();

  constructor(kind: 'menu' | 'dialog', bound: Bound) {
    this.#kind = kind;
    this.#bound = bound;
  }

  get props(): TriggerProps {
    return {
      'aria-haspopup': this.#kind,
      'aria-expanded': this.#bound.open,
      onpointerdown: () => (this.#wasOpen = this.#bound.open),
      onclick: () => this.#click(),
      onkeydown: (event) => this.#key(event),
      [this.#attach]: (element) => {
        this.element = element;
      },
    };
  }

  #click() {
    this.#bound.open = !this.#wasOpen;
    this.#wasOpen = false;
  }

  #key(event: KeyboardEvent) {
    this.#wasOpen = this.#bound.open;
    if (this.#kind !== 'menu' || event.key !== 'ArrowDown') return;
    event.preventDefault();
    this.#bound.open = true;
  }
}
