/**
 * The secret of a mailed link, which stands in the fragment because browsers send that to nobody. It is taken out of the
 * address at once, and goes to the server in a body.
 */
export function takeSecret(): string {
  const secret = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  if (location.hash) history.replaceState(null, '', location.pathname);
  return secret;
}
