import { expect, test } from 'vitest';
import { nextOf } from '../src/people/api';

test.each([
  ['/desk/welcome?card=1', '/desk/welcome?card=1'],
  ['/', '/'],
  ['//evil.example', '/'],
  ['/\\evil.example', '/'],
  ['https://evil.example', '/'],
  ['javascript:alert(1)', '/'],
  ['/\t/evil.example', '/'],
  ['desk', '/'],
  ['', '/'],
])('after signing in with next=%j one goes to %s', (next, path) => {
  expect(nextOf({ next })).toBe(path);
});

test('with no wish one goes to the start', () => {
  expect(nextOf({})).toBe('/');
});
