import type { Command } from '../lib/commands.svelte';

/** The commands that a query finds, the best first; with no query all of them, as they were registered. */
export function rank(commands: Command[], query: string): Command[] {
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return commands;
  const scored = commands.map((command, at) => ({ command, at, score: score(command, words) }));
  return scored
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .map(({ command }) => command);
}

/** Each word has to be found: at the title's beginning is best, then at a word's, then anywhere. */
function score({ title, section, keywords = '' }: Command, words: string[]): number {
  const name = fold(title);
  const rest = fold(`${section} ${keywords}`);
  const of = (word: string): number => {
    if (name.startsWith(word)) return 8;
    if (name.includes(` ${word}`)) return 6;
    if (name.includes(word)) return 3;
    return ` ${rest}`.includes(` ${word}`) ? 2 : 0;
  };
  const scores = words.map(of);
  return scores.includes(0) ? 0 : scores.reduce((sum, one) => sum + one, 0);
}

/** Without case, and without the difference between е and ё. */
function fold(text: string): string {
  return text.toLowerCase().replaceAll('ё', 'е');
}
