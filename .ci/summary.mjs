// Prints "N passed, N failed, N skipped" from vitest's JSON report. A test file that could not be loaded counts as one failure;
// other failed steps (lint, types, build) fail the run without counting as tests.
import { readFileSync } from 'node:fs';

const [, , path, failedSteps] = process.argv;
let passed = 0;
let failed = 0;
let skipped = 0;
try {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  passed = report.numPassedTests;
  failed = report.numFailedTests;
  skipped = report.numPendingTests + (report.numTodoTests ?? 0);
  failed += report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  if (report.success === false && failed === 0) failed = 1; // an error outside of any test
} catch (error) {
  console.log(`no test report: ${error.message}`);
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && passed > 0 && Number(failedSteps) === 0 ? 0 : 1);
