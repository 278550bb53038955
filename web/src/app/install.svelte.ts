// The browser's offer to install the app, kept for when the reader asks for it.

interface InstallPrompt extends Event {
  prompt(): Promise<unknown>;
}

let offer = $state.raw<InstallPrompt | null>(null);

export const install = {
  get isOffered(): boolean {
    return offer !== null;
  },
  async ask(): Promise<void> {
    const asked = offer;
    // An offer holds for one question.
    offer = null;
    await asked?.prompt();
  },
};

/** To be called once, early: the browser offers it when it likes. */
export function awaitInstallOffer(): void {
  // Not prevented: the browser would write a line about it into the console of every page.
  window.addEventListener('beforeinstallprompt', (event) => (offer = event as InstallPrompt));
  window.addEventListener('appinstalled', () => (offer = null));
}
