/// <reference types="vitest/config" />
import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { defineConfig, type UserConfig } from 'vite';
import { devSsr } from './dev-ssr.ts';
import { offlinePages } from './offline-pages.ts';
import { printSizes } from './print-sizes.ts';
import { staticIcons } from './static-icons.ts';
import { refuseMissing } from './refuse-missing.ts';

// Vitest prints failures by it, and Node 20 has none.
Map.groupBy ??= <K, V>(items: Iterable<V>, keyOf: (item: V, at: number) => K) => {
  const groups = new Map<K, V[]>();
  let at = 0;
  for (const item of items) {
    const key = keyOf(item, at++);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
};

/** Where `npm run dev` finds the server. */
const API = process.env.VECHE_URL ?? 'http://localhost:3000';

/** The browser's files, with the manifest that the server builds its page from. */
const client: UserConfig['build'] = {
  outDir: 'dist/client',
  manifest: true,
  target: 'es2022',
  // A script that asks for its neighbours would be inline; Rust writes the links of the route's chunk itself.
  modulePreload: { polyfill: false },
  assetsInlineLimit: 0,
  rolldownOptions: {
    input: { 'entry-client': 'src/entry-client.ts', sw: 'src/sw.ts' },
    output: {
      // A service worker's address has to stay the same, and at the root.
      entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
      chunkFileNames: ({ name, facadeModuleId }) => `assets/${partOf(facadeModuleId) ?? name}-[hash].js`,
    },
  },
};

/** The folder of a part's `pages.ts`, after which its chunk is named. */
function partOf(module: string | null): string | undefined {
  return module?.match(/\/([^/]+)\/pages\.ts$/)?.[1];
}

/** One file for QuickJS: no imports, no chunks. */
const ssr: UserConfig['build'] = {
  outDir: 'dist/ssr',
  ssr: 'src/entry-server.ts',
  target: 'es2022',
  minify: true,
  copyPublicDir: false,
  rolldownOptions: {
    output: { format: 'es', entryFileNames: 'ssr.js', codeSplitting: false },
  },
};

export default defineConfig(({ isSsrBuild, mode }) => ({
  plugins: [
    paraglideVitePlugin({
      project: './project.inlang',
      outdir: './src/paraglide',
      strategy: ['globalVariable', 'baseLocale'],
      disableAsyncLocalStorage: true,
    }),
    staticIcons(),
    svelte(),
    refuseMissing(),
    devSsr(API),
    printSizes(),
    offlinePages(),
    mode === 'test' && svelteTesting(),
  ],
  define: { __TEST__: String(mode === 'test') },
  build: isSsrBuild ? ssr : client,
  // Only for the bundle: in development Node resolves packages, and `webworker` would pull in client Svelte.
  ssr: isSsrBuild ? { target: 'node', noExternal: true } : undefined,
  appType: 'custom',
  server: { port: 5173, proxy: { '/api': API, '/realtime': { target: API, ws: true } } },
  test: { environment: 'node', include: ['tests/**/*.test.ts', 'src/**/*.test.ts'] },
}));
