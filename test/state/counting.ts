// Several real processes on the same counters: starts them, gathers what was acknowledged to each, and adds it up.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import type { StateOptions } from '../../state/open.js';

const CHILD = resolve('test', 'state', 'counting-child.mjs');
const BUILT = `${pathToFileURL(resolve('dist', 'state')).href}/`;

export interface Counting {
  readonly child: ChildProcess;
  /** Every count that was acknowledged, by counter. */
  readonly told: ReadonlyMap<string, readonly number[]>;
  /** Changes refused so far. */
  refused(): number;
  /** Begins to count. */
  begin(): void;
  /** Resolves at its end with its exit code and how many changes were refused. */
  readonly ended: Promise<{ readonly code: number | null; readonly refused: number; readonly errors: string }>;
}

/** Starts one that waits; `changes` 0: until it is killed. */
export async function startCounting(options: StateOptions, changes: number): Promise<Counting> {
  const child = spawn(process.execPath, [CHILD, BUILT, JSON.stringify(options), String(changes)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const told = new Map<string, number[]>();
  let refused = 0;
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolveReady, reject) => {
    child.once('exit', () => reject(new Error(`ended before it was ready: ${errors}`)));
    lines.on('line', (line) => {
      const [word = '', count = ''] = line.split(' ');
      if (word === 'ready') resolveReady();
      else if (word === 'refused') refused = Number(count);
      else {
        const counts = told.get(word) ?? [];
        counts.push(Number(count));
        told.set(word, counts);
      }
    });
  });
  const ended = Promise.all([once(child, 'exit'), once(lines, 'close')]).then(([[code]]) => ({
    code: code as number | null,
    refused,
    errors,
  }));
  await ready;
  return { child, told, ended, refused: () => refused, begin: () => void child.stdin.write('go\n') };
}

/** Runs some at once, each with so many changes, and gives them when all have ended. */
export async function countAtOnce(options: StateOptions, processes: number, changes: number) {
  const all = await Promise.all(Array.from({ length: processes }, () => startCounting(options, changes)));
  for (const one of all) one.begin();
  const ends = await Promise.all(all.map(({ ended }) => ended));
  return { all, ends };
}

/** Their counters, and those numbers that a run without loss or doubling tells. */
export const COUNTERS = ['c0', 'c1', 'c2'] as const;

/** 1, 2, 3 and so on. */
export function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

/** All counts told of one counter, in order. */
export function countsOf(all: readonly Counting[], key: string): readonly number[] {
  return all.flatMap(({ told }) => told.get(key) ?? []).sort((one, other) => one - other);
}

/** Holds up the event loop of this process once what was asked before is on its way. */
export async function stallAfterSending(stallMs: number): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) await new Promise((done) => setImmediate(done));
  const until = performance.now() + stallMs;
  while (performance.now() < until);
}
