// Dates and numbers as people of a language write them. QuickJS has no Intl, and engines differ in theirs, so that markup
// made by it would not be the same after hydration. Tested against Node's Intl (en-GB and ru).

import type { Locale } from '../../app/boot';

const NBSP = '\u00a0';
const MINUTE_MS = 60_000;

const MONTHS: Record<Locale, { short: string[]; long: string[]; alone: string[] }> = {
  en: {
    short: 'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec'.split(' '),
    long: 'January February March April May June July August September October November December'.split(' '),
    alone: 'January February March April May June July August September October November December'.split(' '),
  },
  ru: {
    short: 'янв. февр. мар. апр. мая июн. июл. авг. сент. окт. нояб. дек.'.split(' '),
    long: 'января февраля марта апреля мая июня июля августа сентября октября ноября декабря'.split(' '),
    alone: 'январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь'.split(' '),
  },
};

/** A day of the calendar, in the reader's time zone or in none. */
export interface Day {
  year: number;
  /** 0 to 11. */
  month: number;
  day: number;
}

/** The day that it is at `ms`, so many minutes east of UTC. */
export function dayAt(ms: number, offset: number): Day {
  const date = new Date(ms + offset * MINUTE_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth(), day: date.getUTCDate() };
}

/** A day of `YYYY-MM-DD`, or `null` where it is none. */
export function parseDay(text: string): Day | null {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!found) return null;
  const [year, month, day] = found.slice(1).map(Number) as [number, number, number];
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? { year, month: month - 1, day } : null;
}

/** `YYYY-MM-DD`. */
export function isoOf({ year, month, day }: Day): string {
  return `${String(year).padStart(4, '0')}-${two(month + 1)}-${two(day)}`;
}

/** Days from `from` to `to`; negative where `to` is earlier. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((Date.UTC(to.year, to.month, to.day) - Date.UTC(from.year, from.month, from.day)) / 86_400_000);
}

/** `29 Nov`, `29 нояб.`; with the year where it is not this one. */
export function shortDate(locale: Locale, { year, month, day }: Day, thisYear = year): string {
  const text = `${day} ${MONTHS[locale].short[month]}`;
  return year === thisYear ? text : `${text} ${yearOf(locale, year)}`;
}

/** `29 November 2026`, `29 ноября 2026 г.`. */
export function longDate(locale: Locale, { year, month, day }: Day): string {
  return `${day} ${MONTHS[locale].long[month]} ${yearOf(locale, year)}`;
}

/** `November 2026`, `ноябрь 2026 г.`. */
export function monthTitle(locale: Locale, { year, month }: Pick<Day, 'year' | 'month'>): string {
  return `${MONTHS[locale].alone[month]} ${yearOf(locale, year)}`;
}

const WEEKDAYS: Record<Locale, string[]> = {
  en: 'Mon Tue Wed Thu Fri Sat Sun'.split(' '),
  ru: 'пн вт ср чт пт сб вс'.split(' '),
};

/** Monday to Sunday, short: a week begins with Monday where our readers are. */
export function weekdays(locale: Locale): string[] {
  return WEEKDAYS[locale];
}

/** The day so many days later, or earlier. */
export function addDays({ year, month, day }: Day, days: number): Day {
  return dayAt(Date.UTC(year, month, day + days), 0);
}

/** The same day of another month, or that month's last. */
export function addMonths({ year, month, day }: Day, months: number): Day {
  const last = new Date(Date.UTC(year, month + months + 1, 0)).getUTCDate();
  return dayAt(Date.UTC(year, month + months, Math.min(day, last)), 0);
}

/** The weeks that have days of a month, each from Monday to Sunday. */
export function weeksOf({ year, month }: Pick<Day, 'year' | 'month'>): Day[][] {
  const first = { year, month, day: 1 };
  const lead = (new Date(Date.UTC(year, month, 1)).getUTCDay() + 6) % 7;
  const length = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  const weeks = Math.ceil((lead + length) / 7);
  const week = (at: number) => Array.from({ length: 7 }, (_, day) => addDays(first, at * 7 + day - lead));
  return Array.from({ length: weeks }, (_, at) => week(at));
}

function yearOf(locale: Locale, year: number): string {
  return locale === 'ru' ? `${year} г.` : String(year);
}

/** `15:05`. */
export function clockTime(ms: number, offset: number): string {
  const date = new Date(ms + offset * MINUTE_MS);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
}

/** `12,345.68`, `12 345,68`: groups of three, at most so many digits after the point. */
export function decimal(locale: Locale, value: number, digits = 2): string {
  if (!Number.isFinite(value)) return '∞';
  const [whole = '0', rest = ''] = Math.abs(value).toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, locale === 'ru' ? NBSP : ',');
  const fraction = rest.replace(/0+$/, '');
  const text = fraction ? `${grouped}${locale === 'ru' ? ',' : '.'}${fraction}` : grouped;
  return value < 0 && /[1-9]/.test(text) ? `-${text}` : text;
}

const UNITS: Record<Locale, string[]> = {
  en: ['B', 'KB', 'MB', 'GB'],
  ru: ['Б', 'КБ', 'МБ', 'ГБ'],
};

/** `1.5 MB`, `1,5 МБ`; by 1024. */
export function byteSize(locale: Locale, bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    unit++;
  }
  return `${decimal(locale, value, unit === 0 || value >= 100 ? 0 : 1)}${NBSP}${UNITS[locale][unit]}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
