import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

interface Chunk {
  type: 'chunk';
  fileName: string;
  code: string;
  imports: string[];
  isEntry: boolean;
  isDynamicEntry: boolean;
  name: string;
}

/** Prints what a first visit costs: the shell, and each lazily loaded part with what only it needs. */
export function printSizes(): Plugin {
  return {
    name: 'veche-print-sizes',
    apply: 'build',
    writeBundle(options, bundle) {
      if (options.dir?.endsWith('ssr')) return;
      const chunks = new Map<string, Chunk>();
      for (const part of Object.values(bundle)) {
        if (part.type === 'chunk') chunks.set(part.fileName, part as unknown as Chunk);
      }
      for (const line of report(chunks)) process.stdout.write(`${line}\n`);
    },
  };
}

/** A line for the entry and one for each lazily loaded part, the dearest first. */
function report(chunks: Map<string, Chunk>): string[] {
  const entry = [...chunks.values()].find((chunk) => chunk.isEntry && chunk.name === 'entry-client');
  if (!entry) return [];
  const shell = closure(chunks, entry.fileName, new Set());
  const parts = [...chunks.values()].filter((chunk) => chunk.isDynamicEntry);
  const sized = parts.map((part) => ({ name: part.fileName.replace(/^assets\/|-[^-]+$/g, ''), bytes: weight(chunks, closure(chunks, part.fileName, shell)) }));
  sized.sort((a, b) => b.bytes - a.bytes);
  const lines = sized.map(({ name, bytes }) => `  + ${name.padEnd(20)} ${kib(bytes)}`);
  return [`JavaScript, gzip: shell ${kib(weight(chunks, shell))}`, ...lines];
}

/** The files that a chunk needs at once, without those that are already there. */
function closure(chunks: Map<string, Chunk>, file: string, there: Set<string>, found = new Set<string>()): Set<string> {
  const chunk = chunks.get(file);
  if (!chunk || there.has(file) || found.has(file)) return found;
  found.add(file);
  for (const next of chunk.imports) closure(chunks, next, there, found);
  return found;
}

function weight(chunks: Map<string, Chunk>, files: Set<string>): number {
  return [...files].reduce((sum, file) => sum + gzipSync(chunks.get(file)?.code ?? '').length, 0);
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
