import type { Component } from 'svelte';

/** A line of a menu. */
export type MenuItem =
  | {
      id: string;
      label: string;
      /** From `@lucide/svelte/icons/…`. */
      icon?: Component<{ size?: number; 'aria-hidden'?: 'true' }>;
      /** A second, quieter line. */
      hint?: string;
      /** As `M` or `Ctrl+K`; shown only. */
      keys?: string;
      tone?: 'bad';
      disabled?: boolean;
      /** With it the line is a choice: one of those between two separators. */
      checked?: boolean;
      /** It is on or off by itself, rather than one of several. */
      isToggle?: boolean;
      href?: string;
      onselect?: () => void;
    }
  | { heading: string }
  | 'separator';

/** The item that a typed letter leads to: the next one after `from` whose label begins so. */
export function byLetter(labels: string[], from: number, letter: string): number {
  const wanted = letter.toLowerCase();
  for (let step = 1; step <= labels.length; step++) {
    const at = (from + step) % labels.length;
    if (labels[at]?.toLowerCase().startsWith(wanted)) return at;
  }
  return from;
}
