import { expect, test } from 'vitest';
import { pluralOf } from '../src/lib/i18n/plural';

test.each(['en', 'ru'])('counts have the categories that Intl gives them: %s', (locale) => {
  const rules = new Intl.PluralRules(locale);
  for (const count of [...Array(1_200).keys(), 1_000_001, 1.5, 0.1, -1, -3, -11]) {
    expect(`${count} ${pluralOf(locale, count)}`).toBe(`${count} ${rules.select(count)}`);
  }
});
