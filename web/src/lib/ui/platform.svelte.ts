// What the browser runs on. It is known after the page was hydrated; before, and on the server, it is the majority's.

let apple = $state(false);

export function isApple(): boolean {
  return apple;
}

/** To be called once, after hydration. */
export function learnPlatform(): void {
  apple = /Mac|iPhone|iPad/.test(navigator.platform);
}
