import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

type Variant = { declarations: string[]; match: Record<string, string> };
type Message = string | Variant[];
type Messages = Record<string, Message>;

const root = join(import.meta.dirname, '..');
const files = ['shell', 'desk'];
const FORMS = { en: ['one', 'other'], ru: ['one', 'few', 'many', 'other'] };

const read = (locale: string, file: string): Messages => {
  const { $schema: _, ...messages } = JSON.parse(readFileSync(join(root, 'messages', locale, `${file}.json`), 'utf8'));
  return messages as Messages;
};
const both = files.map((file) => ({ file, en: read('en', file), ru: read('ru', file) }));
const all = (locale: 'en' | 'ru') => both.flatMap((pair) => Object.entries(pair[locale]));

const texts = (message: Message): string[] =>
  typeof message === 'string' ? [message] : message.flatMap(({ match }) => Object.values(match));
const placeholders = (message: Message): string[] =>
  [...new Set(texts(message).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')))].sort();
/** What a message may be given; a plural's form need not repeat its number. */
const inputs = (message: Message): string[] => {
  if (typeof message === 'string') return placeholders(message);
  const declared = message.flatMap(({ declarations }) => declarations.flatMap((line) => /^input (\w+)$/.exec(line)?.[1] ?? []));
  return [...new Set(declared)].sort();
};

test.each(both)('$file has the same keys in both languages, with the same placeholders', ({ en, ru }) => {
  expect(Object.keys(ru).sort()).toEqual(Object.keys(en).sort());
  for (const [key, message] of Object.entries(en)) {
    expect([key, ...inputs(ru[key] ?? '')]).toEqual([key, ...inputs(message)]);
  }
});

test.each(['en', 'ru'] as const)('plurals have all forms of the language, and use what they declare: %s', (locale) => {
  for (const [key, message] of all(locale)) {
    expect(inputs(message), key).toEqual(expect.arrayContaining(placeholders(message)));
    if (typeof message === 'string') continue;
    for (const { match } of message) {
      const forms = Object.keys(match).map((form) => form.split('=').at(-1));
      if (Object.keys(match).some((form) => /Plural=/.test(form))) expect(forms, key).toEqual(FORMS[locale]);
    }
  }
});

test('no key is in two files', () => {
  const keys = all('en').map(([key]) => key);
  expect(keys.filter((key, at) => keys.indexOf(key) !== at)).toEqual([]);
});

test('each message is used, and each that is used exists', () => {
  const used = new Set(sources(join(root, 'src')).flatMap((text) => [...text.matchAll(/\bm\.(\w+)/g)].map(([, name]) => name ?? '')));
  const keys = all('en').map(([key]) => key);
  expect(keys.filter((key) => !used.has(key))).toEqual([]);
  expect([...used].filter((key) => !keys.includes(key))).toEqual([]);
});

test.each(['en', 'ru'] as const)('nobody shouts, and quotes are typographic: %s', (locale) => {
  const wrong = all(locale).filter(([, message]) => texts(message).some((text) => /[!"]|\boops\b|\.\.\./i.test(text)));
  expect(wrong).toEqual([]);
});

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === 'paraglide' ? [] : sources(path);
    return /\.(svelte|ts)$/.test(name) ? [readFileSync(path, 'utf8')] : [];
  });
}
