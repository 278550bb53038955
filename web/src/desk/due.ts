// How urgent a due day is. A due day has no time and no zone; it is seen from the reader's own day.

export type Tone = 'overdue' | 'today' | 'soon' | 'later';

/** As long before the day a card says that it is near. */
const SOON_DAYS = 2;

/** The tone of a day that is so many days away. */
export function toneOf(days: number): Tone {
  if (days < 0) return 'overdue';
  if (days === 0) return 'today';
  return days <= SOON_DAYS ? 'soon' : 'later';
}
