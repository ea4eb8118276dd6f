// The reference and the sample configuration are what the declarations in the code say now.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultConfiguration, parseConfiguration } from '../../config/load.js';
import { uncommentSample } from '../../config/sample.js';
import { SECTIONS } from '../../programs/sections.js';
import { composeReference, REFERENCE_DIR } from '../../programs/reference/reference.js';
import { readText, ROOT } from './tree.js';

const reference = await composeReference();

describe('generated files', () => {
  it.each([...reference])('%s is current (else: npm run docs)', (path, text) => {
    expect(existsSync(join(ROOT, path)), `${path} is missing: npm run docs`).toBe(true);
    expect(readText(path)).toBe(text);
  });

  it('are the only ones in their folder', () => {
    const found = readdirSync(join(ROOT, REFERENCE_DIR), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length));
    expect(found.filter((path) => !reference.has(path))).toEqual([]);
  });

  it('name no thing of the machine they were made on', () => {
    for (const [path, text] of reference) expect(text.includes(ROOT.slice(0, -1)), path).toBe(false);
  });
});

describe('the sample configuration', () => {
  it('loads to the defaults, as it is and with every key uncommented', () => {
    const sample = reference.get('weir.sample.yaml') ?? '';
    const { version } = defaultConfiguration(SECTIONS);
    for (const text of [sample, uncommentSample(sample)]) {
      const loaded = parseConfiguration(SECTIONS, text, 'weir.sample.yaml');
      expect(loaded.ok ? loaded.configuration.version : loaded.problems).toBe(version);
    }
  });
});
