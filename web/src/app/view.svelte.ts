import { getContext, setContext } from 'svelte';
import type { Boot, Locale } from './boot';
import { queryOf } from './query';
import type { Page, Route } from './router';

/** What is on the screen. A navigation replaces it as a whole. */
export interface View {
  boot: Boot;
  route: Route;
  params: Record<string, string>;
  /** `null` where the shell shows a page of its own, as of an error. */
  Page: Page | null;
  /** What the top bar says until the page says it itself. */
  place?: string | undefined;
}

/** The view as components see it. */
export class ViewState {
  #view = $state.raw<View>() as View;
  #isLoading = $state(false);

  constructor(view: View) {
    this.#view = view;
  }

  get boot(): Boot {
    return this.#view.boot;
  }

  get locale(): Locale {
    return this.#view.boot.locale;
  }

  get route(): Route {
    return this.#view.route;
  }

  get params(): Record<string, string> {
    return this.#view.params;
  }

  get query(): Record<string, string> {
    return queryOf(this.#view.boot.url);
  }

  get place(): string | undefined {
    return this.#view.place;
  }

  get Page(): Page | null {
    return this.#view.Page;
  }

  /** The next page is on its way. */
  get isLoading(): boolean {
    return this.#isLoading;
  }

  set isLoading(value: boolean) {
    this.#isLoading = value;
  }

  show(view: View): void {
    this.#view = view;
    this.#isLoading = false;
  }
}

const KEY = 'veche.view';

export function provideView(view: ViewState): void {
  setContext(KEY, view);
}

/** The view of the page that a component is part of; to be called while it is made. */
export function useView(): ViewState {
  return getContext<ViewState>(KEY);
}
