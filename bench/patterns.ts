// What patterns cost: reading them, scanning texts for their literals and first bytes, and running those that may match;
// for sets of 100 to 4,000 invented patterns over 10 KB of invented prose, and for hostile texts. Prints a count of hits
// that shows that the work was done. Run: node dist/bench/patterns.js
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Effort } from '../rules/pattern/effort.js';
import { compilePattern, Subject, type Pattern } from '../rules/pattern/pattern.js';
import { CandidateScan } from '../rules/scan/candidates.js';

const TEXT_BYTES = 10_240;
const ELEMENT_BYTES = 512;
const ROUNDS = 300;
const NS_PER_MS = 1_000_000;

/** Numbers that are the same in every run. */
function makeDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % sides;
  };
}

const LETTERS = 'eeeeetttaaaooiinnssrrhhllddccuummppggwwybvkfjxqz';

function word(dice: (sides: number) => number): string {
  return Array.from({ length: 4 + dice(6) }, () => LETTERS.charAt(dice(LETTERS.length))).join('');
}

function prose(bytes: number, seed: number): string {
  const dice = makeDice(seed);
  let text = '';
  while (text.length < bytes) text += `${word(dice)} `;
  return text.slice(0, bytes);
}

/** The shapes that rules have: words, alternatives, spelling tricks, look-around, references. */
function sources(count: number): readonly string[] {
  const dice = makeDice(17);
  const shapes: readonly (() => string)[] = [
    () => `\\b${word(dice)} ${word(dice)}\\b`,
    () => `\\b(?:${word(dice)}|${word(dice)}|${word(dice)})\\s+(?:${word(dice)}|${word(dice)})`,
    () => `${word(dice)}.{0,20}${word(dice)}`,
    () => `\\b${[...word(dice)].map((letter) => `[${letter}\\xe0-\\xe6@]`).join('[_\\W]?')}\\b`,
    () => `(?!${word(dice)})${word(dice).replace(/./g, '[$&01]')}`,
    () => `(${word(dice)}) \\1${word(dice)}`,
  ];
  return Array.from({ length: count }, (_, index) => (shapes[index % shapes.length] ?? shapes[0]!)());
}

function timed<T>(what: () => T): { readonly ms: number; readonly result: T } {
  const from = performance.now();
  const result = what();
  return { ms: performance.now() - from, result };
}

function hits(patterns: readonly Pattern[], scan: CandidateScan, texts: readonly Subject[]): number {
  const effort = new Effort();
  const candidates = scan.candidates(texts.map(({ text }) => text));
  let count = 0;
  for (const pattern of patterns) {
    for (const place of candidates.placesOf(pattern) ?? texts.keys()) {
      if (pattern.test(texts[place]!, effort)) count++;
    }
  }
  return count;
}

function measureSet(count: number): void {
  const texts = Array.from(
    { length: TEXT_BYTES / ELEMENT_BYTES },
    (_, index) => new Subject(prose(ELEMENT_BYTES, index + 1)),
  );
  const strings = texts.map(({ text }) => text);
  const read = timed(() => sources(count).map((source) => compilePattern({ source, flags: 'i' })));
  const built = timed(() => new CandidateScan(read.result));
  const found = hits(read.result, built.result, texts);
  const scanned = timed(() => {
    for (let round = 0; round < ROUNDS; round++) built.result.candidates(strings);
  });
  const run = timed(() => {
    for (let round = 0; round < ROUNDS; round++) hits(read.result, built.result, texts);
  });
  const megabytes = (TEXT_BYTES * ROUNDS) / 1_000_000;
  console.log(
    `${count} patterns: read ${read.ms.toFixed(0)} ms, tables ${built.ms.toFixed(0)} ms, scan ${(megabytes / (scanned.ms / 1_000)).toFixed(0)} MB/s, scan and run ${(run.ms / ROUNDS).toFixed(2)} ms a 10 KB, ${found} hits`,
  );
}

const HOSTILE = ['(a+)+$', '(?!b)(a+)+$', '(a|a)*\\1c', '(?=(a+)+$)b', '(.*)(.*)(.*)\\1x', '(?:a?){60}a{60}(?!a)c'];

async function measureHostile(name: string, texts: readonly string[]): Promise<void> {
  const patterns = HOSTILE.map((source) => compilePattern({ source, flags: '' }));
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const effort = new Effort();
  const subjects = texts.map((text) => new Subject(text));
  const from = performance.now();
  for (const pattern of patterns) {
    for (const subject of subjects) pattern.test(subject, effort);
  }
  const ms = performance.now() - from;
  await new Promise((resolve) => setTimeout(resolve, 50));
  delay.disable();
  const worst = (delay.max / NS_PER_MS).toFixed(0);
  console.log(`${name}: ${ms.toFixed(0)} ms in one turn, event loop held ${worst} ms, gave up ${effort.givenUp} times`);
}

async function main(): Promise<void> {
  for (const count of [100, 1_000, 4_000]) measureSet(count);
  await measureHostile('1 MB of one letter', [`${'a'.repeat(1_000_000)}b`]);
  await measureHostile('10 MB in one line', [prose(10_000_000, 3)]);
  await measureHostile(
    '100,000 texts of 30 letters',
    Array.from({ length: 100_000 }, () => `${'a'.repeat(30)}b`),
  );
}

await main();
