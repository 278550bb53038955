import type { Plugin } from 'vite';

/**
 * A name that a module does not export, above all a message that does not exist, ends the build. An error that is thrown
 * while the log is written is swallowed, so that it waits for the next step.
 */
export function refuseMissing(): Plugin {
  const missing: string[] = [];
  return {
    name: 'veche-refuse-missing',
    apply: 'build',
    buildStart() {
      missing.length = 0;
    },
    onLog(_, log) {
      if (log.code === 'IMPORT_IS_UNDEFINED') missing.push(log.message);
    },
    generateBundle() {
      if (missing.length > 0) this.error(missing.join('\n'));
    },
  };
}
