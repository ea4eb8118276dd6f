// The attachment stage, and what antivirus would scan, over real mail: no throw, bounded time, and honest mail spared.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { contentsOf } from '../../../filters/antivirus/contents.js';
import { attachmentsStage } from '../../../filters/attachments/stage.js';
import { findData } from '../../ground/packages.js';
import { makeJob, makeStage, runStage } from '../message-job.js';
import { cpuMsSince } from '../../ground/cpu.js';

/** Share of honest mail that may be held for its attachments. */
const HAM_HELD_MAX = 0.001;
/** Longest one message may take, ms; far above what it needs, since other tests share the processors. */
const TIME_MAX_MS = 3_000;

const data = findData();

it.skipIf(data === null)('real mail', async () => {
  const folder = join(data ?? '', 'mail');
  const rows = readFileSync(join(folder, 'manifest.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => row.split('\t'));
  const stage = await makeStage(attachmentsStage);
  const held = { ham: 0, spam: 0 };
  const seen = { ham: 0, spam: 0 };
  let unscanned = 0;
  for (const row of rows) {
    const label = row[0] === 'ham' ? 'ham' : 'spam';
    const job = makeJob(readFileSync(join(folder, row.at(-1) ?? '')));
    const started = process.cpuUsage();
    const { findings } = await runStage(stage, job);
    if (
      contentsOf(job.message, false, { streamMaxBytes: 26_214_400, scansMax: 500, scanBytesMax: 268_435_456 }).unscanned
        .length > 0
    )
      unscanned += 1;
    expect(cpuMsSince(started), row.at(-1)).toBeLessThan(TIME_MAX_MS);
    seen[label] += 1;
    if (findings.some(({ category }) => category !== 'spam')) held[label] += 1;
  }
  console.log(
    `held: ${held.ham} of ${seen.ham} ham, ${held.spam} of ${seen.spam} spam; not wholly scanned: ${unscanned}`,
  );
  expect(held.ham / seen.ham).toBeLessThan(HAM_HELD_MAX);
  expect(unscanned / rows.length).toBeLessThan(HAM_HELD_MAX);
});
