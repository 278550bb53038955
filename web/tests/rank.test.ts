import { expect, test } from 'vitest';
import type { Command } from '../src/lib/commands.svelte';
import { rank } from '../src/shell/rank';

const command = (title: string, section = 'Go', keywords?: string): Command => ({
  id: title,
  title,
  section,
  ...(keywords && { keywords }),
  run: () => undefined,
});
const commands = [
  command('Theme: dark', 'Look', 'тёмная'),
  command('New board', 'Desk'),
  command('Rename the board', 'Desk'),
  command('Boards'),
  command('Ещё раз', 'Доска'),
];
const find = (query: string) => rank(commands, query).map(({ title }) => title);

test.each([
  ['', commands.map(({ title }) => title)],
  ['   ', commands.map(({ title }) => title)],
  ['board', ['Boards', 'New board', 'Rename the board']],
  ['BOARD', ['Boards', 'New board', 'Rename the board']],
  ['new board', ['New board']],
  ['board new', ['New board']],
  ['oard', ['New board', 'Rename the board', 'Boards']],
  ['темная', ['Theme: dark']],
  ['еще', ['Ещё раз']],
  ['desk', ['New board', 'Rename the board']],
  ['board nothing', []],
])('"%s" finds %j', (query, titles) => {
  expect(find(query)).toEqual(titles);
});
