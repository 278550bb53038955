import { expect, test } from 'vitest';
import * as format from '../src/lib/i18n/format';

const tagOf = { en: 'en-GB', ru: 'ru' } as const;
const locales = ['en', 'ru'] as const;
/** Each month, both ends of a day, a leap day. */
const moments = [
  ...Array.from({ length: 12 }, (_, month) => Date.UTC(2026, month, 5, 9, 7)),
  Date.UTC(2026, 0, 1),
  Date.UTC(2024, 1, 29, 23, 59, 59),
  Date.UTC(1999, 11, 31, 23, 30),
];
/** Words of one line, whichever spaces stand between them. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

test.each(locales)('dates are those of Intl: %s', (locale) => {
  const by = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(tagOf[locale], { ...options, timeZone: 'UTC' });
  const short = by({ day: 'numeric', month: 'short' });
  const withYear = by({ day: 'numeric', month: 'short', year: 'numeric' });
  const long = by({ day: 'numeric', month: 'long', year: 'numeric' });
  const time = by({ hour: '2-digit', minute: '2-digit' });
  for (const ms of moments) {
    const day = format.dayAt(ms, 0);
    expect(format.shortDate(locale, day)).toBe(plain(short.format(ms)));
    expect(format.shortDate(locale, day, 1900)).toBe(plain(withYear.format(ms)));
    expect(format.longDate(locale, day)).toBe(plain(long.format(ms)));
    expect(format.clockTime(ms, 0)).toBe(time.format(ms));
  }
});

test.each([
  ['Europe/Moscow', 180],
  ['Asia/Kolkata', 330],
  ['America/St_Johns', -210],
])('a zone moves the day and the time: %s', (timeZone, offset) => {
  const ms = Date.UTC(2026, 0, 1, 22, 45);
  const day = new Intl.DateTimeFormat('en-CA', { timeZone }).format(ms);
  expect(format.isoOf(format.dayAt(ms, offset))).toBe(day);
  const time = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(ms);
  expect(format.clockTime(ms, offset)).toBe(time);
});

test.each(locales)('numbers are those of Intl: %s', (locale) => {
  const numbers = new Intl.NumberFormat(tagOf[locale], { maximumFractionDigits: 2 });
  for (const value of [0, 7, 999, 1_000, 12_345.678, -1_234_567.5, 0.005, 1e9, -0.001]) {
    expect(plain(format.decimal(locale, value))).toBe(plain(numbers.format(value)).replace(/^-0$/, '0'));
  }
});

test.each([
  [0, '0\u00a0B', '0\u00a0Б'],
  [1023, '1,023\u00a0B', '1\u00a0023\u00a0Б'],
  [1536, '1.5\u00a0KB', '1,5\u00a0КБ'],
  [200 * 1024 * 1024, '200\u00a0MB', '200\u00a0МБ'],
])('%d bytes', (bytes, en, ru) => {
  expect(format.byteSize('en', bytes)).toBe(en);
  expect(format.byteSize('ru', bytes)).toBe(ru);
});

test.each(['2026-02-30', '2026-13-01', '26-1-1', '', 'tomorrow', '2026-01-01T00:00'])('%s is no day', (text) => {
  expect(format.parseDay(text)).toBeNull();
});

test('days are counted over the ends of months and years', () => {
  const between = (from: string, to: string) => {
    const [first, second] = [format.parseDay(from), format.parseDay(to)];
    return first && second && format.daysBetween(first, second);
  };
  expect(between('2026-12-31', '2027-01-01')).toBe(1);
  expect(between('2024-03-01', '2024-02-29')).toBe(-1);
  expect(between('2026-03-28', '2026-03-30')).toBe(2);
});

test.each(locales)('a calendar is headed as Intl heads it: %s', (locale) => {
  const title = new Intl.DateTimeFormat(tagOf[locale], { month: 'long', year: 'numeric', timeZone: 'UTC' });
  const weekday = new Intl.DateTimeFormat(tagOf[locale], { weekday: 'short', timeZone: 'UTC' });
  for (let month = 0; month < 12; month++) {
    expect(format.monthTitle(locale, { year: 2026, month })).toBe(plain(title.format(Date.UTC(2026, month, 1))));
  }
  // 30 November 2026 is a Monday.
  const week = Array.from({ length: 7 }, (_, at) => weekday.format(Date.UTC(2026, 10, 30 + at)));
  expect(format.weekdays(locale)).toEqual(week);
});

test.each([
  [2026, 10, '2026-10-26', '2026-12-06', 6],
  [2027, 1, '2027-02-01', '2027-02-28', 4],
  [2024, 1, '2024-01-29', '2024-03-03', 5],
  [2026, 2, '2026-02-23', '2026-04-05', 6],
])('the weeks of %d, month %d, go from %s to %s', (year, month, first, last, weeks) => {
  const days = format.weeksOf({ year, month });
  expect(days.length).toBe(weeks);
  expect(format.isoOf(days[0]?.[0] as format.Day)).toBe(first);
  expect(format.isoOf(days.at(-1)?.[6] as format.Day)).toBe(last);
});

test.each([
  ['2026-01-31', 1, '2026-02-28'],
  ['2026-03-31', -1, '2026-02-28'],
  ['2026-12-15', 1, '2027-01-15'],
  ['2024-02-29', 12, '2025-02-28'],
])('%s and %d months is %s', (from, months, to) => {
  const day = format.parseDay(from);
  expect(day && format.isoOf(format.addMonths(day, months))).toBe(to);
});
