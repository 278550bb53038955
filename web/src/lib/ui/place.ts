// Where something that floats stands beside what it belongs to. It is in the top layer (`popover`), so nothing clips it.

export type Placement = 'bottom-start' | 'bottom-end' | 'bottom' | 'top';

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface Space {
  width: number;
  height: number;
}

const GAP = 6;
const MARGIN = 8;

/** The floating box's corner: beside the anchor, on the other side where there is no room, and always on the screen. */
export function position(anchor: Box, floating: Space, screen: Space, placement: Placement): { left: number; top: number } {
  const below = anchor.top + anchor.height + GAP;
  const above = anchor.top - GAP - floating.height;
  const fitsBelow = below + floating.height <= screen.height - MARGIN;
  const fitsAbove = above >= MARGIN;
  const isAbove = placement === 'top' ? fitsAbove || !fitsBelow : !fitsBelow && fitsAbove;
  const within = (value: number, size: number, room: number) => Math.max(MARGIN, Math.min(value, room - MARGIN - size));
  const left = {
    'bottom-start': anchor.left,
    'bottom-end': anchor.left + anchor.width - floating.width,
    bottom: anchor.left + anchor.width / 2 - floating.width / 2,
    top: anchor.left + anchor.width / 2 - floating.width / 2,
  }[placement];
  return {
    left: Math.round(within(left, floating.width, screen.width)),
    top: Math.round(within(isAbove ? above : below, floating.height, screen.height)),
  };
}

/** Keeps `floating` beside `anchor` until the returned function is called. */
export function follow(anchor: Element, floating: HTMLElement, placement: Placement): () => void {
  const place = () => {
    const screen = { width: document.documentElement.clientWidth, height: window.innerHeight };
    const { left, top } = position(
      anchor.getBoundingClientRect(),
      { width: floating.offsetWidth, height: floating.offsetHeight },
      screen,
      placement,
    );
    floating.style.left = `${left}px`;
    floating.style.top = `${top}px`;
  };
  place();
  const sizes = new ResizeObserver(place);
  sizes.observe(floating);
  sizes.observe(anchor);
  window.addEventListener('scroll', place, { capture: true, passive: true });
  window.addEventListener('resize', place);
  return () => {
    sizes.disconnect();
    window.removeEventListener('scroll', place, { capture: true });
    window.removeEventListener('resize', place);
  };
}
