// How many bytes a page loads for an entry point: bundled, minified and compressed as a server would.
// What is loaded only where it is needed (the fallback to HTTP) is counted for itself.

import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { resolve } from 'node:path';

const SRC = resolve(import.meta.dirname, '../src');

/** The bytes, after gzip, of an entry point and of what it imports: at once, and later. */
export async function sizeOf(entry) {
  const { outputFiles, metafile } = await build({
    entryPoints: [resolve(SRC, `${entry}.ts`)],
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    outdir: '/out',
    external: ['react'],
    metafile: true,
    write: false,
  });
  const outputs = new Map(Object.entries(metafile.outputs));
  const bytes = (path) => {
    const file = outputFiles.find((it) => it.path.endsWith(path.slice(path.lastIndexOf('/'))));
    return gzipSync(file.contents, { level: 9 }).length;
  };
  const first = [...outputs].find(([, output]) => output.entryPoint?.endsWith(`/${entry}.ts`))[0];
  const atOnce = new Set();
  const visit = (path) => {
    if (atOnce.has(path)) return;
    atOnce.add(path);
    for (const it of outputs.get(path).imports) if (it.kind === 'import-statement' && outputs.has(it.path)) visit(it.path);
  };
  visit(first);
  const sum = (paths) => paths.reduce((total, path) => total + bytes(path), 0);
  return { atOnce: sum([...atOnce]), later: sum([...outputs.keys()].filter((path) => !atOnce.has(path))) };
}

if (process.argv[1] === import.meta.filename) {
  for (const entry of ['index', 'replica', 'svelte', 'react', 'sobranie']) {
    const { atOnce, later } = await sizeOf(entry);
    console.log(`${entry.padEnd(9)} ${atOnce} bytes, ${later} more where WebSockets are blocked`);
  }
}
