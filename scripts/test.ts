// The test runner behind `npm test` and `npm run test:long`: prepares the ground, runs vitest, and says in plain words
// at the end what was not run and how to get it. Exit code 0 only when all ran and passed, or WEIR_PARTIAL=1 allows less.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NotRun } from '../test/ground/packages.js';
import { installMissing } from './install-packages.js';
import { readReport, type Report } from './test-report.js';

/** Longest one whole run may take. */
const RUN_TIMEOUT_MS = { short: 30 * 60_000, long: 60 * 60_000 };
/** Skipped tests named one by one at the end. */
const SKIPPED_SHOWN_MAX = 100;

/** Runs everything; `filters` are handed to vitest. Returns the exit code. */
function runTests(kind: 'short' | 'long', filters: readonly string[]): number {
  installMissing();
  const scratch = mkdtempSync(join(tmpdir(), 'weir-run-'));
  const reportFile = process.env['WEIR_REPORT'] ?? join(scratch, 'report.json');
  const notRunFile = join(scratch, 'not-run');
  try {
    const status = runVitest(kind, filters, reportFile, notRunFile);
    return conclude(kind, status, readReport(reportFile), readNotRun(notRunFile));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function runVitest(kind: 'short' | 'long', filters: readonly string[], reportFile: string, notRunFile: string): number {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const result = spawnSync(
    process.execPath,
    [join('node_modules', 'vitest', 'vitest.mjs'), 'run', ...reporters, ...filters],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: RUN_TIMEOUT_MS[kind],
      killSignal: 'SIGKILL',
      env: { ...process.env, WEIR_NOT_RUN: notRunFile, WEIR_TEST: kind },
    },
  );
  if (result.error !== undefined) print(`the run was cut off: ${result.error.message}`);
  return result.status ?? 1;
}

/** Says what came of it and gives the exit code. */
function conclude(kind: string, status: number, report: Report | null, notRun: readonly NotRun[]): number {
  if (report === null) {
    print('no report was written: the run counts as failed');
    return 1;
  }
  for (const name of report.skippedNames.slice(0, SKIPPED_SHOWN_MAX)) print(`skipped: ${name}`);
  for (const entry of notRun) print(`not run for want of ${entry.missing}; the way to get it: ${entry.way}`);
  print(`${kind}: ${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped`);
  if (status !== 0 || report.failed > 0) return status === 0 ? 1 : status;
  return isWhole(notRun) ? 0 : 1;
}

function isWhole(notRun: readonly NotRun[]): boolean {
  const wanting = notRun.filter((entry) => !entry.optional);
  if (wanting.length === 0) return true;
  if (process.env['WEIR_PARTIAL'] === '1') {
    print('the run is partial, which WEIR_PARTIAL=1 allows');
    return true;
  }
  print('the run is partial, and so counts as failed; WEIR_PARTIAL=1 would allow it');
  return false;
}

/** What tests wrote down as missing, each kind once. */
function readNotRun(file: string): readonly NotRun[] {
  if (!existsSync(file)) return [];
  const lines = new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean));
  return [...lines].map((line) => JSON.parse(line) as NotRun);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const args = process.argv.slice(2);
process.exitCode = runTests(
  args.includes('--long') ? 'long' : 'short',
  args.filter((arg) => arg !== '--long'),
);
