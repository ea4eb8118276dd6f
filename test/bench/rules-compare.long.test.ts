// The stock rules on 500 messages of real mail: ours and the real SpamAssassin's must name the same scored rules and come
// to the same totals. The bound is what is reached: every message. Speed is printed, not judged: machines differ.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compareHits, openStock, runOracle, sampleMail } from '../../bench/rules-compare.js';
import { findData, requirePackage } from '../ground/packages.js';

/** Of 11,501 messages every 23rd. */
const EVERY = 23;
const MESSAGES_MIN = 500;
/** Messages on which the scored rules, or the totals, may differ. */
const DIFFERENT_MAX = 0;

const data = findData();
const ready = requirePackage('spamassassin') && data !== null;

test.skipIf(!ready)('the stock rules hit what they hit in SpamAssassin, on 500 real messages', async () => {
  const files = sampleMail(data ?? '', EVERY);
  expect(files.length).toBeGreaterThanOrEqual(MESSAGES_MIN);
  const lines = await runOracle(files);
  expect(lines).toHaveLength(files.length);
  const found = compareHits(openStock(), lines, (file) => readFileSync(file));
  console.log(
    `CPU a message: ours ${found.oursCpuMs.toFixed(2)} ms, SpamAssassin ${(found.theirsCpuMs ?? 0).toFixed(2)} ms`,
  );
  expect(found.messages - found.sameHits, JSON.stringify(found.scored)).toBeLessThanOrEqual(DIFFERENT_MAX);
  expect(found.messages - found.sameTotals).toBeLessThanOrEqual(DIFFERENT_MAX);
});
