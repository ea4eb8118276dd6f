// How long it takes from the start of a process to the hits of the first ten messages, with compiled rules kept and
// without; where that time goes; what the compiled set takes of memory; and how long an event loop is held while a set is
// loaded beside it. Each run is a process of its own. Keeps its compiled rules in a directory of its own and removes it.
//   node dist/bench/rules-load.js [--runs 5] [--rules DIR]… [MESSAGE…]   (WEIR_DATA)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const STOCK = '/usr/share/spamassassin';
const RUNS = 5;
const MESSAGES = 10;
const RUN_MAX_MS = 120_000;
const US_PER_MS = 1_000;
const NS_PER_MS = 1_000_000;
const BYTES_PER_MB = 1_048_576;
const RESOLUTION_MS = 1;
/** Idle before and after, so that the histogram sees both ends. */
const SETTLE_MS = 50;
const SLICE_MS = 20;

/** CPU of each phase of one process, ms, in order; and the whole by the clock. */
interface Run {
  readonly phases: readonly (readonly [name: string, cpuMs: number])[];
  readonly wallMs: number;
  readonly rssMb: number;
  /** What the set, ready to run, adds to heap and process after a full collection. */
  readonly heapOfSetMb: number;
  readonly rssOfSetMb: number;
  readonly rules: number;
}

/** What one child does: rules and messages through the same doors as `weir rules hits`, each phase timed. */
export async function runPhases(rules: readonly string[], messages: readonly string[], cache: string): Promise<Run> {
  const phases: [string, number][] = [];
  let before = 0;
  const mark = (name: string): void => {
    const now = cpuMs();
    phases.push([name, now - before]);
    before = now;
  };
  mark('node');
  const { COMPILE_DEFAULTS } = await import('../rules/compile.js');
  const { judge, openRules } = await import('../programs/rules/engine.js');
  const { planOf } = await import('../rules/plan.js');
  const { RuleCache } = await import('../rules/cache/rule-cache.js');
  mark('modules');
  const clean = memory();
  before = cpuMs();
  const loaded = openRules(rules, false, COMPILE_DEFAULTS, RuleCache.open(cache));
  mark('load');
  const plan = planOf(loaded.set);
  mark('plan and scan tables');
  for (const { scan } of plan.groups) scan.prepare();
  mark('automata');
  const full = memory();
  before = cpuMs();
  messages.forEach((file, index) => {
    judge(loaded, readFileSync(file));
    if (index === 0) mark('first message');
  });
  mark(`next ${messages.length - 1}`);
  return {
    phases,
    wallMs: performance.now(),
    rssMb: process.memoryUsage().rss / BYTES_PER_MB,
    heapOfSetMb: (full.heap - clean.heap) / BYTES_PER_MB,
    rssOfSetMb: (full.rss - clean.rss) / BYTES_PER_MB,
    rules: loaded.set.rules.length + loaded.set.metas.length,
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / US_PER_MS;
}

/** After a full collection where that can be asked for. */
function memory(): { readonly heap: number; readonly rss: number } {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + external + arrayBuffers, rss };
}

/** Longest that the event loop is held while a set is loaded as the server does it, ms. */
export async function holdWhileLoading(rules: readonly string[], cache: string): Promise<number> {
  const { FILES_ON_DISK } = await import('../config/attached.js');
  const { COMPILE_DEFAULTS } = await import('../rules/compile.js');
  const { loadRulesAside } = await import('../rules/load.js');
  const { prepareInSlices } = await import('../rules/prepare.js');
  const { RuleCache } = await import('../rules/cache/rule-cache.js');
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  await sleep(SETTLE_MS);
  delay.reset();
  // The first turn after that only begins to count.
  await sleep(SETTLE_MS);
  const options = { core: false, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK, cache: RuleCache.open(cache) };
  const { set } = await loadRulesAside(rules, options);
  await prepareInSlices(set, { sliceMs: SLICE_MS, pause: () => setImmediate() });
  await sleep(SETTLE_MS);
  delay.disable();
  return delay.max / NS_PER_MS;
}

/** One task in a process of its own. */
function inChild<T>(task: readonly string[], flags: readonly string[] = []): T {
  const entry = fileURLToPath(import.meta.url);
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, entry, ...task], {
    timeout: RUN_MAX_MS,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`a run failed: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The command itself: from its start to its end by the clock, ms. */
function commandMs(rules: readonly string[], messages: readonly string[], cache: string): number {
  const bin = fileURLToPath(new URL('../../bin/weir.js', import.meta.url));
  const from = performance.now();
  const words = ['rules', 'hits', ...rules.flatMap((path) => ['--rules', path]), '--', ...messages];
  const { status, stderr } = spawnSync(process.execPath, [bin, ...words], {
    timeout: RUN_MAX_MS,
    encoding: 'utf8',
    env: { ...process.env, XDG_CACHE_HOME: cache },
  });
  if (status !== 0) throw new Error(`weir rules hits failed: ${stderr}`);
  return performance.now() - from;
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const shown = [sorted[0] ?? 0, sorted[sorted.length >> 1] ?? 0].map((value) => value.toFixed(0).padStart(6));
  return shown.join(' ');
}

/** One table: minimum and median of each phase over runs. `state`: what is in the cache when a run begins. */
function tell(state: 'cold' | 'warm', runs: number, rules: readonly string[], messages: readonly string[]): void {
  const cache = mkdtempSync(join(tmpdir(), 'weir-rules-load-'));
  const empty = (): void => {
    for (const name of readdirSync(cache)) rmSync(join(cache, name), { recursive: true });
  };
  try {
    const task = ['--task', 'phases', '--cache', join(cache, 'weir'), ...rules.flatMap((path) => ['--rules', path])];
    const one = (): Run => {
      if (state === 'cold') empty();
      return inChild<Run>([...task, ...messages], ['--expose-gc']);
    };
    if (state === 'warm') one();
    const done = Array.from({ length: runs }, one);
    const commands = Array.from({ length: runs }, () => {
      if (state === 'cold') empty();
      return commandMs(rules, messages, cache);
    });
    if (state === 'cold') empty();
    const held = inChild<number>(['--task', 'hold', ...task.slice(2)]);
    const phases = done[0]!.phases.map(([name], at) => {
      return `  ${name.padEnd(24)} ${spread(done.map((run) => run.phases[at]![1]))}`;
    });
    const sums = done.map((run) => run.phases.reduce((sum, [, cpu]) => sum + cpu, 0));
    const lines = [
      `${state}: CPU ms, least and median of ${runs} runs`,
      ...phases,
      `  ${'all'.padEnd(24)} ${spread(sums)}`,
      `  ${'weir rules hits, wall ms'.padEnd(24)} ${spread(commands)}`,
      `  event loop held ${held.toFixed(0)} ms while it is loaded beside; the set of ${done[0]!.rules} rules takes` +
        ` ${done[0]!.heapOfSetMb.toFixed(0)} MB of heap and buffers, ${done[0]!.rssOfSetMb.toFixed(0)} MB of the process`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

async function someMessages(): Promise<readonly string[]> {
  const { findData } = await import('../test/ground/packages.js');
  const data = findData();
  if (data === null) throw new Error('no mail: set WEIR_DATA, or name ten messages');
  const folder = join(data, 'mail', 'ham');
  const names = readdirSync(folder).sort();
  const every = Math.max(1, Math.floor(names.length / MESSAGES));
  return Array.from({ length: MESSAGES }, (_, index) => join(folder, names[index * every]!));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: String(RUNS) },
      rules: { type: 'string', multiple: true, default: [STOCK] },
      task: { type: 'string' },
      cache: { type: 'string', default: '' },
    },
  });
  const { task, rules, cache } = values;
  if (task === 'phases') return void process.stdout.write(JSON.stringify(await runPhases(rules, positionals, cache)));
  if (task === 'hold') return void process.stdout.write(JSON.stringify(await holdWhileLoading(rules, cache)));
  const messages = positionals.length > 0 ? positionals : await someMessages();
  for (const state of ['cold', 'warm'] as const) tell(state, Number(values.runs), rules, messages);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
