/** CLDR's cardinal categories of the languages we ship. */
export type Plural = 'one' | 'few' | 'many' | 'other';

/** The category of a count: `1 карта`, `2 карты`, `5 карт`, `1,5 карты`. */
export function pluralOf(locale: string, count: number): Plural {
  return locale.startsWith('ru') ? russian(count) : Math.abs(count) === 1 ? 'one' : 'other';
}

function russian(count: number): Plural {
  if (!Number.isInteger(count)) return 'other';
  const tens = Math.abs(count) % 100;
  const ones = tens % 10;
  if (ones === 1 && tens !== 11) return 'one';
  return ones >= 2 && ones <= 4 && (tens < 12 || tens > 14) ? 'few' : 'many';
}
