import type { Attachment } from 'svelte/attachments';
import { follow } from './place';

const DELAY_MS = 500;
/** After one tooltip was shown, its neighbours come at once. */
const WARM_MS = 600;
let lastShown = 0;

/**
 * `{@attach tooltip('Archive')}`: shows the text for a pointer that rests or for focus by keyboard; Escape hides it. It
 * repeats what the element's name already says, so a screen reader is not told.
 */
export function tooltip(text: string | (() => string)): Attachment<HTMLElement> {
  return (element) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hide: (() => void) | undefined;
    const leave = () => {
      clearTimeout(timer);
      hide?.();
      hide = undefined;
    };
    const show = () => {
      if (hide || !element.isConnected || element.getAttribute('aria-expanded') === 'true') return;
      hide = open(element, typeof text === 'function' ? text() : text, leave);
    };
    const enter = (event: PointerEvent) => {
      if (event.pointerType === 'touch') return;
      clearTimeout(timer);
      timer = setTimeout(show, performance.now() - lastShown < WARM_MS ? 60 : DELAY_MS);
    };
    const focus = () => element.matches(':focus-visible') && show();
    element.addEventListener('pointerenter', enter);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('pointerdown', leave);
    element.addEventListener('focus', focus);
    element.addEventListener('blur', leave);
    return () => {
      leave();
      element.removeEventListener('pointerenter', enter);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('pointerdown', leave);
      element.removeEventListener('focus', focus);
      element.removeEventListener('blur', leave);
    };
  };
}

/** Puts the bubble into the top layer; returns its end. */
function open(anchor: HTMLElement, text: string, onescape: () => void): () => void {
  const bubble = document.createElement('div');
  bubble.className = 'tooltip';
  bubble.textContent = text;
  bubble.popover = 'manual';
  bubble.setAttribute('aria-hidden', 'true');
  // Inside a dialog too, so that it is not inert there.
  (anchor.closest('dialog') ?? document.body).append(bubble);
  bubble.showPopover();
  const unfollow = follow(anchor, bubble, 'bottom');
  const onkeydown = (event: KeyboardEvent) => event.key === 'Escape' && onescape();
  document.addEventListener('keydown', onkeydown);
  return () => {
    lastShown = performance.now();
    document.removeEventListener('keydown', onkeydown);
    unfollow();
    bubble.remove();
  };
}
