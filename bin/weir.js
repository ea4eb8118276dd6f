#!/usr/bin/env node
// Starts the built program; says what to do where it is not built.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const entry = new URL('../dist/programs/weir.js', import.meta.url);
if (existsSync(fileURLToPath(entry))) {
  await import(entry.href);
} else {
  process.stderr.write('weir is not built yet: run `npm ci` (or `npm run build`) in its folder first\n');
  process.exitCode = 70;
}
