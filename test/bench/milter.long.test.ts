// The milter bench at small size: it builds its C peer, drives a real Postfix, and every mail is delivered. Figures are
// not judged here, since a machine that runs tests is no machine to measure on.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { runCommand } from '../ground/place.js';

const PROGRAM = resolve('dist/bench/milter.js');
const ready = requirePackage('postfix', 'gcc', 'libc6-dev', 'libmilter-dev') && requireRoot();

test.skipIf(!ready)('the milter bench runs and prints a row per contestant', async () => {
  if (!existsSync(PROGRAM)) throw new Error('dist/ is missing: npm run build');
  const args = ['--messages', '40', '--warmup', '10', '--rounds', '1', '--senders', '4', '--only', 'none,layer,serve'];
  const { status, stdout, stderr } = await runCommand(process.execPath, [PROGRAM, ...args], { timeoutMs: 240_000 });
  expect(status, stderr).toBe(0);
  const rows = stdout.split('\n').filter((line) => line.includes('msg/s'));
  expect(rows.map((row) => row.slice(0, 32).trim().replace(/\s+/g, ' '))).toEqual([
    'none no milter',
    'unix no-op in C, silent',
    'unix no-op in C, replies',
    'unix Weir, milter layer alone',
    'unix weir serve, stages off',
    'tcp no-op in C, replies',
    'tcp Weir, milter layer alone',
    'tcp weir serve, stages off',
  ]);
  for (const row of rows) expect(row).toMatch(/[1-9]\d* msg\/s/);
});
