// Whether our rule engine says of real mail what SpamAssassin says, and how much faster: both run the same rules over the
// same messages, network and Bayes off. Prints the share of messages with the same scored hits, the rules that differ,
// the ratio of CPU time, and where ours goes. Installs nothing and says what to install.
//   node dist/bench/rules-compare.js [--every 23] [--oracle FILE] [--rules DIR]… [--differences FILE]   (WEIR_DATA)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { LoadedRules } from '../rules/load.js';
import { judge, openRules } from '../programs/rules/engine.js';
import { findData, hasPackage } from '../test/ground/packages.js';
import { profilePhases } from './rules-phases.js';

/** Where Debian keeps the stock rules, and the site's plugins and settings. */
export const STOCK_DIRECTORIES = ['/usr/share/spamassassin', '/etc/spamassassin'];
/** Totals that differ by less count as the same. */
const SCORE_TOLERANCE = 0.05;
/** Longest that SpamAssassin may take to start, and then for a message, ms. */
const ORACLE_START_MS = 60_000;
const ORACLE_MS_PER_MESSAGE = 5_000;
const ROWS_SHOWN_MAX = 60;
const US_PER_MS = 1_000;

/** One line of bench/peers/spamassassin-hits.pl. */
export interface OracleLine {
  readonly file: string;
  readonly score: number;
  readonly hits: Readonly<Record<string, number>>;
  /** All rules that hit, sub-rules too, with their counts. */
  readonly counts: Readonly<Record<string, number>>;
  readonly cpuMs?: number;
}

/** How often one rule hit on one side only. */
export interface RuleDifference {
  readonly rule: string;
  ours: number;
  theirs: number;
  /** One message for each side, or ''. */
  oursExample: string;
  theirsExample: string;
}

export interface Comparison {
  readonly messages: number;
  readonly sameHits: number;
  /** Messages whose totals are near enough, whatever hit. */
  readonly sameTotals: number;
  /** Rules that score, most differences first. */
  readonly scored: readonly RuleDifference[];
  readonly subRules: readonly RuleDifference[];
  /** CPU per message of each, ms; theirs is null when the oracle was not timed. */
  readonly oursCpuMs: number;
  readonly theirsCpuMs: number | null;
}

/** Our engine with these rules, those directories left out that are not there. */
export function openStock(directories: readonly string[] = STOCK_DIRECTORIES): LoadedRules {
  return openRules(directories.filter((path) => existsSync(path)));
}

/** Runs our engine over the messages of the oracle's lines and holds both against each other. */
export function compareHits(
  rules: LoadedRules,
  lines: readonly OracleLine[],
  read: (file: string) => Buffer,
): Comparison {
  const differences = new Map<string, RuleDifference>();
  let sameHits = 0;
  let sameTotals = 0;
  let cpuUs = 0;
  for (const line of lines) {
    const raw = read(line.file);
    const before = process.cpuUsage();
    const result = judge(rules, raw);
    const { user, system } = process.cpuUsage(before);
    cpuUs += user + system;
    const scored = new Set(result.hits.map(({ rule }) => rule.name));
    if (isSame(scored, new Set(Object.keys(line.hits)))) sameHits += 1;
    if (Math.abs(result.score - line.score) < SCORE_TOLERANCE) sameTotals += 1;
    const ours = new Set([...scored, ...result.subRules]);
    const theirs = new Set([...Object.keys(line.hits), ...Object.keys(line.counts).filter(isSubRuleName)]);
    note(differences, line.file, ours, theirs);
  }
  const all = [...differences.values()].sort((a, b) => b.ours + b.theirs - a.ours - a.theirs);
  const timed = lines.flatMap(({ cpuMs }) => (cpuMs === undefined ? [] : [cpuMs]));
  return {
    messages: lines.length,
    sameHits,
    sameTotals,
    scored: all.filter(({ rule }) => !isSubRuleName(rule)),
    subRules: all.filter(({ rule }) => isSubRuleName(rule)),
    oursCpuMs: cpuUs / US_PER_MS / lines.length,
    theirsCpuMs: timed.length === lines.length ? timed.reduce((sum, ms) => sum + ms, 0) / timed.length : null,
  };
}

const isSubRuleName = (name: string): boolean => name.startsWith('__');

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((name) => other.has(name));
}

function note(
  differences: Map<string, RuleDifference>,
  file: string,
  ours: ReadonlySet<string>,
  theirs: ReadonlySet<string>,
): void {
  const of = (rule: string): RuleDifference => {
    const found = differences.get(rule) ?? { rule, ours: 0, theirs: 0, oursExample: '', theirsExample: '' };
    differences.set(rule, found);
    return found;
  };
  for (const rule of ours) {
    if (theirs.has(rule)) continue;
    const one = of(rule);
    one.ours += 1;
    one.oursExample ||= file;
  }
  for (const rule of theirs) {
    if (ours.has(rule)) continue;
    const one = of(rule);
    one.theirs += 1;
    one.theirsExample ||= file;
  }
}

/** What the real SpamAssassin says of these files. Rejects when it cannot be run or takes far too long. */
export async function runOracle(files: readonly string[]): Promise<readonly OracleLine[]> {
  const script = resolve('bench', 'peers', 'spamassassin-hits.pl');
  const child = spawn('perl', [script, '--cpu'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: ORACLE_START_MS + ORACLE_MS_PER_MESSAGE * files.length,
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.end(files.map((file) => `${file}\n`).join(''));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0)
    throw new Error(`spamassassin-hits.pl ended with ${String(status)}: ${Buffer.concat(err).toString()}`);
  return readOracle(Buffer.concat(out).toString('latin1'));
}

/** Lines that an earlier run wrote; a last line that is not whole is left out. */
export function readOracle(text: string): readonly OracleLine[] {
  const whole = text.slice(0, text.lastIndexOf('\n'));
  return whole === '' ? [] : whole.split('\n').map((line) => JSON.parse(line) as OracleLine);
}

/** Every nth message of the manifest below the data folder, as paths. */
export function sampleMail(data: string, every: number): readonly string[] {
  const rows = readFileSync(join(data, 'mail', 'manifest.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  return rows.filter((_, index) => index % every === 0).map((row) => join(data, 'mail', row.split('\t')[4] ?? ''));
}

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(2)} %`;

function summaryLines(found: Comparison): readonly string[] {
  const ratio =
    found.theirsCpuMs === null
      ? ''
      : `; SpamAssassin ${found.theirsCpuMs.toFixed(1)} ms, ${(found.theirsCpuMs / found.oursCpuMs).toFixed(1)} times as much`;
  return [
    `${found.messages} messages: same scored hits ${found.sameHits} (${percent(found.sameHits, found.messages)}), ` +
      `totals within ${SCORE_TOLERANCE} ${found.sameTotals} (${percent(found.sameTotals, found.messages)})`,
    `CPU a message: ours ${found.oursCpuMs.toFixed(2)} ms${ratio}`,
  ];
}

function differenceLines(title: string, differences: readonly RuleDifference[]): readonly string[] {
  const rows = differences
    .slice(0, ROWS_SHOWN_MAX)
    .map(
      ({ rule, ours, theirs, oursExample, theirsExample }) =>
        `${rule.padEnd(36)} ours only ${String(ours).padStart(5)}  theirs only ${String(theirs).padStart(5)}  ` +
        [oursExample && `+ ${oursExample}`, theirsExample && `- ${theirsExample}`].filter(Boolean).join('  '),
    );
  return [`${title}: ${differences.length} rules differ`, ...rows];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      every: { type: 'string', default: '23' },
      oracle: { type: 'string' },
      rules: { type: 'string', multiple: true, default: STOCK_DIRECTORIES },
      differences: { type: 'string' },
    },
  });
  const lines = await oracleLines(values.oracle, Number(values.every));
  if (lines === null) return;
  const startedMs = performance.now();
  const rules = openStock(values.rules);
  const loadMs = performance.now() - startedMs;
  console.log(`${rules.set.byName.size} rules in ${loadMs.toFixed(0)} ms, ${rules.refusals.length} lines not taken`);
  // The first messages are the compiler's.
  compareHits(rules, lines.slice(0, 50), readFileSync);
  const found = compareHits(rules, lines, readFileSync);
  const report = [
    ...summaryLines(found),
    ...differenceLines('rules that score', found.scored),
    ...differenceLines('sub-rules', found.subRules),
  ];
  console.log(report.join('\n'));
  if (values.differences !== undefined) writeFileSync(values.differences, `${report.join('\n')}\n`);
  const mails = lines.slice(0, 300).map(({ file }) => readFileSync(file));
  for (const line of profilePhases(() => mails.forEach((mail) => judge(rules, mail)), mails.length)) console.log(line);
}

async function oracleLines(file: string | undefined, every: number): Promise<readonly OracleLine[] | null> {
  if (file !== undefined) return readOracle(readFileSync(file, 'latin1')).filter((_, index) => index % every === 0);
  const data = findData();
  if (data === null) return null;
  if (!hasPackage('spamassassin')) {
    console.log(
      'the real SpamAssassin is not here: apt-get install spamassassin, or run the tests with WEIR_INSTALL=1',
    );
    return null;
  }
  return runOracle(sampleMail(data, every));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
