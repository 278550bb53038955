// What hangs on a place of the page in place of a button.

/** The place where something was when it was pressed, in the window's pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The box of what was pressed. */
export function boxOf(event: MouseEvent): Box {
  const { left, top, width, height } = (event.currentTarget as Element).getBoundingClientRect();
  return { left, top, width, height };
}

/** Of a trigger's props only what makes it the anchor: it is a place, and no button. */
export function anchorOnly(props: object): object {
  return Object.fromEntries(Object.getOwnPropertySymbols(props).map((key) => [key, (props as Record<symbol, unknown>)[key]]));
}
