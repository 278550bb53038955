import './lib/look/fonts.css';
import './lib/look/tokens.css';
import './lib/look/base.css';
import { hydrate, mount } from 'svelte';
import App from './app/App.svelte';
import type { Boot } from './app/boot';
import { startNavigation } from './app/navigation';
import { loadPage } from './app/parts-lazy';
import { match } from './app/router';
import { ViewState } from './app/view.svelte';
import { learnPlatform } from './lib/ui/platform.svelte';
import { overwriteGetLocale } from './paraglide/runtime.js';

async function start(): Promise<void> {
  const boot = JSON.parse(document.getElementById('boot')?.textContent ?? '') as Boot;
  const target = document.getElementById('app');
  if (!target) return;
  overwriteGetLocale(() => boot.locale);
  const { route, params } = match(boot);
  const Page = boot.error ? null : await loadPage(route);
  const view = new ViewState({ boot, route, params, Page });
  // Empty where the server was too busy to render.
  const show = target.hasChildNodes() ? hydrate : mount;
  show(App, { target, props: { view } });
  startNavigation(view, loadPage);
  learnPlatform();
}

void start();
