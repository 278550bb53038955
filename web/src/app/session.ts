// Signing in and out: the server's cookie, the other tabs, and what is kept of the user on this device.

let tabs: BroadcastChannel | undefined;

/** Another tab signed in or out: this page is somebody else's, or nobody's. */
export function followSession(): void {
  if (!('BroadcastChannel' in window)) return;
  tabs = new BroadcastChannel('veche.session');
  tabs.onmessage = () => location.reload();
}

/** Leaves with everything that is kept for this user, and tells the other tabs. */
export async function signOut(): Promise<void> {
  await fetch('/api/people/sign-out', { method: 'POST' });
  await forget();
  tabs?.postMessage('changed');
  location.assign('/');
}

/** After the server has set the cookie: goes on at `next`, in the new user's name. */
export async function enter(next: string): Promise<void> {
  await forget();
  tabs?.postMessage('changed');
  location.assign(next);
}

/** Pages of a user that the service worker kept. */
async function forget(): Promise<void> {
  if (!('caches' in window)) return;
  const names = await caches.keys().catch(() => [] as string[]);
  await Promise.all(names.filter((name) => name.startsWith('veche-pages')).map((name) => caches.delete(name)));
}
