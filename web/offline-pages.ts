import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';

interface Manifest {
  [name: string]: { file: string; css?: string[] };
}

/** After the server's bundle: the pages that the service worker shows without a network, made by that bundle. */
export function offlinePages(): Plugin {
  let root = '.';
  let isSsr = false;
  return {
    name: 'veche-offline-pages',
    apply: 'build',
    configResolved(config) {
      root = config.root;
      isSsr = Boolean(config.build.ssr);
    },
    async closeBundle() {
      if (!isSsr) return;
      const client = join(root, 'dist/client');
      const manifest = JSON.parse(readFileSync(join(client, '.vite/manifest.json'), 'utf8')) as Manifest;
      await import(pathToFileURL(join(root, 'dist/ssr/ssr.js')).href);
      const render = (globalThis as { __offline?: (locale: string) => string }).__offline;
      for (const locale of ['en', 'ru']) {
        const { head, body } = JSON.parse(render?.(locale) ?? '') as { head: string; body: string };
        writeFileSync(join(client, `offline.${locale}.html`), page(locale, head, body, manifest));
      }
    },
  };
}

/** Names all files of the build, which the service worker then fetches beforehand. */
function page(locale: string, head: string, body: string, manifest: Manifest): string {
  const parts = Object.values(manifest).filter(({ file }) => file.endsWith('.js') && file.startsWith('assets/'));
  const styles = new Set(parts.flatMap(({ css }) => css ?? []));
  const links = [
    ...[...styles].map((file) => `<link rel="stylesheet" href="/${file}">`),
    ...parts.map(({ file }) => `<link rel="prefetch" href="/${file}">`),
  ];
  return `<!doctype html>
<html lang="${locale}" class="theme-system">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
${links.join('\n')}
${head}
</head>
<body>${body.replace('KEPT', '<!--kept-->')}</body>
</html>
`;
}
