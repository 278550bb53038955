// Due days: without a time and without a zone, seen from the reader's own day.

export type Tone = 'overdue' | 'today' | 'soon' | 'later';

const DAY_MS = 86_400_000;
/** As long before the day a card says that it is near. */
const SOON_DAYS = 2;

/** The reader's day, YYYY-MM-DD. `offset` is in minutes east of UTC. */
export function dayOf(nowMs: number, offset: number): string {
  return new Date(nowMs + offset * 60_000).toISOString().slice(0, 10);
}

/** How urgent a due day is. */
export function toneOf(due: string, today: string): Tone {
  const days = Math.round((Date.parse(due) - Date.parse(today)) / DAY_MS);
  if (days < 0) return 'overdue';
  if (days === 0) return 'today';
  return days <= SOON_DAYS ? 'soon' : 'later';
}

const MONTHS = {
  en: ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
  ru: ['янв.', 'февр.', 'мар.', 'апр.', 'мая', 'июн.', 'июл.', 'авг.', 'сент.', 'окт.', 'нояб.', 'дек.'],
};

/** `12 Nov`, with the year where it is not this one's. */
export function sayDay(due: string, today: string, locale: 'en' | 'ru'): string {
  const [year, month, day] = due.split('-');
  const name = MONTHS[locale][Number(month) - 1] ?? '';
  const said = `${Number(day)}\u00a0${name}`;
  return year === today.slice(0, 4) ? said : `${said}\u00a0${year}`;
}
