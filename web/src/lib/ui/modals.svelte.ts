// The modal dialogs that are open, the topmost last. A modal makes the rest of the page inert: what passes (toasts) and
// what is said (live regions) has to be inside of the topmost, or nobody can press it, and no screen reader speaks it.

let open = $state.raw<readonly symbol[]>([]);

export const modals = {
  /** The topmost, or `null` where the page itself is in front. */
  get top(): symbol | null {
    return open.at(-1) ?? null;
  },
};

/** Notes that a modal has opened; the returned function that it has closed. */
export function enterModal(key: symbol): () => void {
  open = [...open, key];
  return () => (open = open.filter((one) => one !== key));
}
