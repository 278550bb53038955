import { expect, test } from 'vitest';
import { pathOf, queryOf } from '../src/app/query';
import { match } from '../src/app/router';

const anya = { id: 'anya', name: 'Аня' };
const at = (url: string, boot = {}) => match({ url, apps: ['desk'], user: anya, demo: false, ...boot });

test.each([
  ['/people/sign-in', 'sign-in', {}],
  ['/desk', 'desk', {}],
  ['/desk/', 'desk', {}],
  ['/desk/welcome?card=c1', 'desk.board', { board: 'welcome' }],
  ['/desk/%D0%B0', 'desk.board', { board: 'а' }],
  ['/desk/%E0%A4%A', 'desk.board', { board: '%E0%A4%A' }],
  ['/desk/a/b', 'not-found', {}],
  ['/nowhere', 'not-found', {}],
])('%s is the page %s', (url, name, params) => {
  const found = at(url);
  expect(found.route.name).toBe(name);
  expect(found.params).toEqual(params);
});

test('a single mounted app owns the root of whoever is signed in', () => {
  expect(at('/').route.name).toBe('desk');
  expect(at('/', { user: null }).route.name).toBe('landing');
  expect(at('/', { apps: ['desk', 'circles'] }).route.name).toBe('landing');
});

test('an app that is not mounted has no pages', () => {
  expect(at('/desk', { apps: [] }).route.name).toBe('not-found');
});

test.each([
  ['/a?x=1&y=%D0%B0+b', '/a', { x: '1', y: 'а b' }],
  ['/a?x&x=2#f', '/a', { x: '2' }],
  ['?q=%', '/', { q: '%' }],
  ['/a#?x=1', '/a', {}],
])('%s has a path and a query', (url, path, query) => {
  expect(pathOf(url)).toBe(path);
  expect(queryOf(url)).toEqual(query);
});
