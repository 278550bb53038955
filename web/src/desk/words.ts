// The words that a board shows hundreds of times, looked up once.

import { m } from '../paraglide/messages.js';

export function wordsOfTiles() {
  return {
    overdue: m.desk_overdue(),
    waiting: m.desk_waiting(),
    retrying: m.desk_retrying(),
    unsaved: m.desk_unsaved(),
    edits: (name: string) => m.desk_edits({ name }),
    looks: (name: string) => m.desk_looks({ name }),
  };
}
