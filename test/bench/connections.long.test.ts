// The connection bench at small size: both doors refuse, serve and let go of everything. Figures are not judged here, since
// a machine that runs tests is no machine to measure on.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { runCommand } from '../ground/place.js';

const PROGRAM = resolve('dist/bench/connections.js');
const ready = requirePackage('postfix', 'dnsmasq-base', 'openssl') && requireRoot();

test.skipIf(!ready)('the connection bench runs and serves everybody at both doors', async () => {
  if (!existsSync(PROGRAM)) throw new Error('dist/ is missing: npm run build');
  const args = ['--connections', '320', '--seconds', '16', '--open', '200', '--refusals', '100', '--visits', '5'];
  const { status, stdout, stderr } = await runCommand(process.execPath, [PROGRAM, ...args], { timeoutMs: 280_000 });
  expect(status, stderr).toBe(0);
  for (const door of ['postscreen', 'weir']) {
    for (const word of ['cold', 'warm']) expect(stdout).toMatch(new RegExp(`refusals ${word}  ${door} .* 100 of 100`));
    expect(stdout).toMatch(new RegExp(`known client  ${door} .*added`));
    expect(stdout).toMatch(new RegExp(`waiting  ${door} +200 at once`));
    const [, crowd = ''] = stdout.split(new RegExp(`crowd  ${door}`));
    expect(crowd.split('crowd')[0]).toContain(
      'good 160: 80 served, 80 told to come again, 0 neither; talkers 40 of 40',
    );
  }
});
