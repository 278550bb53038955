import './lib/look/fonts.css';
import './lib/look/tokens.css';
import './lib/look/base.css';
import { hydrate, mount } from 'svelte';
import App from './app/App.svelte';
import type { Boot } from './app/boot';
import { awaitInstallOffer } from './app/install.svelte';
import { startNavigation } from './app/navigation';
import { loadPart } from './app/parts-lazy';
import { learnPreferences } from './app/preferences.svelte';
import { match, shownBy } from './app/router';
import { followSession } from './app/session';
import { ViewState } from './app/view.svelte';
import { startClock } from './lib/i18n/clock.svelte';
import { startConnection } from './lib/live/connection.svelte';
import { followOutbox } from './lib/live/outbox.svelte';
import { learnPlatform } from './lib/ui/platform.svelte';
import { overwriteGetLocale } from './paraglide/runtime.js';

async function start(): Promise<void> {
  const boot = JSON.parse(document.getElementById('boot')?.textContent ?? '') as Boot;
  const target = document.getElementById('app');
  if (!target) return;
  awaitInstallOffer();
  overwriteGetLocale(() => boot.locale);
  const { route, params } = match(boot);
  const part = await loadPart(route);
  const view = new ViewState({ boot, route, params, ...shownBy(part, route, boot) });
  // Before the page lives, because its effects subscribe.
  const client = startConnection(boot);
  followOutbox(client);
  // Empty where the server was too busy to render.
  const show = target.hasChildNodes() ? hydrate : mount;
  show(App, { target, props: { view } });
  startNavigation(view, loadPart);
  learnPreferences(boot);
  learnPlatform();
  startClock();
  followSession();
  keepForOffline();
}

/** In development the files change under it. */
function keepForOffline(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  // A page works without it, as in a WebView.
  navigator.serviceWorker.register('/sw.js', { type: 'module' }).catch(() => undefined);
}

void start();
