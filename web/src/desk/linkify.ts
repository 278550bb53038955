// Plain text with its web addresses as links. Whatever else looks like markup stays text.

export interface Piece {
  readonly text: string;
  /** Present where the piece is an address; always http or https. */
  readonly href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"'`\u202a-\u202e\u2066-\u2069]+/gi;
/** What a sentence puts after an address. */
const TRAILING = /[.,;:!?…»”’)\]}]+$/;

/** The pieces of a text, in order; joined they are the text. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = trimmed(found[0]);
    if (address.length <= 'https://'.length) continue;
    if (found.index > from) pieces.push({ text: text.slice(from, found.index) });
    pieces.push({ text: address, href: address });
    from = found.index + address.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** An address without the sentence's end; a bracket that it opened itself stays. */
function trimmed(address: string): string {
  const tail = TRAILING.exec(address)?.[0] ?? '';
  const cut = address.slice(0, address.length - tail.length);
  return tail.startsWith(')') && cut.includes('(') ? `${cut})` : cut;
}
