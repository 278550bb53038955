// What a screen reader is told about what happened elsewhere than at the focus.

let polite = $state('');
let urgent = $state('');

/** Says it once; the same words again are said again. `urgent` interrupts: errors of what the user just did. */
export function announce(text: string, how: 'polite' | 'urgent' = 'polite'): void {
  // A region speaks when its text changes.
  const different = (before: string) => (before === text ? `${text}\u00a0` : text);
  if (how === 'urgent') urgent = different(urgent);
  else polite = different(polite);
}

export const announced = {
  get polite() {
    return polite;
  },
  get urgent() {
    return urgent;
  },
};
