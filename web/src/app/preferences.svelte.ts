// How the reader wants it: cookies that the server reads for the next page, and classes on <html> for this one.

import type { Boot, Density, Locale, Theme } from './boot';

const THEMES: Theme[] = ['light', 'dark', 'system'];
const DENSITIES: Density[] = ['comfortable', 'compact'];

let theme = $state<Theme>('system');
let density = $state<Density>('comfortable');
let contrast = $state(false);

export const preferences = {
  get theme(): Theme {
    return theme;
  },
  set theme(value: Theme) {
    theme = value;
    keep('theme', value);
    for (const one of THEMES) toggle(`theme-${one}`, one === value);
  },
  get density(): Density {
    return density;
  },
  set density(value: Density) {
    density = value;
    keep('density', value);
    for (const one of DENSITIES) toggle(`density-${one}`, one === value);
  },
  get contrast(): boolean {
    return contrast;
  },
  set contrast(value: boolean) {
    contrast = value;
    keep('contrast', value ? 'more' : 'normal');
    toggle('contrast-more', value);
  },
};

/** Takes what the server knew of; to be called once, after hydration. */
export function learnPreferences(boot: Boot): void {
  theme = boot.theme;
  density = boot.density;
  contrast = boot.contrast;
}

/** The page is made anew in the other language; a signed-in user's account remembers it. */
export async function speak(locale: Locale, isSignedIn: boolean): Promise<void> {
  keep('locale', locale);
  if (isSignedIn) {
    const body = JSON.stringify({ language: locale });
    await fetch('/api/people/me', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body }).catch(() => null);
  }
  location.reload();
}

function keep(name: string, value: string) {
  document.cookie = `veche_${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax`;
}

function toggle(name: string, on: boolean) {
  document.documentElement.classList.toggle(name, on);
}
