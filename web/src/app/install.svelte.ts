// The browser's offer to install the app, kept for when the reader asks for it: nothing pops up.

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
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    offer = event as InstallPrompt;
  });
  window.addEventListener('appinstalled', () => (offer = null));
}
