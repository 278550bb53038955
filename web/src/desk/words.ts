// The words that a board shows hundreds of times, looked up once.

import { m } from '../paraglide/messages.js';

export function wordsOfTiles() {
  return {
    labels: m.desk_labels(),
    overdue: m.desk_overdue(),
    described: m.desk_has_description(),
    waiting: m.desk_waiting(),
    retrying: m.desk_retrying(),
    unsaved: m.desk_unsaved(),
    menu: m.desk_card_actions(),
    edits: (name: string) => m.desk_edits({ name }),
    looks: (name: string) => m.desk_looks({ name }),
  };
}
