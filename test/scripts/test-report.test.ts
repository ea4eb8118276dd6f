// The runner's bookkeeping: what counts as passed, failed and skipped, and that what is missing is never quiet.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { readReport } from '../../scripts/test-report.js';
import { GROUND_PACKAGES, noteNotRun } from '../ground/packages.js';

const folder = mkdtempSync(join(tmpdir(), 'weir-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

describe('report', () => {
  it('counts tests, and a suite that could not be loaded as one failure', () => {
    const test = (fullName: string, status: string) => ({ fullName, status });
    const suite = (name: string, status: string, assertionResults: unknown[]) => ({
      name: `/p/${name}`,
      status,
      assertionResults,
    });
    const file = join(folder, 'report.json');
    const testResults = [
      suite('a.test.ts', 'failed', [test('one', 'passed'), test('two', 'failed'), test('three', 'failed')]),
      suite('b.test.ts', 'failed', []),
      suite('c.test.ts', 'passed', [test('four', 'passed'), test('five', 'skipped'), test('six', 'todo')]),
    ];
    writeFileSync(file, JSON.stringify({ testResults }));
    const report = readReport(file);
    expect(report).toMatchObject({ passed: 2, failed: 3, skipped: 2 });
    expect(report?.skippedNames.map((name) => name.slice(-13))).toEqual(
      ['.test.ts: five', 'c.test.ts: six'].map((name) => name.slice(-13)),
    );
  });

  it('is null where none was written', () => {
    expect(readReport(join(folder, 'none.json'))).toBeNull();
  });
});

describe('what is missing', () => {
  const entry = { missing: 'package postfix', way: 'apt-get install postfix', optional: false };

  it('is written down for the runner', () => {
    const file = join(folder, 'not-run');
    vi.stubEnv('WEIR_NOT_RUN', file);
    noteNotRun(entry);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(entry);
  });

  it('throws, naming the way, where nobody reads it and partial was not allowed', () => {
    vi.stubEnv('WEIR_NOT_RUN', undefined);
    vi.stubEnv('WEIR_PARTIAL', '');
    expect(() => noteNotRun(entry)).toThrow(/apt-get install postfix/);
  });

  it('names every package once', () => {
    expect(new Set(GROUND_PACKAGES.map((one) => one.name)).size).toBe(GROUND_PACKAGES.length);
  });
});
