// `weir doctor` with a server that runs under a user of its own, one that stands still, none, and a refused configuration.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DoctorLine } from '../../programs/doctor-checks.js';
import { runCommand } from '../ground/place.js';
import { requireRoot } from '../ground/packages.js';
import { WEIR_PROGRAM } from '../ground/weir.js';
import { openHouse, type House } from './house-of-processes.js';

interface Report {
  readonly state: string;
  readonly lines: readonly DoctorLine[];
}

const asRoot = requireRoot();

describe('weir doctor', () => {
  let house: House;
  beforeAll(async () => {
    // Not watched: that the file and the settings in force differ must last to be seen.
    house = await openHouse({ processes: `watchFiles: false${asRoot ? ', user: nobody' : ''}` });
  }, 60_000);
  afterAll(() => house.end());

  const examine = async (
    file = join(house.directory, 'weir.yaml'),
  ): Promise<{ code: number | null; report: Report }> => {
    const { status, stdout } = await runCommand(process.execPath, [WEIR_PROGRAM, '-c', file, 'doctor', '--json']);
    return { code: status, report: JSON.parse(stdout) as Report };
  };
  const stateOf = (report: Report, area: string): readonly string[] =>
    report.lines.filter((line) => line.area === area).map(({ state }) => state);

  it('finds a running server whole', async () => {
    const { code, report } = await examine();
    for (const area of [
      'configuration',
      'user',
      'storage',
      'disk',
      'stores',
      'state',
      'outbox',
      'server',
      'settings',
      'workers',
      'admin',
    ]) {
      expect([area, stateOf(report, area)]).toEqual([area, ['ok']]);
    }
    expect(stateOf(report, 'listener')).toEqual(['ok', 'ok']);
    expect(report.lines.filter(({ state, advice }) => state !== 'ok' && advice === '')).toEqual([]);
    expect(report.lines.filter(({ state }) => state === 'fail')).toEqual([]);
    expect(code).toBe(report.state === 'ok' ? 0 : 1);
  });

  it('prints a mark for each line and what to do below it', async () => {
    const { stdout } = await house.weir.run(['doctor']);
    expect(stdout).toMatch(/^✓ configuration:/m);
    expect(stdout).toMatch(/^✓ listener: +unix:.* speaks milter version 6$/m);
    for (const text of stdout.split('\n').filter(Boolean)) expect(text).toMatch(/^([✓!✗] | {10,}→ )/);
  });

  it.skipIf(!asRoot)('sees processes that gave root up for good, with files of their own', async () => {
    const { pid, processes } = await house.status();
    for (const one of [pid, ...processes.map((process) => process.pid)]) {
      const status = readFileSync(`/proc/${one}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
    }
    expect(statSync(join(house.directory, 'store', 'state.db')).uid).toBe(65_534);
    expect((await house.submit('hello')).reply).toBe('SMFIR_ACCEPT');
  });

  it('names each mistake of a refused configuration, exit code 2', async () => {
    const bad = join(house.directory, 'bad.yaml');
    writeFileSync(bad, 'processes: { workerz: 2 }\n');
    const { code, report } = await examine(bad);
    expect(code).toBe(2);
    expect(report.lines[0]).toMatchObject({ area: 'configuration', state: 'fail' });
    expect(report.lines[0]?.detail).toMatch(/bad\.yaml:1.*workerz.*workers/);
  });

  it('sees that the file and the settings in force differ', async () => {
    house.rewrite(`${house.config}\nverdict: { tagAt: 4 }\n`);
    const { report } = await examine();
    expect(stateOf(report, 'settings')).toEqual(['warn']);
    house.rewrite(house.config);
  });

  it('says that nothing runs, exit code 2', async () => {
    const elsewhere = join(house.directory, 'elsewhere.yaml');
    const config = house.config.replace('/store', '/store-of-nobody').replace('milter.sock', 'nobody.sock');
    writeFileSync(elsewhere, config.replace(`, 'inet:127.0.0.1:${house.port}'`, ''));
    const { code, report } = await examine(elsewhere);
    expect(code).toBe(2);
    expect([stateOf(report, 'server'), stateOf(report, 'listener'), stateOf(report, 'stores')]).toEqual([
      ['fail'],
      ['fail'],
      ['warn'],
    ]);
  });
});
