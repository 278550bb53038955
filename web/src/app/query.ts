/** The path of a URL without query and fragment. */
export function pathOf(url: string): string {
  return url.split(/[?#]/, 1)[0] || '/';
}

/** The query's fields, of several the last. QuickJS has no `URLSearchParams`. */
export function queryOf(url: string): Record<string, string> {
  const query = url.split('#', 1)[0]?.split('?')[1] ?? '';
  const fields: Record<string, string> = {};
  for (const pair of query.split('&')) {
    if (!pair) continue;
    const at = pair.indexOf('=');
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    fields[name] = at < 0 ? '' : decode(pair.slice(at + 1));
  }
  return fields;
}

/** Percent-decoding that leaves a malformed text as it is. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    return text;
  }
}
