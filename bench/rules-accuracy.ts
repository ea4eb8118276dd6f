// How well the core rules tell spam from ham: runs them over the labelled mail of $WEIR_DATA/mail and prints, per source,
// what reaches 5, 10 and 15 points, and per rule how much of each class it hits. Looks nothing up. Usage:
// node dist/bench/rules-accuracy.js [--every N] [--dump FILE]
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemClock } from '../outside/clock.js';
import { parseMessage } from '../message/parse.js';
import { evaluateRules } from '../rules/evaluate.js';
import { RuleMail } from '../rules/mail/rule-mail.js';
import { loadRules } from '../rules/load.js';

const THRESHOLDS = [5, 10, 15] as const;
const TEXT_BYTES_MAX = 1_000_000;
const MESSAGE_TIME_LIMIT_MS = 10_000;

interface Row {
  readonly label: string;
  readonly kind: string;
  readonly source: string;
  readonly path: string;
}

interface Scored extends Row {
  readonly score: number;
  readonly names: readonly string[];
  readonly subRules: readonly string[];
  readonly ms: number;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

function readManifest(directory: string, every: number): Row[] {
  const lines = readFileSync(join(directory, 'manifest.tsv'), 'utf8').trim().split('\n').slice(1);
  return lines
    .filter((_, index) => index % every === 0)
    .map((line) => {
      const [label = '', kind = '', source = '', , path = ''] = line.split('\t');
      return { label, kind, source, path };
    });
}

function scoreAll(directory: string, rows: readonly Row[]): Scored[] {
  const { set } = loadRules([]);
  return rows.map((row) => {
    const raw = readFileSync(join(directory, row.path));
    const started = systemClock.monotonicMs();
    const inputs = new RuleMail(parseMessage(raw), null, TEXT_BYTES_MAX);
    const result = evaluateRules(set, inputs, {
      deadline: started + MESSAGE_TIME_LIMIT_MS,
      monotonicMs: () => systemClock.monotonicMs(),
    });
    const ms = systemClock.monotonicMs() - started;
    if (result.outOfTime) console.log(`over its time: ${row.path}`);
    return {
      ...row,
      score: result.score,
      names: result.hits.map(({ rule }) => rule.name),
      subRules: result.subRules,
      ms,
    };
  });
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(2)} %`;
}

function printSources(scored: readonly Scored[]): void {
  const groups = new Map<string, Scored[]>();
  for (const row of scored) {
    for (const name of [`${row.label} ${row.source}`, `${row.label} (all)`, `${row.kind} (kind)`]) {
      groups.set(name, [...(groups.get(name) ?? []), row]);
    }
  }
  console.log(['class source', 'messages', ...THRESHOLDS.map((at) => `>= ${at}`)].join('\t'));
  for (const [name, rows] of [...groups].sort()) {
    const reached = THRESHOLDS.map((at) => rows.filter(({ score }) => score >= at).length);
    console.log([name, rows.length, ...reached.map((count) => `${count} (${percent(count, rows.length)})`)].join('\t'));
  }
}

function printRules(scored: readonly Scored[]): void {
  const totals = { ham: 0, spam: 0 };
  const hits = new Map<string, { ham: number; spam: number }>();
  for (const row of scored) {
    const side = row.label === 'ham' ? 'ham' : 'spam';
    totals[side]++;
    for (const name of [...row.names, ...row.subRules]) {
      const count = hits.get(name) ?? { ham: 0, spam: 0 };
      count[side]++;
      hits.set(name, count);
    }
  }
  console.log(['rule', 'spam', 'ham', 'share of spam among rates'].join('\t'));
  const rate = ({ ham, spam }: { ham: number; spam: number }) => {
    const [h, s] = [ham / totals.ham, spam / totals.spam];
    return s / (s + h);
  };
  for (const [name, count] of [...hits].sort(([, a], [, b]) => rate(b) - rate(a))) {
    console.log(
      [name, percent(count.spam, totals.spam), percent(count.ham, totals.ham), rate(count).toFixed(3)].join('\t'),
    );
  }
}

function printSpeed(scored: readonly Scored[]): void {
  const times = scored.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  const sum = times.reduce((total, ms) => total + ms, 0);
  console.log(
    `parse and rules: ${times.length} messages, mean ${(sum / times.length).toFixed(2)} ms, p50 ${at(0.5).toFixed(2)} ms, ` +
      `p99 ${at(0.99).toFixed(2)} ms, max ${at(1).toFixed(1)} ms`,
  );
  const digest = createHash('sha256');
  for (const { path, score } of scored) digest.update(`${path} ${score}\n`);
  console.log(`result ${digest.digest('hex').slice(0, 16)}`);
}

const directory = join(resolve(process.env['WEIR_DATA'] ?? '../shared/data'), 'mail');
if (!existsSync(join(directory, 'manifest.tsv'))) {
  console.log(`skipped: no labelled mail at ${directory} (set WEIR_DATA)`);
  process.exitCode = 1;
} else {
  const scored = scoreAll(directory, readManifest(directory, Number(option('--every') ?? 1)));
  printSources(scored);
  printRules(scored);
  printSpeed(scored);
  const dump = option('--dump');
  if (dump !== undefined) writeFileSync(dump, scored.map((row) => JSON.stringify(row)).join('\n'));
}
