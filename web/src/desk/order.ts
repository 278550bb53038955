// The keys that keep cards and lists in order: fractional indexes, byte for byte those that the server makes.
//
// The browser never sends a key, only between what to put a card: these serve to show it at its place at once. The
// format is rocicorp/fractional-indexing's: a head letter that tells the length of the integer part, then base-62
// digits. Keys are compared bytewise; `localeCompare` would put them in another order.

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SMALLEST_INTEGER = `A${'0'.repeat(26)}`;

/** A key between two others; null is an open end. Throws where `before` is not below `after` or one is no key. */
export function between(before: string | null, after: string | null): string {
  if (before !== null) check(before);
  if (after !== null) check(after);
  if (before !== null && after !== null && before >= after) throw new RangeError(`${before} is not below ${after}`);
  if (before === null) return after === null ? 'a0' : below(after);
  if (after === null) return above(before);
  const low = integerPart(before);
  const high = integerPart(after);
  if (low === high) return low + midpoint(before.slice(low.length), after.slice(high.length));
  const next = increment(low);
  if (next !== null && next < after) return next;
  return low + midpoint(before.slice(low.length), null);
}

/** `count` keys between two others, evenly spread: what a list gets when its keys have grown too long. */
export function spread(before: string | null, after: string | null, count: number): string[] {
  if (count === 0) return [];
  if (count === 1) return [between(before, after)];
  if (after === null) return chain(count, before, (last) => between(last, null));
  if (before === null) return chain(count, after, (last) => between(null, last)).reverse();
  const half = Math.floor(count / 2);
  const middle = between(before, after);
  return [...spread(before, middle, half), middle, ...spread(middle, after, count - half - 1)];
}

/** The order of all keyed things: by key, then by id, both bytewise. */
export function compare(a: { ord: string; id: string }, b: { ord: string; id: string }): number {
  if (a.ord !== b.ord) return a.ord < b.ord ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

function chain(count: number, from: string | null, next: (last: string | null) => string): string[] {
  const keys: string[] = [];
  let last = from;
  for (let made = 0; made < count; made += 1) {
    last = next(last);
    keys.push(last);
  }
  return keys;
}

function below(key: string): string {
  const integer = integerPart(key);
  if (integer === SMALLEST_INTEGER) return integer + midpoint('', key.slice(integer.length));
  if (integer < key) return integer;
  const lower = decrement(integer);
  if (lower === null) throw new RangeError('no key is lower');
  return lower;
}

function above(key: string): string {
  const integer = integerPart(key);
  return increment(integer) ?? integer + midpoint(key.slice(integer.length), null);
}

/** A fraction between two others: '' is zero, null is one; neither ends in 0. */
function midpoint(low: string, high: string | null): string {
  if (high !== null) {
    let common = 0;
    while ((low[common] ?? '0') === high[common]) common += 1;
    if (common > 0) return high.slice(0, common) + midpoint(low.slice(common), high.slice(common));
  }
  const first = low === '' ? 0 : digit(low, 0);
  const limit = high === null ? DIGITS.length : digit(high, 0);
  if (limit - first > 1) return DIGITS.charAt(Math.round(0.5 * (first + limit)));
  if (high !== null && high.length > 1) return high.slice(0, 1);
  return DIGITS.charAt(first) + midpoint(low.slice(1), null);
}

function increment(integer: string): string | null {
  const head = integer.charAt(0);
  let tail = '';
  for (let place = integer.length - 1; place >= 1; place -= 1) {
    const value = digit(integer, place) + 1;
    if (value < DIGITS.length) return integer.slice(0, place) + DIGITS.charAt(value) + tail;
    tail = `0${tail}`;
  }
  if (head === 'z') return null;
  if (head === 'Z') return 'a0';
  const next = String.fromCharCode(head.charCodeAt(0) + 1);
  return next + (next > 'a' ? `${tail}0` : tail.slice(1));
}

function decrement(integer: string): string | null {
  const head = integer.charAt(0);
  let tail = '';
  for (let place = integer.length - 1; place >= 1; place -= 1) {
    const value = digit(integer, place) - 1;
    if (value >= 0) return integer.slice(0, place) + DIGITS.charAt(value) + tail;
    tail = `z${tail}`;
  }
  if (head === 'A') return null;
  if (head === 'a') return 'Zz';
  const next = String.fromCharCode(head.charCodeAt(0) - 1);
  return next + (next < 'Z' ? `${tail}z` : tail.slice(1));
}

function integerPart(key: string): string {
  const head = key.charAt(0);
  const length = /[a-z]/.test(head) ? head.charCodeAt(0) - 95 : 92 - head.charCodeAt(0);
  if (!/[A-Za-z]/.test(head) || length > key.length) throw new RangeError(`${key} is no key`);
  return key.slice(0, length);
}

function check(key: string): void {
  const fraction = key.slice(integerPart(key).length);
  if (key === SMALLEST_INTEGER || fraction.endsWith('0')) throw new RangeError(`${key} is no key`);
}

function digit(text: string, place: number): number {
  const value = DIGITS.indexOf(text.charAt(place));
  if (value < 0) throw new RangeError(`${text} is no key`);
  return value;
}
