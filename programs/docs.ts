// `npm run docs`: writes the reference and the sample configuration, and takes away pages of what is no longer there.
// Run from the project's root.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { composeReference, REFERENCE_DIR } from './reference/reference.js';

const reference = await composeReference();
mkdirSync(REFERENCE_DIR, { recursive: true });
for (const entry of readdirSync(REFERENCE_DIR, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && !reference.has(path)) rmSync(path);
}
for (const [path, text] of reference) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
process.stdout.write(`${reference.size} files written\n`);
