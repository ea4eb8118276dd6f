// The last line of the continuous run: sums the test reports named as arguments, and the steps that failed, given as the
// first argument. Prints `N passed, N failed, N skipped`; exit code 1 when anything failed.
import { readReport } from './test-report.js';

const [failedSteps = '0', ...files] = process.argv.slice(2);
const total = { passed: 0, failed: Number(failedSteps), skipped: 0 };
for (const file of files) {
  const report = readReport(file);
  total.passed += report?.passed ?? 0;
  total.failed += report?.failed ?? 1;
  total.skipped += report?.skipped ?? 0;
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
