// What can be done here by the command palette (Ctrl+K), and which keys there are (?). Parts register theirs.

import { SvelteMap } from 'svelte/reactivity';

export interface Command {
  id: string;
  /** As a button would say it: `New board`. */
  title: string;
  /** The heading under which it stands. */
  section: string;
  /** Further words that it is found by. */
  keywords?: string;
  /** Shown beside it. */
  keys?: string;
  run: () => void;
}

export interface Shortcut {
  /** As `M` or `Ctrl+K`; several for one thing are divided by a space: `← →`. */
  keys: string;
  label: string;
}

const commandSets = new SvelteMap<symbol, Command[]>();
const shortcutSets = new SvelteMap<symbol, { section: string; list: Shortcut[] }>();

/** For an `$effect`: offers the commands until the returned function is called. */
export function registerCommands(list: Command[]): () => void {
  const key = Symbol('commands');
  commandSets.set(key, list);
  return () => commandSets.delete(key);
}

/** For an `$effect`: names the keys in the help until the returned function is called. Whoever names a key handles it. */
export function registerShortcuts(section: string, list: Shortcut[]): () => void {
  const key = Symbol('shortcuts');
  shortcutSets.set(key, { section, list });
  return () => shortcutSets.delete(key);
}

export const registry = {
  get commands(): Command[] {
    return [...commandSets.values()].flat();
  },
  get shortcuts(): { section: string; list: Shortcut[] }[] {
    return [...shortcutSets.values()];
  },
};
