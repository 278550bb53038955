// What enters and leaves, for `in:` and `out:`. Svelte runs these by the Web Animations API, so no style is injected.

import type { TransitionConfig } from 'svelte/transition';

const ENTER_MS = 200;
const LEAVE_MS = 160;

/** Close to `cubic-bezier(.2,.8,.2,1)`, the one easing of the look. */
export function ease(t: number): number {
  return 1 - (1 - t) ** 4;
}

/** Whether the reader asked for stillness. */
export function isStill(): boolean {
  return window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}

export function isPhone(): boolean {
  return window.matchMedia('(max-width: 600px)').matches;
}

/** A dialog: rises a little; on a phone it is a sheet that comes from below. */
function sheet(duration: number): TransitionConfig {
  const phone = isPhone();
  const css = (t: number, u: number) => (phone ? `translate: 0 ${u * 100}%` : `opacity: ${t}; translate: 0 ${u * 8}px`);
  return { duration: isStill() ? 0 : duration, easing: ease, css };
}

export function sheetIn(_: Element): TransitionConfig {
  return sheet(ENTER_MS);
}

export function sheetOut(_: Element): TransitionConfig {
  return sheet(LEAVE_MS);
}

/** A menu, a popover, a toast. */
export function floatIn(_: Element): TransitionConfig {
  return { duration: isStill() ? 0 : 120, easing: ease, css: (t, u) => `opacity: ${t}; translate: 0 ${u * -4}px` };
}

export function floatOut(_: Element): TransitionConfig {
  return { duration: isStill() ? 0 : 90, easing: ease, css: (t) => `opacity: ${t}` };
}
