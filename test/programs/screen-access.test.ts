// The block and allow lists at the door: who is let through untested, who is refused, and who is left to the stage since
// a rule on senders or recipients may still allow them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../config/load.js';
import { formatProblem } from '../../config/problem.js';
import { openScreenAccess } from '../../programs/screen-access.js';
import { SECTIONS } from '../../programs/sections.js';

const dir = mkdtempSync(join(tmpdir(), 'weir-door-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function wordOn(address: string, rules: readonly string[]) {
  const text = `storage: { dir: ${dir} }\naccess:\n  rules:\n${rules.map((rule) => `    - { ${rule} }\n`).join('')}`;
  const loaded = parseConfiguration(SECTIONS, text, 'door.yaml');
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const access = await openScreenAccess(loaded.configuration, () => undefined);
  try {
    return access.wordOn(address);
  } finally {
    await access.close();
  }
}

const BLOCK = 'name: b, kind: network, value: 192.0.2.0/24, effect: reject';

describe('the lists at the door', () => {
  it.each([
    ['a blocked client is refused', [BLOCK], { deny: 'enforce' }],
    [
      'one that an allow rule names is let through',
      [BLOCK, 'name: a, kind: ip, value: 192.0.2.7, effect: allow'],
      'permit',
    ],
    [
      'one that is spared little goes through the tests',
      [BLOCK, 'name: a, kind: ip, value: 192.0.2.7, effect: allow, skips: spf'],
      null,
    ],
    [
      'one that a recipient may want is left to RCPT',
      [BLOCK, 'name: a, kind: recipient, value: p@h.test, effect: allow'],
      null,
    ],
    ['one that a sender may be is left to MAIL', [BLOCK, 'name: a, kind: domain, value: p.test, effect: allow'], null],
    [
      'a rule of one user speaks for nobody else',
      [BLOCK, "name: a, kind: ip, value: 192.0.2.7, effect: allow, scope: 'user:bob@h.test'"],
      { deny: 'enforce' },
    ],
    ['what is discarded needs a mail first', ['name: b, kind: ip, value: 192.0.2.7, effect: discard'], null],
    ['a stranger is nobody', ['name: b, kind: ip, value: 192.0.2.8, effect: reject'], null],
  ])('%s', async (_, rules, word) => {
    expect(await wordOn('192.0.2.7', rules)).toEqual(word);
  });
});
