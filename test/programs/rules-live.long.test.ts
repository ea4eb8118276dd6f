// `weir rules` against a running server: what is imported, switched or taken away is in force in every process when the
// command returns, and what the server would not take changes nothing.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHouse, type House } from './house-of-processes.js';

const RULES = 'body SITE_WORD /xylophone/\nscore SITE_WORD 100\n';

describe('rules imported while the server runs', () => {
  let house: House;
  let file: string;

  beforeAll(async () => {
    house = await openHouse();
    file = join(house.directory, 'site.cf');
    writeFileSync(file, RULES);
  }, 60_000);
  afterAll(() => house?.end());

  /** How many of the mails with that word are refused. */
  const refused = async (word: string): Promise<number> => {
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => house.submit(`a ${word} indeed`)));
    return outcomes.filter(({ reply }) => reply === 'SMFIR_REPLYCODE').length;
  };

  it('are in force at once, switched off, switched on, and taken away', async () => {
    expect(await refused('xylophone')).toBe(0);
    expect(await house.weir.run(['rules', 'import', file])).toMatchObject({
      status: 0,
      stdout: 'site.cf: imported; in force\n',
    });
    expect(await refused('xylophone')).toBe(6);
    expect((await house.weir.run(['rules', 'disable', 'SITE_WORD'])).status).toBe(0);
    expect(await refused('xylophone')).toBe(0);
    expect((await house.weir.run(['rules', 'enable', 'SITE_WORD'])).status).toBe(0);
    expect(await refused('xylophone')).toBe(6);
    expect((await house.weir.run(['rules', 'delete', 'site.cf'])).status).toBe(0);
    expect(await refused('xylophone')).toBe(0);
  });

  it('replace what was imported under that name, also without its wrong lines', async () => {
    await house.weir.run(['rules', 'import', file]);
    writeFileSync(file, `${RULES.replaceAll('xylophone', 'zither')}body BAD /(a/\n`);
    expect((await house.weir.run(['rules', 'import', file])).status).toBe(1);
    expect([await refused('xylophone'), await refused('zither')]).toEqual([6, 0]);
    const partly = await house.weir.run(['rules', 'import', '--partly', file]);
    expect(partly, partly.stderr).toMatchObject({ status: 0 });
    expect([await refused('xylophone'), await refused('zither')]).toEqual([0, 6]);
    expect(existsSync(join(house.directory, 'store', 'rules', 'imported', 'site.cf.new'))).toBe(false);
  });

  it('change nothing while the configuration file is bad', async () => {
    house.rewrite(`${house.config}\nrules: { nonsense: 1 }\n`);
    const ran = await house.weir.run(['rules', 'delete', 'site.cf']);
    expect(ran.status).toBe(78);
    house.rewrite(house.config);
    expect(await refused('zither')).toBe(6);
  });
});
