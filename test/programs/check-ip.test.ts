// `weir check-ip` as it is run, on a DNS server of its own: what is known of an address, what is not, and its exit codes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addCheckIpCommand } from '../../programs/check-ip.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';
import { runCommand, type CommandResult } from '../ground/place.js';
import { WEIR_PROGRAM } from '../ground/weir.js';

const LISTED = '9.113.0.203';

let dns: ScriptedDns;
let directory: string;
let config: string;

beforeAll(async () => {
  dns = await startScriptedDns({
    '2.0.0.127.bl.test': { A: ['127.0.0.2'] },
    [`${LISTED}.bl.test`]: { A: ['127.0.0.2'], TXT: ['see \x1b[31mhttp://bl.test/?203.0.113.9'] },
    '2.0.0.127.untold.test': { A: ['127.0.0.2'] },
    [`${LISTED}.untold.test`]: { A: ['127.0.0.2'] },
    '*.refusing.test': { A: ['127.255.255.254'] },
    '*.broken.test': { behaviour: 'servfail' },
    '*.world.test': { A: ['127.0.0.2'] },
  });
  directory = mkdtempSync(join(tmpdir(), 'weir-check-ip-'));
  config = join(directory, 'weir.yaml');
  writeFileSync(
    config,
    `resolver: { servers: ["${dns.address}"], timeoutMs: 1000 }
lists:
  sites:
    - { list: 'bl.test=127.0.0.2*3', ask: [client] }
    - { list: 'untold.test=127.0.0.9*5', ask: [client] }
    - { list: 'dom.test', ask: [url] }
`,
  );
});
afterAll(async () => {
  await dns.stop();
  rmSync(directory, { recursive: true });
});

const run = (...args: readonly string[]): Promise<CommandResult> =>
  runCommand(process.execPath, [WEIR_PROGRAM, '-c', config, 'check-ip', ...args]);
const rows = async (...args: readonly string[]): Promise<readonly Record<string, unknown>[]> =>
  (await run(...args, '--json')).stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('weir check-ip', () => {
  it('asks the lists set for clients: codes, points, reason, both witnesses', async () => {
    const found = await run('203.0.113.9');
    expect(found).toMatchObject({ status: 1, stderr: '' });
    expect(found.stdout).toContain('listed      bl.test      127.0.0.2, 3 points');
    expect(found.stdout).toContain('the list says: see ?[31mhttp://bl.test/?203.0.113.9');
    expect(found.stdout).toContain('no weight of the settings is for this answer');
    expect(found.stdout).not.toContain('dom.test');
    expect(found.stdout).toContain('203.0.113.9: listed 2, not listed 0, unknown 0; 3 points for a client');
    expect(await rows('203.0.113.9')).toMatchObject([
      { address: '203.0.113.9', list: 'bl.test', state: 'listed', codes: ['127.0.0.2'], score: 3, witness: 'answer' },
      { list: 'untold.test', state: 'listed', score: 0 },
    ]);
  });

  it('ends well, and before timers of the package do, for an address on no list', async () => {
    const slow = join(directory, 'slow.yaml');
    writeFileSync(slow, 'resolver: { timeoutMs: 60000 }\n');
    const startedMs = performance.now();
    const args = ['198.51.100.1', '--list', 'bl.test', '--resolver', dns.address];
    const found = await runCommand(process.execPath, [WEIR_PROGRAM, '-c', slow, 'check-ip', ...args]);
    expect(found).toMatchObject({ status: 0 });
    expect(found.stdout).toContain('listed 0, not listed 1, unknown 0');
    expect(performance.now() - startedMs).toBeLessThan(50_000);
  });

  it('never calls a list that cannot tell "not listed", whatever the package reads from it', async () => {
    const lists = ['refusing.test', 'broken.test', 'world.test', 'gone.test'].flatMap((list) => ['--list', list]);
    const found = await rows('203.0.113.9', ...lists);
    expect(found).toMatchObject([
      { list: 'refusing.test', state: 'unknown', codes: ['127.255.255.254'], witness: 'answer' },
      {
        list: 'broken.test',
        state: 'unknown',
        detail: expect.stringContaining('servfail') as string,
        witness: 'no-answer',
      },
      { list: 'world.test', state: 'unknown', detail: expect.stringContaining('lists everything') as string },
      { list: 'gone.test', state: 'unknown', detail: expect.stringContaining('dead') as string },
    ]);
    expect(await run('203.0.113.9', ...lists)).toMatchObject({ status: 2 });
  });

  it('shows well-known lists with their terms, and asks nothing', async () => {
    dns.forget();
    const found = await run('--known');
    expect(found).toMatchObject({ status: 0 });
    for (const zone of ['zen.spamhaus.org', 'bl.spamcop.net', 'list.dnswl.org', 'multi.uribl.com'])
      expect(found.stdout).toContain(zone);
    expect(found.stdout).toMatch(/terms +Free/);
    expect(dns.asked).toEqual([]);
  });

  it.each([
    [['x'], 'not an IPv4 or IPv6 address: x'],
    [[], 'give an address'],
    [['203.0.113.9', '--list', 'bl test'], 'expected the name of a DNS zone'],
    [['203.0.113.9', '--list', '{key}.bl.test'], 'lists with a key'],
    [['203.0.113.9', '--resolver', 'dns.test'], '--resolver takes address'],
  ])('refuses %j', async (args, words) => {
    expect(await refusal(config, args)).toContain(words);
  });

  it('says so where no list is set', async () => {
    const empty = join(directory, 'empty.yaml');
    writeFileSync(empty, 'lists: { sites: [] }\n');
    expect(await refusal(empty, ['203.0.113.9'])).toContain('no lists for clients are set');
  });
});

/** Runs the command in this process, which what is refused never leaves; gives its words. */
async function refusal(file: string, args: readonly string[]): Promise<string> {
  const program = new Command('weir').option('-c, --config <file>');
  addCheckIpCommand(program);
  let words = '';
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    words += String(text);
    return true;
  });
  try {
    await program.parseAsync(['node', 'weir', '-c', file, 'check-ip', ...args]);
    expect(process.exitCode).toBe(64);
    return words;
  } finally {
    stderr.mockRestore();
    process.exitCode = 0;
  }
}
