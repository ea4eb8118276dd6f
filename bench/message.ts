// How many messages a second are read, phase by phase, over a fixed sample of the labelled mail, and what the result is.
//   node dist/bench/message.js [step] [rounds]     (WEIR_DATA names the data folder, default ../shared/data)
// Every phase is timed over all messages, each on fresh views; the hash over the results shows that no work was skipped.
import { createHash, type Hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Message } from '../message/message.js';
import { parseMessage } from '../message/parse.js';

/** Every how many messages of the manifest one is taken, and rounds of which the fastest counts. */
const STEP = 5;
const ROUNDS = 3;

/** One phase: what it asks of a message, and what of that goes into the hash. */
const PHASES: readonly (readonly [name: string, run: (mail: Message) => unknown])[] = [
  ['tokens and header', (mail) => [mail.bodyOffset, mail.headers.length, mail.tokens.lines.length]],
  ['header decoded', (mail) => mail.headers.map(({ value }) => value)],
  ['addresses', (mail) => ['from', 'to', 'cc', 'reply-to'].map((name) => mail.addresses(name))],
  ['MIME tree', (mail) => mail.parts.map(({ path, type, bodyStart, bodyEnd }) => [path, type, bodyStart, bodyEnd])],
  ['text source', (mail) => mail.texts.map(({ source }) => source.length)],
  ['text visible', (mail) => mail.texts.map(({ visible, hidden }) => [visible.length, hidden.length])],
  ['URLs', (mail) => mail.urls.map(({ raw, domain }) => [raw, domain])],
  ['attachments hashed', (mail) => mail.attachments.map(({ name, sha256 }) => [name, sha256])],
  ['further readings', (mail) => mail.readings().map(({ reason, content }) => [reason, content.length])],
];

export interface PhaseResult {
  readonly phase: string;
  /** CPU time of this phase alone, ms over all messages, collection of garbage included: other load does not count. */
  readonly ms: number;
}

export interface BenchResult {
  readonly messages: number;
  readonly bytes: number;
  readonly phases: readonly PhaseResult[];
  /** Over everything every phase gave. */
  readonly hash: string;
}

/** Reads every message once, phase after phase on the same views. */
export function benchMessages(raws: readonly Buffer[]): BenchResult {
  const hash = createHash('sha256');
  const start = process.cpuUsage();
  const mails = raws.map((raw) => parseMessage(raw));
  const parseMs = cpuMsSince(start);
  const phases = PHASES.map(([phase, run], index) => ({
    phase,
    ms: (index === 0 ? parseMs : 0) + runPhase(mails, run, hash),
  }));
  return {
    messages: raws.length,
    bytes: raws.reduce((sum, raw) => sum + raw.length, 0),
    phases,
    hash: hash.digest('hex'),
  };
}

function runPhase(mails: readonly Message[], run: (mail: Message) => unknown, hash: Hash): number {
  const start = process.cpuUsage();
  const results = mails.map(run);
  const spent = cpuMsSince(start);
  for (const result of results) hash.update(JSON.stringify(result));
  return spent;
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

/** The sample: every `step`-th message of the manifest. */
function sample(folder: string, step: number): Buffer[] {
  const rows = readFileSync(join(folder, 'mail', 'manifest.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  return rows
    .filter((_row, index) => index % step === 0)
    .map((row) => readFileSync(join(folder, 'mail', row.split('\t').at(-1) as string)));
}

function print({ messages, bytes, phases, hash }: BenchResult): void {
  const line = (name: string, ms: number): string =>
    `${name.padEnd(34)} ${ms.toFixed(0).padStart(7)} CPU ms ${((messages / ms) * 1_000).toFixed(0).padStart(9)} msg/s ${(bytes / ms / 1_000).toFixed(1).padStart(8)} MB/s`;
  console.log(`${messages} messages, ${(bytes / 1e6).toFixed(1)} MB, mean ${(bytes / messages / 1_000).toFixed(1)} KB`);
  for (const { phase, ms } of phases) console.log(line(phase, ms));
  const upTo = (name: string): number =>
    phases.slice(0, phases.findIndex(({ phase }) => phase === name) + 1).reduce((sum, { ms }) => sum + ms, 0);
  console.log(line('= up to the MIME tree', upTo('MIME tree')));
  console.log(line('= all', upTo('further readings')));
  console.log(`hash ${hash.slice(0, 16)}`);
}

function main(): void {
  const folder = resolve(process.env['WEIR_DATA'] ?? '../shared/data');
  if (!existsSync(join(folder, 'mail', 'manifest.tsv'))) {
    console.error(`no mail at ${folder}: set WEIR_DATA`);
    process.exitCode = 1;
    return;
  }
  const raws = sample(folder, Number(process.argv[2] ?? STEP));
  const results = Array.from({ length: Number(process.argv[3] ?? ROUNDS) }, () => benchMessages(raws));
  const total = (result: BenchResult): number => result.phases.reduce((sum, { ms }) => sum + ms, 0);
  results.sort((one, other) => total(one) - total(other));
  print(results[0] as BenchResult);
  if (new Set(results.map(({ hash }) => hash)).size !== 1) throw new Error('the rounds gave different results');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
