// Rule files and the configuration, watched by a running server: a change is taken without a signal, in every process at
// once; a bad one leaves what was, with an alert that names file and line; and a worker that is replaced meanwhile starts
// on what is in force, not on what lies on the disk.
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageEvent } from '../../logs/event.js';
import { callControl } from '../../programs/control.js';
import { makePlace, waitUntil, type Place } from '../ground/place.js';
import { openHouse, SETTLE_MS, type House } from './house-of-processes.js';

const mcpRules = (...words: readonly string[]): string =>
  `rules:\n${words.map((word) => `  - { name: ${word}, pattern: ${word} }\n`).join('')}`;
const cfRule = (word: string): string => `body SITE_WORD /${word}/\nscore SITE_WORD 100\n`;

describe('live reload', () => {
  let place: Place;
  let house: House;
  let mcp: string;
  let cf: string;
  let link: string;

  beforeAll(async () => {
    place = makePlace('live');
    mcp = join(place.directory, 'mcp.yaml');
    cf = join(place.directory, 'cf');
    link = join(place.directory, 'linked.yaml');
    mkdirSync(cf);
    writeFileSync(mcp, mcpRules('alpha'));
    writeFileSync(join(cf, 'site.cf'), cfRule('xylophone'));
    writeFileSync(join(place.directory, 'one.yaml'), mcpRules('delta'));
    writeFileSync(join(place.directory, 'two.yaml'), mcpRules('epsilon'));
    symlinkSync('one.yaml', link);
    house = await openHouse({
      more: `mcp: { files: [${mcp}, ${link}] }\nrules: { files: [${cf}] }\nverdict: { mcp: reject }\n`,
    });
  }, 60_000);
  afterAll(async () => {
    await house?.end();
    place?.remove();
  });

  const version = async (): Promise<string> => (await house.status()).version;
  /** Whether each of the processes refuses a mail with that word. */
  const refuses = async (word: string): Promise<boolean> => {
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => house.submit(`a ${word} indeed`)));
    const refused = outcomes.filter(({ reply }) => reply === 'SMFIR_REPLYCODE').length;
    if (refused !== 0 && refused !== outcomes.length) throw new Error(`${refused} of ${outcomes.length} refused`);
    return refused > 0;
  };
  /** Changes files, and waits until another version is in force everywhere. */
  const change = async (deed: () => void): Promise<void> => {
    const before = await version();
    deed();
    await waitUntil('the change to be taken', SETTLE_MS, async () => (await version()) !== before);
    const status = await house.whole();
    expect(new Set(status.processes.map((one) => one.version))).toEqual(new Set([status.version]));
  };
  const alerts = async (): Promise<string> => JSON.stringify(await callControl(house.control, 'alerts', {}));
  const refusal = (pattern: RegExp): Promise<boolean> =>
    waitUntil(
      'the refusal',
      SETTLE_MS,
      async () => pattern.test(await alerts()) && /settings-refused/.test(await alerts()),
    );

  /** Every row of the mail log. */
  const allRows = async (): Promise<readonly MessageEvent[]> => {
    const rows: MessageEvent[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const asked: object = cursor === undefined ? {} : { cursor };
      const answer = await callControl(house.control, 'log.mail', { limit: 1_000, ...asked });
      if (!answer.running) throw new Error('the control socket does not answer');
      const page = answer.result as { readonly entries: readonly MessageEvent[]; readonly next: string | null };
      rows.push(...page.entries);
      cursor = page.next;
    }
    return rows;
  };

  it('takes an MCP file written in place, one put there by rename, and a link that points elsewhere', async () => {
    expect([await refuses('alpha'), await refuses('beta'), await refuses('delta')]).toEqual([true, false, true]);
    await change(() => writeFileSync(mcp, mcpRules('alpha', 'beta')));
    expect([await refuses('alpha'), await refuses('beta')]).toEqual([true, true]);
    await change(() => {
      writeFileSync(`${mcp}.new`, mcpRules('gamma'));
      renameSync(`${mcp}.new`, mcp);
    });
    expect([await refuses('alpha'), await refuses('gamma')]).toEqual([false, true]);
    await change(() => {
      symlinkSync('two.yaml', `${link}.new`);
      renameSync(`${link}.new`, link);
    });
    expect([await refuses('delta'), await refuses('epsilon')]).toEqual([false, true]);
  });

  it('keeps the rules when an MCP file turns bad, tells file and line, starts workers on them, and takes a good one', async () => {
    const before = await version();
    writeFileSync(mcp, `${mcpRules('gamma')}  - { name: bad, relation: matches, pattern: "(x" }\n`);
    await refusal(/mcp\.yaml:3:\d+: rules\.2\.pattern: expected a regular expression/);
    expect(await version()).toBe(before);
    expect(await refuses('gamma')).toBe(true);
    const victims = (await house.status()).processes.filter(({ role }) => role === 'worker').map(({ pid }) => pid);
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    await waitUntil('new workers', SETTLE_MS, async () => {
      const { processes } = await house.whole();
      return processes.every(({ pid }) => !victims.includes(pid));
    });
    expect([await refuses('gamma'), await version()]).toEqual([true, before]);
    await change(() => writeFileSync(mcp, mcpRules('zeta')));
    expect([await refuses('gamma'), await refuses('zeta')]).toEqual([false, true]);
    await waitUntil('the alert to be cleared', SETTLE_MS, async () => !(await alerts()).includes('settings-refused'));
  });

  it('keeps the rules when a file goes, and takes it when it is back', async () => {
    unlinkSync(mcp);
    await refusal(/mcp\.yaml: there is no such file/);
    expect(await refuses('zeta')).toBe(true);
    await change(() => writeFileSync(mcp, mcpRules('eta')));
    expect(await refuses('eta')).toBe(true);
  });

  it('takes rule files of a directory: changed, new, and gone', async () => {
    expect([await refuses('xylophone'), await refuses('theremin')]).toEqual([true, false]);
    await change(() => writeFileSync(join(cf, 'site.cf'), cfRule('theremin')));
    expect([await refuses('xylophone'), await refuses('theremin')]).toEqual([false, true]);
    await change(() => writeFileSync(join(cf, 'more.cf'), 'body MORE_WORD /glockenspiel/\nscore MORE_WORD 100\n'));
    expect([await refuses('theremin'), await refuses('glockenspiel')]).toEqual([true, true]);
    await change(() => unlinkSync(join(cf, 'more.cf')));
    expect(await refuses('glockenspiel')).toBe(false);
  });

  it('keeps the rules when a rule file gets worse, and tells the line', async () => {
    writeFileSync(join(cf, 'site.cf'), `${cfRule('celesta')}body WORSE /(/\n`);
    await refusal(/site\.cf:3: /);
    expect([await refuses('theremin'), await refuses('celesta')]).toEqual([true, false]);
    await change(() => writeFileSync(join(cf, 'site.cf'), cfRule('celesta')));
    expect([await refuses('theremin'), await refuses('celesta')]).toEqual([false, true]);
  });

  it('takes the configuration file, bad and good', async () => {
    house.rewrite(`${house.config}\nverdikt: { tagAt: 3 }\n`);
    await refusal(/weir\.yaml:\d+:1: unknown key ..verdikt/);
    await change(() => house.rewrite(house.config.replace('mcp: reject', 'mcp: accept')));
    expect(await refuses('eta')).toBe(false);
    await change(() => house.rewrite(house.config));
    expect(await refuses('eta')).toBe(true);
  });

  it('loses no mail and judges none by half a set while files change all the time', async () => {
    await change(() => writeFileSync(mcp, mcpRules('two', 'due')));
    const pairs: string[] = [];
    let going = true;
    const writer = (async () => {
      for (let turn = 0; going; turn += 1) {
        // Both words of a set hit, or both words of the other.
        writeFileSync(mcp, turn % 2 === 0 ? mcpRules('one', 'uno') : mcpRules('two', 'due'));
        await new Promise((done) => setTimeout(done, 2_500));
      }
    })();
    const until = Date.now() + 12_000;
    const seen = new Set<string>();
    while (Date.now() < until) {
      const { reply } = await house.submit('one uno two due');
      pairs.push(reply);
      seen.add(await version());
    }
    going = false;
    await writer;
    expect(new Set(pairs)).toEqual(new Set(['SMFIR_REPLYCODE']));
    expect(seen.size).toBeGreaterThan(1);
    const rows = await allRows();
    const sets = rows
      .map((row) => row.findings.map(({ id }) => id))
      .filter((ids) => ids.some((id) => /^MCP_(ONE|UNO|TWO|DUE)$/.test(id)))
      .map((ids) => ids.filter((id) => id.startsWith('MCP_')).join(' '));
    expect(sets.length).toBe(pairs.length);
    expect(new Set(sets)).toEqual(new Set(['MCP_ONE MCP_UNO', 'MCP_TWO MCP_DUE']));
  }, 60_000);
});

describe('live reload switched off', () => {
  it('waits for a signal', async () => {
    const place = makePlace('still');
    const mcp = join(place.directory, 'mcp.yaml');
    writeFileSync(mcp, mcpRules('alpha'));
    const more = `mcp: { files: [${mcp}] }\nverdict: { mcp: reject }\n`;
    const house = await openHouse({ processes: 'watchFiles: false', more });
    try {
      const before = (await house.status()).version;
      writeFileSync(mcp, mcpRules('beta'));
      await new Promise((done) => setTimeout(done, 4_000));
      expect((await house.status()).version).toBe(before);
      house.weir.signal('SIGHUP');
      await waitUntil('the change to be taken', SETTLE_MS, async () => (await house.status()).version !== before);
    } finally {
      await house.end();
      place.remove();
    }
  }, 60_000);
});
