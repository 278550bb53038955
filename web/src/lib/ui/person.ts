/** Far enough apart to be told from each other. */
const HUES = [15, 40, 65, 90, 130, 155, 185, 215, 245, 275, 305, 340];

/** A person's hue, the same in all apps: FNV-1a of the id. */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) {
    hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0;
  }
  return HUES[(hash >>> 12) % HUES.length] ?? 15;
}

/** One or two letters: of the first word and the last. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const first = [...(words[0] ?? '')][0] ?? '?';
  const last = words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}
