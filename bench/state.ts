// What is remembered between connections: changes and reads per second and the time of one, embedded and in Redis, by
// several processes at once. One load for all: new triplets (written once), known ones (read and written), reads.
//   node dist/bench/state.js [--processes 2] [--seconds 4] [--at-once 16]
//   node dist/bench/state.js --year 10000000    distinct triplets over simulated days: how large the file becomes
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Clock } from '../outside/clock.js';
import { systemClock } from '../outside/clock.js';
import { openState, STATE_FILE, type StateOptions } from '../state/open.js';
import type { State, StateTable } from '../state/state.js';
import { hasPackage } from '../test/ground/packages.js';
import { makePlace } from '../test/ground/place.js';
import { startRedis } from '../test/ground/redis.js';

const DEFAULTS = { processes: '2', seconds: '4', atOnce: '16' };
const KNOWN_KEYS = 10_000;
const TIME_LIMIT_MS = 20_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LIFE_DAYS = 2;
const YEAR_DAYS = 365;
const SWEEP_SLICE = 1_000;

interface Seen {
  readonly count: number;
  readonly firstAt: number;
}

const TABLE: StateTable<Seen> = { name: 'bench', entriesMax: 1_000_000, read: (kept) => kept as Seen };

/** What one process is to do. */
export interface Task {
  readonly options: StateOptions;
  readonly kind: 'new' | 'known' | 'read';
  readonly seconds: number;
  readonly atOnce: number;
  /** Tells processes apart. */
  readonly who: number;
}

/** Times of the operations of one process, ms. */
export type Times = readonly number[];

/** Does it in this process. */
export async function runTask({ options, kind, seconds, atOnce, who }: Task): Promise<Times> {
  const state = await openState(options, { clock: systemClock, alert: () => undefined });
  const times: number[] = [];
  const until = performance.now() + seconds * 1_000;
  let turn = 0;
  const work = async (): Promise<void> => {
    while (performance.now() < until) {
      turn += 1;
      const key = kind === 'new' ? `192.0.2.${who}/${turn}@spam.example/to@own.example` : keyOf(turn);
      const began = performance.now();
      await (kind === 'read' ? state.read(TABLE, key) : see(state, key));
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await state.close();
  return times;
}

/** Spread so that several processes meet on the same ones. */
const keyOf = (turn: number): string => `198.51.100.7/${(turn * 7_919) % KNOWN_KEYS}@known.example/to@own.example`;

function see(state: State, key: string, ttlMs = HOUR_MS): Promise<number> {
  return state.update(TABLE, key, (old, nowMs) => {
    const count = (old?.count ?? 0) + 1;
    return { kind: 'write', value: { count, firstAt: old?.firstAt ?? nowMs }, ttlMs, result: count };
  });
}

export interface StateFigures {
  readonly what: string;
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

async function measure(what: string, task: Omit<Task, 'who'>, processes: number): Promise<StateFigures> {
  const all = await Promise.all(Array.from({ length: processes }, (_, who) => inProcess({ ...task, who })));
  const times = all.flat().sort((one, other) => one - other);
  return {
    what,
    perSecond: Math.round(times.length / task.seconds),
    medianMs: times[Math.floor(times.length / 2)] ?? 0,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
  };
}

async function inProcess(task: Task): Promise<Times> {
  const child = fork(fileURLToPath(import.meta.url), ['--child'], { serialization: 'advanced' });
  child.send(task);
  const [times] = (await once(child, 'message')) as [Times];
  return times;
}

/** So many triplets of which none comes again, over a year on a clock of its own, swept as the admin process does. */
export async function fillYear(
  path: string,
  triplets: number,
): Promise<{ entriesMax: number; fileBytes: number; walBytes: number }> {
  let passed = 0;
  const clock: Clock = { now: () => Date.UTC(2026, 0, 1) + passed, monotonicMs: () => passed };
  const state = await openState({ path, redis: null, timeLimitMs: TIME_LIMIT_MS }, { clock, alert: () => undefined });
  const aDay = Math.ceil(triplets / YEAR_DAYS);
  let entriesMax = 0;
  let walBytes = 0;
  for (let day = 0; day < YEAR_DAYS; day += 1) {
    for (let at = 0; at < aDay; at += SWEEP_SLICE) {
      const some = Array.from({ length: Math.min(SWEEP_SLICE, aDay - at) }, (_, index) => at + index);
      await Promise.all(
        some.map((index) =>
          see(state, `192.0.2.${index % 256}/${day}-${index}@spam.example/to@own.example`, LIFE_DAYS * DAY_MS),
        ),
      );
    }
    entriesMax = Math.max(entriesMax, await state.count(TABLE));
    walBytes = Math.max(walBytes, statSync(`${path}-wal`).size);
    passed += DAY_MS;
    while ((await state.sweep(SWEEP_SLICE)) === SWEEP_SLICE);
  }
  await state.close();
  return { entriesMax, fileBytes: statSync(path).size, walBytes };
}

function print(figures: StateFigures): void {
  const { what, perSecond, medianMs, p99Ms } = figures;
  const times = `median ${medianMs.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
  process.stdout.write(`${what.padEnd(28)} ${String(perSecond).padStart(8)} /s  ${times}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      processes: { type: 'string', default: DEFAULTS.processes },
      seconds: { type: 'string', default: DEFAULTS.seconds },
      'at-once': { type: 'string', default: DEFAULTS.atOnce },
      year: { type: 'string' },
    },
  });
  const place = makePlace('bench-state');
  const path = join(place.directory, STATE_FILE);
  if (values.year !== undefined) {
    const began = performance.now();
    const { entriesMax, fileBytes, walBytes } = await fillYear(path, Number(values.year));
    const mb = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;
    const seconds = ((performance.now() - began) / 1_000).toFixed(0);
    process.stdout.write(
      `${values.year} triplets in ${seconds} s: at most ${entriesMax} entries, file ${mb(fileBytes)}, its log at most ${mb(walBytes)}\n`,
    );
    place.remove();
    return;
  }
  const seconds = Number(values.seconds);
  const atOnce = Number(values['at-once']);
  const run = async (where: string, options: StateOptions): Promise<void> => {
    for (const kind of ['new', 'known', 'read'] as const)
      for (const processes of new Set([1, Number(values.processes)]))
        print(await measure(`${where}, ${kind}, ${processes} at it`, { options, kind, seconds, atOnce }, processes));
  };
  await run('embedded', { path, redis: null, timeLimitMs: TIME_LIMIT_MS });
  if (hasPackage('redis-server')) {
    const redis = await startRedis(place.directory);
    const address = { host: '', port: 0, path: redis.socketPath, db: 0, username: null, isTls: false };
    const settings = { address, password: null, authorities: null, prefix: 'bench', timeLimitMs: TIME_LIMIT_MS };
    await run('Redis', { path, redis: settings, timeLimitMs: TIME_LIMIT_MS });
    await redis.stop();
  }
  place.remove();
}

if (process.argv.includes('--child'))
  process.once(
    'message',
    (task) => void runTask(task as Task).then((times) => process.send?.(times, () => process.exit(0))),
  );
else if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
