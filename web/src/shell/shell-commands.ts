import { mounted } from '../app/apps';
import { install } from '../app/install.svelte';
import { navigate } from '../app/navigation';
import { preferences, speak } from '../app/preferences.svelte';
import { signOut } from '../app/session';
import type { ViewState } from '../app/view.svelte';
import type { Command } from '../lib/commands.svelte';
import { m } from '../paraglide/messages.js';

export type PanelName = 'palette' | 'help' | 'diagnostics' | 'queue';

/** What the palette offers on every page. */
export function shellCommands(view: ViewState, open: (name: PanelName) => void): Command[] {
  const { user, apps } = view.boot;
  const go = mounted(apps).flatMap((app) =>
    app.places.map(({ path, label }) => ({
      id: `go:${path}`,
      title: label(),
      section: m.section_go(),
      keywords: app.name,
      run: () => void navigate(path),
    })),
  );
  return [...go, ...looks(view), ...panels(open), ...session(user !== null)];
}

function looks(view: ViewState): Command[] {
  const section = m.section_look();
  const themes = { light: m.theme_light(), dark: m.theme_dark(), system: m.theme_system() };
  const theme = (['light', 'dark', 'system'] as const).filter((one) => one !== preferences.theme);
  const other = view.locale === 'ru' ? 'en' : 'ru';
  return [
    ...theme.map((one) => ({
      id: `theme:${one}`,
      title: m.theme_is({ theme: themes[one] }),
      section,
      keywords: 'theme dark light тема тёмная светлая',
      run: () => {
        preferences.theme = one;
      },
    })),
    {
      id: 'language',
      title: other === 'ru' ? 'По-русски' : 'In English',
      section,
      keywords: 'language язык english russian русский английский',
      run: () => void speak(other, view.boot.user !== null),
    },
  ];
}

function panels(open: (name: PanelName) => void): Command[] {
  const section = m.section_help();
  const offered = { id: 'install', title: m.install(), section, run: () => void install.ask() };
  return [
    ...(install.isOffered ? [offered] : []),
    { id: 'help', title: m.shortcuts(), section, keys: '?', run: () => open('help') },
    { id: 'queue', title: m.queue_title(), section, run: () => open('queue') },
    { id: 'diagnostics', title: m.diagnostics(), section, keys: 'Ctrl+Shift+D', run: () => open('diagnostics') },
  ];
}

function session(isSignedIn: boolean): Command[] {
  const section = m.section_account();
  return isSignedIn
    ? [{ id: 'sign-out', title: m.sign_out(), section, run: () => void signOut() }]
    : [{ id: 'sign-in', title: m.sign_in(), section, run: () => void navigate('/people/sign-in') }];
}
