// The bench of hostile mail and rules runs small: every attack gets figures, what bounded it is reported, and nothing in
// a hostile rule file is more than data.
import { expect, it } from 'vitest';
import { benchHostile } from '../../bench/hostile-rules.js';
import { hostileRuleFile, listAttacks, type AttackSizes } from '../../bench/hostile-material.js';
import { FILES_ON_DISK } from '../../config/attached.js';
import { COMPILE_DEFAULTS } from '../../rules/compile.js';
import { GLOBS_MAX } from '../../rules/gather.js';
import { loadRules } from '../../rules/load.js';
import { makeDir } from '../logs/fixtures.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SMALL: AttackSizes = {
  runBytes: 20_000,
  lineBytes: 40_000,
  links: 200,
  htmlBytes: 30_000,
  parts: 50,
  fields: 100,
  ruleLines: 20,
};

it('gives figures for every attack, and says what gave up', { timeout: 60_000 }, async () => {
  const rows = await benchHostile([], SMALL);
  expect(rows).toHaveLength(listAttacks(SMALL).length + 3);
  for (const row of rows) {
    expect(row.heldMs).toBeGreaterThan(0);
    expect(row.told).not.toContain('broke');
  }
  const slow = rows.filter(({ name }) => name.startsWith('slow patterns'));
  expect(slow.every(({ told }) => told.includes('RULES_GAVE_UP'))).toBe(true);
});

it('holds each rule against a bounded number of globs', async () => {
  const path = join(await makeDir(), 'globs.cf');
  const metas = Array.from(
    { length: GLOBS_MAX + 2 },
    (_, index) => `meta M_${String(index)} rules_matching(A${String(index)}*)`,
  );
  writeFileSync(path, [...metas, 'meta AGAIN rules_matching(A1*)', 'meta NONE 1'].join('\n'));
  const { refusals, set } = loadRules([path], { core: false, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK });
  expect(refusals.map(({ line, reason }) => [line, reason])).toEqual([
    [GLOBS_MAX + 1, `M_${String(GLOBS_MAX)}: more than ${String(GLOBS_MAX)} different globs in one rule set`],
    [GLOBS_MAX + 2, `M_${String(GLOBS_MAX + 1)}: more than ${String(GLOBS_MAX)} different globs in one rule set`],
    [GLOBS_MAX + 3, `AGAIN: more than ${String(GLOBS_MAX)} different globs in one rule set`],
  ]);
  expect(set.byName.has('NONE')).toBe(true);
});

it('leaves of a hostile rule file what says what to look for', async () => {
  const path = join(await makeDir(), 'hostile.cf');
  writeFileSync(path, hostileRuleFile(20), 'latin1');
  const { set, refusals } = loadRules([path], undefined);
  const refused = new Set(refusals.map(({ line }) => line));
  // Each of the first lines reaches for something: code, a file, a network, another object.
  expect(refused.size).toBeGreaterThan(30);
  const names = [...set.byName.keys()];
  expect(names.filter((name) => /^CODE/.test(name))).toEqual([]);
  expect(names).toContain('LAST');
  expect(({} as Record<string, unknown>)['constructor']).toBe(Object);
  expect(Object.keys(Object.prototype)).toEqual([]);
});
