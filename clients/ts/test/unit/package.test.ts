// What is published works in Node.js as it stands, and has types.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const HERE = resolve(import.meta.dirname, '../..');

test('the built package is found by name, at each of its entry points', () => {
  execFileSync(process.execPath, [join(HERE, 'scripts/build.mjs')], { stdio: 'pipe' });
  const user = mkdtempSync(join(tmpdir(), 'veche-package-'));
  const installed = join(user, 'node_modules/@veche/client');
  mkdirSync(installed, { recursive: true });
  cpSync(join(HERE, 'dist'), installed, { recursive: true });
  const program = `
    import { Client, memoryOutbox } from '@veche/client';
    import { Replica } from '@veche/client/replica';
    import { status } from '@veche/client/svelte';
    import { SobranieRealtimeClient } from '@veche/client/sobranie';
    import { CLOSE_CODES } from '@veche/client/protocol';
    const client = new Client({ urls: 'http://localhost:1', outbox: memoryOutbox() });
    status(client).subscribe((it) => console.log(it.state, typeof Replica, typeof SobranieRealtimeClient, CLOSE_CODES.drain));
  `;
  writeFileSync(join(user, 'program.mjs'), program);
  expect(execFileSync(process.execPath, ['program.mjs'], { cwd: user, encoding: 'utf8' }).trim()).toBe('closed function function 3001');

  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { exports: Record<string, { types: string; default: string }> };
  const named = Object.values(exports).flatMap((it) => [it.types, it.default]);
  expect(named.filter((path) => !existsSync(join(installed, path)))).toEqual([]);
  rmSync(user, { recursive: true });
});
