// Builds what is published into dist/: JavaScript with its types, and a package.json whose entry points
// are those files. In the workspace the sources themselves are the entry points.

import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const HERE = resolve(import.meta.dirname, '..');
const DIST = resolve(HERE, 'dist');

rmSync(DIST, { recursive: true, force: true });
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
execFileSync(process.execPath, [tsc, '-p', resolve(HERE, 'tsconfig.build.json')], { stdio: 'inherit' });

const { scripts: _scripts, devDependencies: _dev, files: _files, exports, ...rest } = JSON.parse(readFileSync(resolve(HERE, 'package.json'), 'utf8'));
const built = Object.fromEntries(Object.entries(exports).map(([name, { default: source }]) => {
  const path = source.replace('./src/', './').replace(/\.ts$/, '');
  return [name, { types: `${path}.d.ts`, default: `${path}.js` }];
}));
writeFileSync(resolve(DIST, 'package.json'), `${JSON.stringify({ ...rest, exports: built }, null, 2)}\n`);
for (const file of ['README.md', '../../LICENSE-MIT', '../../LICENSE-APACHE']) cpSync(resolve(HERE, file), resolve(DIST, file.replace('../../', '')));
