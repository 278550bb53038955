import { useView } from '../../app/view.svelte';
import { m } from '../../paraglide/messages.js';
import { nowOr, offsetOr } from './clock.svelte';
import * as format from './format';

/** The formatters of the reader's language and zone. */
export interface Format {
  /** Today as `YYYY-MM-DD`. */
  today(): string;
  /** `29 Nov`, with the year where it is not this one. */
  date(ms: number): string;
  /** `15:05`. */
  time(ms: number): string;
  /** `29 November 2026, 15:05`, for a tooltip. */
  full(ms: number): string;
  /** `just now`, `5 min ago`, `yesterday`, then the date. */
  ago(ms: number): string;
  /** Of `YYYY-MM-DD`: `today`, `tomorrow`, `yesterday`, then the date. */
  day(day: string): string;
  /** Of `YYYY-MM-DD`: `29 November 2026`. */
  longDay(day: string): string;
  /** Of `YYYY-MM-DD`: days from today, negative for the past. */
  daysUntil(day: string): number;
  number(value: number, digits?: number): string;
  bytes(value: number): string;
}

/** To be called while a component is made. What it returns is right at each call, also after the zone is known. */
export function useFormat(): Format {
  const view = useView();
  const now = () => nowOr(view.boot.now);
  const offset = (ms: number) => offsetOr(view.boot.tzOffset, ms);
  const dayOf = (ms: number) => format.dayAt(ms, offset(ms));
  const today = () => dayOf(now());
  const date = (day: format.Day) => format.shortDate(view.locale, day, today().year);
  const until = (day: format.Day) => format.daysBetween(today(), day);
  const near = (day: format.Day) => nearDay(until(day)) ?? date(day);
  return {
    today: () => format.isoOf(today()),
    date: (ms) => date(dayOf(ms)),
    time: (ms) => format.clockTime(ms, offset(ms)),
    full: (ms) => `${format.longDate(view.locale, dayOf(ms))}, ${format.clockTime(ms, offset(ms))}`,
    ago: (ms) => agoOf(now() - ms) ?? near(dayOf(ms)),
    day: (text) => withDay(text, near) ?? text,
    longDay: (text) => withDay(text, (day) => format.longDate(view.locale, day)) ?? text,
    daysUntil: (text) => withDay(text, until) ?? 0,
    number: (value, digits) => format.decimal(view.locale, value, digits),
    bytes: (value) => format.byteSize(view.locale, value),
  };
}

function withDay<T>(text: string, use: (day: format.Day) => T): T | null {
  const day = format.parseDay(text);
  return day && use(day);
}

function nearDay(days: number): string | null {
  if (days === 0) return m.today();
  if (days === 1) return m.tomorrow();
  return days === -1 ? m.yesterday() : null;
}

function agoOf(passedMs: number): string | null {
  const minutes = Math.floor(passedMs / 60_000);
  if (minutes < 1) return m.just_now();
  if (minutes < 60) return m.minutes_ago({ count: minutes });
  const hours = Math.floor(minutes / 60);
  return hours < 12 ? m.hours_ago({ count: hours }) : null;
}
