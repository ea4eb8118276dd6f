// `weir config` as a program: what it prints, where, and with which exit code; and where settings are looked for.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { uncommentSample } from '../../config/sample.js';
import { ConfigurationError } from '../../config/problem.js';
import { SECTIONS } from '../../programs/sections.js';
import {
  CONFIG_VARIABLE,
  findSettingsFile,
  parseSettings,
  readSettings,
  settingsText,
} from '../../programs/settings.js';

const BIN = fileURLToPath(new URL('../../bin/weir.js', import.meta.url));
const RUN_MS = 30_000;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-config-command-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

function write(name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

/** Runs the built program in an empty folder. */
function weir(args: readonly string[], env: Record<string, string> = {}) {
  const run = spawnSync(process.execPath, [BIN, ...args], {
    cwd: dir,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    encoding: 'utf8',
    timeout: RUN_MS,
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
}

describe('weir config check', () => {
  it('says that a file is good', () => {
    const file = write('good.yaml', 'verdict:\n  tagAt: 4\n  caps:\n    lists: 3\n');
    const { version } = readSettings(file);
    expect(weir(['config', 'check', file])).toEqual({
      code: 0,
      out: `${file}: good, 2 keys set, settings version ${version}\n`,
      err: '',
    });
  });

  it('tells every fault on standard error and ends with 78', () => {
    const file = write('bad.yaml', 'verdict:\n  tagat: 4\n  virus: burn\nprocesses:\n  workers: many\n');
    const expected = [
      'weir: the configuration is refused: 3 problems',
      `  ${file}:2:3: unknown key "tagat" in verdict; did you mean "tagAt"?`,
      `  ${file}:3:10: verdict.virus: expected accept, tag, quarantine, discard, tempfail or reject, found the text "burn"`,
      `  ${file}:5:12: processes.workers: expected a whole number from 0 to 256, found the text "many"`,
      '',
    ];
    const run = weir(['config', 'check', file]);
    expect({ ...run, err: run.err.split('\n') }).toEqual({ code: 78, out: '', err: expected });
  });

  it('finds what only shows when the stages and directions are made', () => {
    const file = write('deep.yaml', 'directions:\n  ownNetworks: [not-a-network]\n');
    const { code, out, err } = weir(['config', 'check', file]);
    expect({ code, out }).toEqual({ code: 78, out: '' });
    expect(err).toContain('not-a-network');
  });

  it('looks at the file named by the option, then by the environment', () => {
    const good = write('one.yaml', '');
    const bad = write('two.yaml', 'x: 1\n');
    expect(weir(['-c', good, 'config', 'check'], { [CONFIG_VARIABLE]: bad }).out).toContain(
      `${good}: good, 0 keys set`,
    );
    expect(weir(['config', 'check'], { [CONFIG_VARIABLE]: bad }).code).toBe(78);
    expect(weir(['-c', bad, 'config', 'check', good]).code).toBe(0);
  });

  it('refuses a file that is not there, rather than take defaults', () => {
    const file = join(dir, 'none.yaml');
    const expected = `weir: the configuration is refused: one problem\n  ${file}: there is no such file\n`;
    expect(weir(['config', 'check', file])).toEqual({ code: 78, out: '', err: expected });
  });
});

describe('weir config show', () => {
  it('shows what the file sets', () => {
    const file = write('show.yaml', '# mine\nverdict: {tagAt: 4}\n');
    expect(weir(['-c', file, 'config', 'show'])).toEqual({ code: 0, out: 'verdict:\n  tagAt: 4\n', err: '' });
  });

  it('shows every key in force with its place, as a file that loads again', () => {
    const file = write('show.yaml', 'verdict:\n  tagAt: 4\n');
    const { code, out } = weir(['-c', file, 'config', 'show', '--effective']);
    expect(code).toBe(0);
    expect(out).toContain(`  tagAt: 4 # set in ${JSON.stringify(file)}, line 2\n`);
    expect(out).toContain('  rejectAt: 15 # default\n');
    expect(readSettings(write('again.yaml', out)).version).toBe(readSettings(file).version);
  });

  it('writes JSON for programs', () => {
    const file = write('show.yaml', 'verdict:\n  tagAt: 4\n');
    const { out } = weir(['-c', file, 'config', 'show', '--json']);
    expect(JSON.parse(out)).toEqual({
      version: readSettings(file).version,
      file,
      settings: [{ key: 'verdict.tagAt', value: 4, origin: { line: 2, column: 3 } }],
    });
  });

  it('refuses a bad file with 78', () => {
    const file = write('bad.yaml', 'verdict: 5\n');
    const { code, out, err } = weir(['-c', file, 'config', 'show', '--effective']);
    expect({ code, out }).toEqual({ code: 78, out: '' });
    expect(err).toContain(`${file}:1:10: verdict: expected a map`);
  });
});

describe('weir config sample', () => {
  it('prints a file that loads, as it is and uncommented', () => {
    const { code, out } = weir(['config', 'sample']);
    expect(code).toBe(0);
    const { version } = parseSettings({ text: '', file: null, attached: [] });
    expect(readSettings(write('sample.yaml', out)).version).toBe(version);
    expect(readSettings(write('sample.yaml', uncommentSample(out))).version).toBe(version);
  });
});

describe('where settings are looked for', () => {
  it('the argument, the environment, the installed file, then defaults', () => {
    const installed = write('installed.yaml', '');
    vi.stubEnv(CONFIG_VARIABLE, '/named/by/environment.yaml');
    expect(findSettingsFile('argument.yaml', installed)).toBe('argument.yaml');
    expect(findSettingsFile(undefined, installed)).toBe('/named/by/environment.yaml');
    vi.stubEnv(CONFIG_VARIABLE, '');
    expect(findSettingsFile(undefined, installed)).toBe(installed);
    expect(findSettingsFile(undefined, join(dir, 'none.yaml'))).toBeNull();
  });

  it('an installed file that cannot be looked at is not passed over', () => {
    const loop = 'x'.repeat(5_000);
    vi.stubEnv(CONFIG_VARIABLE, '');
    expect(findSettingsFile(undefined, join(dir, loop))).toBe(join(dir, loop));
  });

  it('a refused file is an error with exit code 78 and every problem', () => {
    const file = write('bad.yaml', 'x: 1\ny: 2\n');
    const expected = SECTIONS.map(({ name }) => name);
    try {
      readSettings(file);
      expect.unreachable();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      expect(error.exitCode).toBe(78);
      expect(error.problems.map(({ line }) => line)).toEqual([1, 2]);
      expect(error.message).toContain(`unknown key "x"; expected ${expected[0]}`);
    }
  });
});

describe('settings of one process', () => {
  it('pass to another process as text', () => {
    const configuration = readSettings(write('server.yaml', 'verdict: {tagAt: 4}\n'));
    const there = parseSettings(settingsText(configuration));
    expect(there.version).toBe(configuration.version);
    expect(there.origin('verdict.tagAt')).toEqual(configuration.origin('verdict.tagAt'));
  });
});
