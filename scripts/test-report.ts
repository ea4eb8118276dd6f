// Reads what vitest's JSON reporter wrote and counts it. Takes a file, gives counts; a suite that could not be loaded
// counts as one failure, so that a broken file is never a quiet success.
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Counts of one run; `skippedNames` are `file: test`. */
export interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skippedNames: readonly string[];
}

/** The parts of vitest's JSON report that are read here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Counts of the report in that file, or null when there is none. */
export function readReport(file: string): Report | null {
  if (!existsSync(file)) return null;
  return countReport(JSON.parse(readFileSync(file, 'utf8')) as VitestReport);
}

function countReport(report: VitestReport): Report {
  const counts = { passed: 0, failed: 0, skippedNames: [] as string[] };
  for (const suite of report.testResults) {
    let failedHere = 0;
    for (const test of suite.assertionResults) {
      if (test.status === 'passed') counts.passed += 1;
      else if (test.status === 'failed') failedHere += 1;
      else counts.skippedNames.push(`${relative('.', suite.name)}: ${test.fullName}`);
    }
    counts.failed += suite.status === 'failed' && failedHere === 0 ? 1 : failedHere;
  }
  return { ...counts, skipped: counts.skippedNames.length };
}
