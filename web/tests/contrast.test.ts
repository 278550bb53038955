import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

type Side = 'light' | 'dark';
type Oklch = [lightness: number, chroma: number, hue: number];

const css = readFileSync(join(import.meta.dirname, '../src/lib/look/tokens.css'), 'utf8');
/** The declarations outside of `.contrast-more` and of media queries, by name. */
const blockOf = (selector: string) => {
  const from = css.indexOf(selector);
  return css.slice(from, css.indexOf('\n}', from));
};
const tokens = read(blockOf(':root {') + blockOf('.app {') + blockOf('.person {'));
const more = new Map([...tokens, ...read(blockOf('.contrast-more {') + blockOf('.contrast-more .app'))]);

function read(block: string): Map<string, string> {
  return new Map([...block.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name ?? '', value?.trim() ?? '']));
}

/** A token's colour, of an app's or a person's hue. */
function colour(all: Map<string, string>, name: string, side: Side, hue: number): Oklch {
  const value = all.get(name) ?? '';
  const both = /^light-dark\((.+?\)), (.+\))\)$/s.exec(value);
  const chosen = both?.[side === 'light' ? 1 : 2] ?? value;
  const other = /^var\((--[\w-]+)\)$/.exec(chosen)?.[1];
  if (other) return colour(all, other, side, hue);
  const parts = /^oklch\(([\d.]+) ([\d.]+) (\S+?)\)$/.exec(chosen);
  if (!parts) throw new Error(`${name}: ${chosen}`);
  return [Number(parts[1]), Number(parts[2]), parts[3]?.startsWith('var(') ? hue : Number(parts[3])];
}

/** Relative luminance, of the colour as a screen of sRGB shows it. */
function luminance([lightness, chroma, hue]: Oklch): number {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clip = (value: number) => Math.min(1, Math.max(0, value));
  const red = clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  const green = clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  const blue = clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: Oklch, other: Oklch): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const APPS = [255, 300, 20, 75, 165];
const PEOPLE = [15, 40, 65, 90, 130, 155, 185, 215, 245, 275, 305, 340];
const GROUNDS = ['--paper', '--surface', '--raised', '--sunken'];
const TEXT = 4.5;
const CONTROL = 3;

const pairs: [string, string[], number[], number][] = [
  ['--ink', GROUNDS, [0], TEXT],
  ['--ink-soft', GROUNDS, [0], TEXT],
  ['--ink-faint', GROUNDS, [0], TEXT],
  ['--accent', [...GROUNDS, '--accent-soft'], APPS, TEXT],
  ['--on-accent', ['--accent', '--accent-strong'], APPS, TEXT],
  ['--on-bad', ['--bad'], [0], TEXT],
  ['--ok', ['--paper', '--surface', '--ok-soft'], [0], TEXT],
  ['--warn', ['--paper', '--surface', '--warn-soft'], [0], TEXT],
  ['--bad', ['--paper', '--surface', '--bad-soft'], [0], TEXT],
  ['--person-ink', ['--person'], PEOPLE, TEXT],
  ['--ink', ['--person-soft'], PEOPLE, TEXT],
  ['--person-ring', ['--paper', '--surface'], PEOPLE, CONTROL],
  ['--edge', GROUNDS, [0], CONTROL],
];

test.each(['light', 'dark'] as const)('text and controls are told from what is behind them: %s', (side) => {
  for (const [name, grounds, hues, least] of pairs) {
    for (const ground of grounds) {
      for (const hue of hues) {
        const found = contrast(colour(tokens, name, side, hue), colour(tokens, ground, side, hue));
        expect(found, `${name} on ${ground}, hue ${hue}, ${side}`).toBeGreaterThanOrEqual(least);
      }
    }
  }
});

test.each(['light', 'dark'] as const)('with more contrast text reaches 7:1: %s', (side) => {
  for (const name of ['--ink', '--ink-soft', '--ink-faint', '--accent', '--ok', '--warn', '--bad']) {
    for (const hue of APPS) {
      const found = contrast(colour(more, name, side, hue), colour(more, '--paper', side, hue));
      expect(found, `${name}, hue ${hue}, ${side}`).toBeGreaterThanOrEqual(7);
    }
  }
});
