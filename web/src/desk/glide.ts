// Cards and lists glide to where they are put: their places before a change, their places after it, and an animation
// from the one to the other (FLIP). A transform of the Web Animations API needs no style in the markup.

import { isStill } from '../lib/ui/motion';

const GLIDE_MS = 200;
const EASE = 'cubic-bezier(.2,.8,.2,1)';
/** Farther than this nobody's eye follows. */
const FAR_PX = 3000;

/**
 * Notes where everything is; calling the answer, after the change, lets what went elsewhere glide there.
 *
 * What hangs under a pointer counts as being there: a dropped card glides from the finger to its place.
 */
export function glide(): () => void {
  if (isStill()) return () => undefined;
  const before = new Map(things().map((element) => [nameOf(element), element.getBoundingClientRect()]));
  return () => {
    // All are measured before the first is moved, or each animation would make the browser lay out the page again.
    const went = new Map(things().map((element) => [element, way(before.get(nameOf(element)), element)]));
    for (const [element, { x, y }] of went) {
      const list = element.dataset.card === undefined ? null : element.closest<HTMLElement>('[data-list]');
      const along = list && went.get(list);
      const [dx, dy] = [x - (along?.x ?? 0), y - (along?.y ?? 0)];
      const far = Math.abs(dx) + Math.abs(dy);
      if (far < 1 || far > FAR_PX) continue;
      element.animate([{ translate: `${dx}px ${dy}px` }, { translate: '0 0' }], { duration: GLIDE_MS, easing: EASE });
    }
  };
}

/** From where an element stands to where it stood. */
function way(old: DOMRect | undefined, element: HTMLElement): { x: number; y: number } {
  const now = element.getBoundingClientRect();
  if (!old || old.width === 0 || now.width === 0) return { x: 0, y: 0 };
  return { x: old.left - now.left, y: old.top - now.top };
}

function things(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('[data-card], [data-list]')];
}

function nameOf(element: HTMLElement): string {
  return element.dataset.card ?? `list ${element.dataset.list}`;
}
