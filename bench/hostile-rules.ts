// What hostile mail and hostile rules cost while the real stage judges: how long the event loop is held (wall time by
// monitorEventLoopDelay, and CPU of its thread between two turns, which a busy machine lengthens less), the whole, and
// what is reported of it. Makes all mail itself; no list is asked.
//   node dist/bench/hostile-rules.js [--rules DIR]… [--only TEXT] [--core]
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { parseConfiguration, type Configuration } from '../config/load.js';
import { formatProblem } from '../config/problem.js';
import { STAGES } from '../filters/index.js';
import { parseMessage } from '../message/parse.js';
import { systemClock } from '../outside/clock.js';
import { createPipeline, type Pipeline, type ScanResult } from '../pipeline/run.js';
import { SECTIONS } from '../programs/sections.js';
import { makeTransaction } from '../test/ground/transaction.js';
import { FULL_SIZES, hostileRuleFile, listAttacks, type Attack, type AttackSizes } from './hostile-material.js';
import { STOCK_DIRECTORIES } from './rules-compare.js';

/** Longest that the event loop may be held, ms. */
export const HELD_MAX_MS = 200;
const RESOLUTION_MS = 5;
/** Idle before and after, so that the histogram sees both ends. */
const SETTLE_MS = 50;
const NS_PER_MS = 1_000_000;
const US_PER_MS = 1_000;
const NS_PER_US = 1_000;
const FINDINGS_SHOWN = ['RULES_GAVE_UP', 'RULES_TEXT_CUT', 'RULES_DNS_FAILED', 'RULES_DNS_CUT'];

/** What one attack came to. */
export interface HostileFigures {
  readonly name: string;
  readonly mailBytes: number;
  /** Longest that the event loop was held: by the clock, and in CPU of this thread. */
  readonly heldMs: number;
  readonly heldCpuMs: number;
  readonly totalMs: number;
  readonly cpuMs: number;
  readonly hits: number;
  /** What bounded the work: findings that say so, or why the stage broke. */
  readonly told: string;
}

interface Held<T> {
  readonly result: T;
  readonly heldMs: number;
  readonly heldCpuMs: number;
  readonly totalMs: number;
  readonly cpuMs: number;
}

/** Runs all attacks whose name holds `only`, against core rules and those at the paths. */
export async function benchHostile(
  paths: readonly string[],
  sizes: AttackSizes = FULL_SIZES,
  only = '',
  onRow: (row: HostileFigures) => void = () => undefined,
): Promise<readonly HostileFigures[]> {
  const directory = mkdtempSync(join(tmpdir(), 'weir-hostile-'));
  const measured = await openPipeline(paths);
  const rows: HostileFigures[] = [];
  const keep = (row: HostileFigures) => {
    rows.push(row);
    onRow(row);
  };
  try {
    await scan(measured, Buffer.from('Subject: the compiler\r\n\r\nwarms up\r\n'));
    for (const attack of listAttacks(sizes).filter(({ name }) => name.includes(only)))
      keep(await runAttack(attack, measured, directory));
    if ('a hostile rule file'.includes(only)) for (const row of await runRuleFile(sizes, directory)) keep(row);
  } finally {
    await measured.close();
    rmSync(directory, { recursive: true, force: true });
  }
  return rows;
}

async function runAttack(attack: Attack, measured: Pipeline, directory: string): Promise<HostileFigures> {
  const raw = attack.makeMail();
  if (attack.rules === null) return figuresOf(attack.name, raw, await watch(() => scan(measured, raw)));
  const pipeline = await openPipeline([putRules(directory, attack.rules)]);
  try {
    return figuresOf(attack.name, raw, await watch(() => scan(pipeline, raw)));
  } finally {
    await pipeline.close();
  }
}

/** Settings with the file, as the supervisor reads them; the file taken by a worker; a mail judged by what is left of it. */
async function runRuleFile(sizes: AttackSizes, directory: string): Promise<readonly HostileFigures[]> {
  const text = hostileRuleFile(sizes.ruleLines);
  const path = putRules(directory, text);
  const named = { mailBytes: text.length, hits: 0, told: '' };
  const read = await watch(() => Promise.resolve(rulesAlone([path])));
  const taken = await watch(() => openWith(read.result));
  const pipeline = taken.result;
  const reading = { ...timesOf(read), ...named, name: 'a hostile rule file, settings read' };
  const taking = { ...timesOf(taken), ...named, name: 'a hostile rule file, taken by a worker' };
  try {
    const raw = Buffer.from(`Subject: x\r\n\r\nhello ${'a'.repeat(sizes.runBytes)}\r\n`);
    const judged = await watch(() => scan(pipeline, raw));
    return [reading, taking, figuresOf('a hostile rule file, a run of a judged', raw, judged)];
  } finally {
    await pipeline.close();
  }
}

function putRules(directory: string, text: string): string {
  const path = join(directory, 'hostile.cf');
  writeFileSync(path, text, 'latin1');
  return path;
}

const openPipeline = (paths: readonly string[]): Promise<Pipeline> => openWith(rulesAlone(paths));

function openWith(configuration: Configuration): Promise<Pipeline> {
  return createPipeline(STAGES, configuration, {
    clock: systemClock,
    resolver: null,
    countries: null,
    state: null,
    alert: () => undefined,
  });
}

/** A configuration in which the rule stage runs alone. */
function rulesAlone(paths: readonly string[]): Configuration {
  const others = STAGES.map(({ spec }) => spec.name).filter((name) => name !== 'rules');
  const lines = [...others.map((name) => `${name}: { enabled: false }`), `rules: { files: ${JSON.stringify(paths)} }`];
  const loaded = parseConfiguration(SECTIONS, `${lines.join('\n')}\n`, 'bench');
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.configuration;
}

const scan = (pipeline: Pipeline, raw: Buffer): Promise<ScanResult> =>
  pipeline.scan({
    message: parseMessage(raw),
    transaction: makeTransaction(raw),
    directions: ['received'],
    signal: new AbortController().signal,
  });

/** Runs the work while a timer and the runtime's own monitor watch the event loop. */
async function watch<T>(work: () => Promise<T>): Promise<Held<T>> {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let heldCpuUs = 0;
  let last = threadCpuUs();
  const look = (): void => {
    const now = threadCpuUs();
    heldCpuUs = Math.max(heldCpuUs, now - last);
    last = now;
  };
  monitor.enable();
  const timer = setInterval(look, RESOLUTION_MS);
  // The monitor counts from its second turn on.
  await sleep(SETTLE_MS);
  heldCpuUs = 0;
  const startedMs = performance.now();
  const startedUs = cpuUs();
  try {
    const result = await work();
    const totalMs = performance.now() - startedMs;
    const cpuMs = (cpuUs() - startedUs) / US_PER_MS;
    await sleep(SETTLE_MS);
    return { result, heldMs: monitor.max / NS_PER_MS, heldCpuMs: heldCpuUs / US_PER_MS, totalMs, cpuMs };
  } finally {
    clearInterval(timer);
    monitor.disable();
  }
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU time of the calling thread, µs: neither the collector's threads nor the compiler's hold the event loop. */
function threadCpuUs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ', 1)[0]) / NS_PER_US;
}

const timesOf = ({ heldMs, heldCpuMs, totalMs, cpuMs }: Held<unknown>) => ({ heldMs, heldCpuMs, totalMs, cpuMs });

function figuresOf(name: string, raw: Buffer, held: Held<ScanResult>): HostileFigures {
  const { findings, broken } = held.result;
  const told = [
    ...findings.filter(({ id }) => FINDINGS_SHOWN.includes(id)).map(({ id }) => id),
    ...broken.map(({ stage, reason }) => `${stage} broke: ${reason}`),
  ];
  return { ...timesOf(held), name, mailBytes: raw.length, hits: findings.length, told: told.join(', ') };
}

const HEADING = `${'attack'.padEnd(40)} ${'mail'.padStart(8)} ${'held'.padStart(8)} ${'held CPU'.padStart(9)} ${'whole'.padStart(8)} ${'CPU'.padStart(8)}  findings`;

function rowLine(row: HostileFigures): string {
  const ms = [row.heldMs, row.heldCpuMs, row.totalMs, row.cpuMs].map((value) => value.toFixed(0));
  const [held, heldCpu, total, cpu] = ms as [string, string, string, string];
  const numbers = `${held.padStart(8)} ${heldCpu.padStart(9)} ${total.padStart(8)} ${cpu.padStart(8)}`;
  const over = row.heldMs > HELD_MAX_MS ? '  over' : '';
  return `${row.name.padEnd(40)} ${(row.mailBytes / 1e6).toFixed(1).padStart(5)} MB ${numbers}  ${[String(row.hits), row.told].filter(Boolean).join(' ')}${over}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rules: { type: 'string', multiple: true, default: STOCK_DIRECTORIES },
      only: { type: 'string', default: '' },
      core: { type: 'boolean', default: false },
    },
  });
  const paths = values.core ? [] : values.rules.filter((path) => existsSync(path));
  console.log(paths.length === 0 ? 'core rules' : `core rules and ${paths.join(', ')}`);
  console.log(`all times in ms; the event loop is to be held at most ${String(HELD_MAX_MS)} ms\n${HEADING}`);
  const rows = await benchHostile(paths, FULL_SIZES, values.only, (row) => console.log(rowLine(row)));
  const worst = rows.reduce((most, row) => Math.max(most, row.heldMs), 0);
  console.log(
    `held at most ${worst.toFixed(0)} ms; ${String(rows.filter((row) => row.heldMs > HELD_MAX_MS).length)} attacks over`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
