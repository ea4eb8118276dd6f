// The front listener beside Postfix's own postscreen, before the same smtpd, in the same run: refusals per second with
// known and unknown clients, memory of clients that wait, the delay of a known good client, and a crowd of which half is
// silent, slow, talks early or dies, while good clients are served. Machine load moves figures, hardly their ratios.
//   node dist/bench/connections.js [--connections 5000] [--seconds 30] [--open 2000] [--refusals 3000] [--visits 200]
//     [--only rates,waiting,crowd] [--door weir] [--crowds 5]
// At full size: --connections 50000 --seconds 120 --open 10000; descriptors must allow it (ulimit -n 20000).
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addressIn, median, openCrowd, visit, type Kind, type Outcome, type Plan } from './connections-clients.js';
import { holdingOf, LISTED, openDoors, type Door, type Doors, type Holding } from './connections-doors.js';

export interface ConnectionsOptions {
  readonly directory: string;
  /** Connections of the crowd, over so many seconds, never more than so many at once. */
  readonly connections: number;
  readonly seconds: number;
  readonly open: number;
  /** Early talkers refused at the door, for each rate. */
  readonly refusals: number;
  /** Visits of the known good client. */
  readonly visits: number;
  /** Parts to run; none named: all. */
  readonly only: readonly string[];
  /** The one door to measure; '' for both. */
  readonly door: string;
  /** Crowds one after the other at the same door: whether memory and descriptors stay level. */
  readonly crowds: number;
  readonly print: (line: string) => void;
}

/** A client that both know before anything is measured. */
const KNOWN = '127.90.0.1';
const FAST_WAIT_MS = 1_000;
const USUAL_WAIT_MS = 6_000;
/** Longer than it takes to open them all. */
const LONG_WAIT_MS = 60_000;
/** Postscreen's own queue of connections: over it the kernel lets some hang, and that would be what is measured. */
const REFUSALS_AT_ONCE = 100;
const KNOWN_ADDRESSES = 100;
const PROBE_EVERY_MS = 500;
const WATCH_EVERY_MS = 1_000;
/** Longest time after a crowd in which its descriptors are to be given back, ms. */
const SETTLE_MAX_MS = 30_000;
/** So many more than before may be open then: look-ups, stores. */
const STRAY_DESCRIPTORS = 16;
/** Of eight connections four are good, one of each other kind. */
const MIXTURE: readonly Kind[] = ['good', 'silent', 'good', 'slow', 'good', 'talker', 'good', 'dying'];
const BAD = '127.100';
const KIB = 1_024;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Runs everything and prints a line per figure. */
export async function benchConnections(options: ConnectionsOptions): Promise<void> {
  const common = { action: 'drop', openMax: Math.max(options.open, REFUSALS_AT_ONCE) } as const;
  const inDoors = async (
    name: string,
    settings: { readonly greetWaitMs: number; readonly deep: boolean },
    work: (doors: Doors) => Promise<void>,
  ): Promise<void> => {
    if (options.only.length > 0 && !options.only.includes(name)) return;
    const doors = await openDoors(join(options.directory, name), { ...common, ...settings });
    const wanted = doors.doors.filter((door) => options.door === '' || door.name === options.door);
    try {
      await work({ ...doors, doors: wanted });
    } finally {
      await doors.stop();
    }
  };
  await inDoors('rates', { greetWaitMs: FAST_WAIT_MS, deep: false }, async (doors) => {
    for (const door of doors.doors) await measureRefusals(door, options);
    await measureDelay(doors, options);
  });
  await inDoors('waiting', { greetWaitMs: LONG_WAIT_MS, deep: false }, async ({ doors }) => {
    for (const door of doors) await measureWaiting(door, options);
  });
  await inDoors('crowd', { greetWaitMs: USUAL_WAIT_MS, deep: true }, async ({ doors }) => {
    for (const door of doors)
      for (let crowds = 0; crowds < options.crowds; crowds += 1) await measureCrowd(door, options);
  });
}

/** Early talkers that are turned away: by addresses nobody knows, then by a few that lists were asked about before. */
async function measureRefusals(door: Door, { refusals, print }: ConnectionsOptions): Promise<void> {
  for (const [word, from] of [
    ['cold', (index: number) => addressIn(LISTED, index)],
    ['warm', (index: number) => addressIn(LISTED, index % KNOWN_ADDRESSES)],
  ] as const) {
    const before = holdingOf(door);
    const plans = Array.from({ length: refusals }, (_, index): Plan => ({ kind: 'talker', from: from(index) }));
    const pace = { perSecond: Infinity, openMax: REFUSALS_AT_ONCE, holdMs: 0 };
    const { outcomes, ms } = await openCrowd(door, plans, pace);
    const refused = count(outcomes.get('talker'), ({ code }) => code === 521);
    const cpu = (holdingOf(door).cpuMs - before.cpuMs) / refusals;
    const rate = ((refused / ms) * 1_000).toFixed(0);
    print(
      `refusals ${word}  ${door.name.padEnd(10)} ${rate} /s  ${cpu.toFixed(2)} ms CPU each  ${refused} of ${refusals}`,
    );
  }
}

/** A client that has passed: ms to the greeting and for the whole visit, the three ways in turn. */
async function measureDelay({ doors, direct }: Doors, { visits, print }: ConnectionsOptions): Promise<void> {
  const ways = [{ name: 'smtpd alone', ...direct }, ...doors];
  const times = ways.map(() => ({ greeting: [] as number[], total: [] as number[] }));
  for (const way of ways) for (let tries = 0; tries < 3; tries += 1) await visit(way, KNOWN, 'good', 0);
  for (let round = 0; round < visits; round += 1) {
    for (const [at, way] of ways.entries()) {
      const { greetingMs, totalMs, code } = await visit(way, KNOWN, 'good', 0);
      if (code !== 250) throw new Error(`${way.name} did not serve its known client: ${code}`);
      times[at]?.greeting.push(greetingMs ?? 0);
      times[at]?.total.push(totalMs);
    }
  }
  for (const [at, way] of ways.entries()) {
    const { greeting = [], total = [] } = times[at] ?? {};
    const added = median(total) - median(times[0]?.total ?? []);
    const figures = `greeting ${median(greeting).toFixed(2)} ms, visit ${median(total).toFixed(2)} ms (p95 ${median(total, 0.95).toFixed(2)})`;
    print(`known client  ${way.name.padEnd(11)} ${figures}, added ${added.toFixed(2)} ms`);
  }
}

/** Silent clients that all wait: what each adds to the memory of the door's processes. */
async function measureWaiting(door: Door, { open, print }: ConnectionsOptions): Promise<void> {
  await visit(door, BAD + '.9.9', 'dying', 500);
  const before = holdingOf(door);
  const plans = Array.from({ length: open }, (_, index): Plan => ({ kind: 'silent', from: addressIn(BAD, index) }));
  const holdMs = Math.min(LONG_WAIT_MS - 5_000, 5_000 + open * 3);
  const crowd = openCrowd(door, plans, { perSecond: 2_000, openMax: open, holdMs });
  const most = await watchUntil(crowd, door);
  const after = await settled(door, before);
  const growth = (most.rssBytes - before.rssBytes) / open / KIB;
  const left = (after.rssBytes - before.rssBytes) / open / KIB;
  const descriptors = `descriptors ${before.descriptors}, ${most.descriptors}, ${after.descriptors}`;
  print(
    `waiting  ${door.name.padEnd(10)} ${open} at once: ${growth.toFixed(1)} KiB each, ${left.toFixed(1)} KiB left afterwards, ${descriptors}`,
  );
}

/** The crowd, with a known client that comes by every half second. */
async function measureCrowd(door: Door, options: ConnectionsOptions): Promise<void> {
  const { connections, seconds, open, print } = options;
  for (let tries = 0; tries < 3; tries += 1) await visit(door, KNOWN, 'good', 0);
  const before = holdingOf(door);
  const plans = Array.from({ length: connections }, (_, index) => planOf(index, connections));
  const holdMs = (seconds * 1_000) / 2;
  const crowd = openCrowd(door, plans, { perSecond: connections / seconds, openMax: open, holdMs });
  const probes: Outcome[] = [];
  const probing = setInterval(() => void visit(door, KNOWN, 'good', 0).then((one) => probes.push(one)), PROBE_EVERY_MS);
  const most = await watchUntil(crowd, door);
  clearInterval(probing);
  const { outcomes, openMax, ms } = await crowd;
  const after = await settled(door, before);
  const good = outcomes.get('good') ?? [];
  const served = count(good, ({ code }) => code === 250);
  const mustReturn = count(good, ({ code }) => code === 450);
  const refused = count(outcomes.get('talker'), ({ code }) => code === 521);
  const known = count(probes, ({ code }) => code === 250);
  const greeting = probes.flatMap(({ greetingMs }) => greetingMs ?? []);
  const mb = (of: Holding): string => `${(of.rssBytes / KIB / KIB).toFixed(0)} MiB`;
  print(`crowd  ${door.name.padEnd(10)} ${connections} in ${(ms / 1_000).toFixed(0)} s, at most ${openMax} at once`);
  print(
    `  good ${good.length}: ${served} served, ${mustReturn} told to come again, ${good.length - served - mustReturn} neither${showCodes(good)}; talkers ${refused} of ${outcomes.get('talker')?.length ?? 0} refused`,
  );
  print(
    `  known client ${known} of ${probes.length} served, greeting median ${median(greeting).toFixed(1)} ms, p95 ${median(greeting, 0.95).toFixed(1)} ms`,
  );
  print(
    `  memory ${mb(before)}, at most ${mb(most)}, afterwards ${mb(after)}; descriptors ${before.descriptors}, ${most.descriptors}, ${after.descriptors}; CPU ${((after.cpuMs - before.cpuMs) / 1_000).toFixed(1)} s`,
  );
}

/** Good clients come twice, half the time apart, since the first visit ends in the deep tests. */
function planOf(index: number, connections: number): Plan {
  const kind = MIXTURE[index % MIXTURE.length] ?? 'good';
  if (kind === 'talker') return { kind, from: addressIn(LISTED, index) };
  if (kind !== 'good') return { kind, from: addressIn(BAD, index) };
  return { kind, from: addressIn('127.64', Math.floor(index / 2) % Math.ceil(connections / 4)) };
}

/** The most that the door held of anything while a crowd was there. */
async function watchUntil(crowd: Promise<unknown>, door: Door): Promise<Holding> {
  let most: Holding = { cpuMs: 0, rssBytes: 0, descriptors: 0 };
  let isOver = false;
  const over = crowd.finally(() => (isOver = true));
  while (!isOver) {
    await Promise.race([over, pause(WATCH_EVERY_MS)]);
    const now = holdingOf(door);
    most = {
      cpuMs: now.cpuMs,
      rssBytes: Math.max(most.rssBytes, now.rssBytes),
      descriptors: Math.max(most.descriptors, now.descriptors),
    };
  }
  return most;
}

/** What the door holds once it has closed what the crowd left open, or did not in time. */
async function settled(door: Door, before: Holding): Promise<Holding> {
  const until = performance.now() + SETTLE_MAX_MS;
  for (;;) {
    await pause(WATCH_EVERY_MS);
    const now = holdingOf(door);
    if (now.descriptors <= before.descriptors + STRAY_DESCRIPTORS || performance.now() > until) return now;
  }
}

/** What those saw that were neither served nor told to come again: replies by how often; 0 is none. */
function showCodes(outcomes: readonly Outcome[]): string {
  const codes = new Map<number, number>();
  for (const { code } of outcomes) if (code !== 250 && code !== 450) codes.set(code, (codes.get(code) ?? 0) + 1);
  const shown = [...codes].map(([code, times]) => `${code}: ${times}`).join(', ');
  return shown === '' ? '' : ` (${shown})`;
}

function count(outcomes: readonly Outcome[] = [], is: (outcome: Outcome) => boolean): number {
  return outcomes.filter(is).length;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '30' },
      open: { type: 'string', default: '2000' },
      refusals: { type: 'string', default: '3000' },
      visits: { type: 'string', default: '200' },
      only: { type: 'string', default: '' },
      door: { type: 'string', default: '' },
      crowds: { type: 'string', default: '1' },
    },
  });
  const directory = mkdtempSync(join(tmpdir(), 'weir-bench-connections-'));
  chmodSync(directory, 0o755);
  try {
    await benchConnections({
      directory,
      connections: Number(values.connections),
      seconds: Number(values.seconds),
      open: Number(values.open),
      refusals: Number(values.refusals),
      visits: Number(values.visits),
      only: values.only.split(',').filter(Boolean),
      door: values.door,
      crowds: Number(values.crowds),
      print: (line) => process.stdout.write(`${line}\n`),
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
