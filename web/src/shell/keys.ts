/** The keys that the shell itself has, on every page. */
export function keyOf(event: KeyboardEvent): 'palette' | 'diagnostics' | 'help' | null {
  const isCommand = event.ctrlKey || event.metaKey;
  // By place on the keyboard, so that a Russian layout has them too.
  if (isCommand && !event.shiftKey && !event.altKey && event.code === 'KeyK') return 'palette';
  if (isCommand && event.shiftKey && event.code === 'KeyD') return 'diagnostics';
  const isHelp = event.key === '?' || (event.shiftKey && event.code === 'Slash');
  return isHelp && !isCommand && !event.altKey && !isTyping(event.target) ? 'help' : null;
}

/** Whether a letter is text here, so that it is no shortcut. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
