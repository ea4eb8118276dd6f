// What the administrator's own rules cost: words and expressions, up to thousands, over a fixed sample of real mail; and
// the country database. Reads $WEIR_DATA/mail; prints CPU time per mail, the slowest mails, and a count of hits that shows
// that the work was done. Run: node dist/bench/content-rules.js
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMessage } from '../message/parse.js';
import type { Message } from '../message/message.js';
import { openCountries } from '../outside/country-database.js';
import { ContentMatcher, type ContentPattern, type Relation } from '../rules/content/matcher.js';
import { TargetTexts } from '../rules/content/target.js';
import { doAtOnce } from '../rules/steps.js';
import type { Transaction } from '../message/envelope.js';

/** Every how many messages of the manifest one is taken. */
const STEP = 11;
const TEXT_MAX_CHARS = 2_000_000;
const LOOKUPS = 200_000;
const US_PER_MS = 1_000;

/** Numbers that are the same in every run. */
function makeDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state >>> 8) % sides;
  };
}

/** Pairs of words that occur in the sample. */
function wordsIn(mails: readonly Buffer[]): readonly string[] {
  const words = new Set<string>();
  for (const mail of mails) {
    for (const pair of mail.toString('latin1').match(/[A-Za-z]{5,12} [a-z]{4,9}/g) ?? []) words.add(pair);
    if (words.size > 20_000) break;
  }
  return [...words];
}

const content = (relation: Relation, pattern: string): ContentPattern => ({
  target: 'content',
  header: '',
  caseSensitive: false,
  relation,
  pattern,
});

/** One in ten from the sample, the others as like them as words read backwards. */
function literals(count: number, words: readonly string[]): readonly ContentPattern[] {
  const dice = makeDice(7);
  return Array.from({ length: count }, () => {
    const word = words[dice(words.length)] ?? 'word';
    return content('contains', dice(10) === 0 ? word : [...word].reverse().join(''));
  });
}

function expressions(count: number, words: readonly string[]): readonly ContentPattern[] {
  const dice = makeDice(11);
  return Array.from({ length: count }, (_, index) => {
    const [one = 'a', two = 'b'] = (words[dice(words.length)] ?? 'a b').split(' ');
    const forms = [
      `\\b${one}\\s+${two}s?\\b`,
      `${one.slice(0, 4)}[a-z]{2,6} (${two}|${one})`,
      `\\b[0-9]{2,4}[- ]?${index}[0-9]{3}\\b`,
      `${two}.{0,20}${one}`,
    ];
    return content('matches', forms[index % forms.length] ?? one);
  });
}

function measure(
  name: string,
  patterns: readonly ContentPattern[],
  messages: readonly Message[],
  transaction: Transaction,
): void {
  const builtFrom = performance.now();
  const matcher = new ContentMatcher(patterns);
  const builtMs = performance.now() - builtFrom;
  const slow: number[] = [];
  let hits = 0;
  const before = process.cpuUsage();
  for (const message of messages) {
    const from = performance.now();
    const texts = new TargetTexts(message, transaction, TEXT_MAX_CHARS);
    hits += doAtOnce(matcher.match(texts, always)).hits.length;
    slow.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(before);
  slow.sort((a, b) => a - b);
  const at = (share: number): string => (slow[Math.floor((slow.length - 1) * share)] ?? 0).toFixed(2);
  const perMail = ((user + system) / US_PER_MS / messages.length).toFixed(3);
  console.log(
    `${name.padEnd(24)} built in ${builtMs.toFixed(0)} ms, ${perMail} ms CPU a mail, p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms, ${hits} hits`,
  );
}

const always = (): boolean => true;

function measureCountries(): void {
  const rssBefore = process.memoryUsage().rss;
  const from = performance.now();
  const countries = openCountries(null);
  const openedMs = performance.now() - from;
  const grownMb = (process.memoryUsage().rss - rssBefore) / 1_048_576;
  const dice = makeDice(13);
  const addresses = Array.from({ length: LOOKUPS }, () => [224, 256, 256, 256].map((sides) => dice(sides)).join('.'));
  const started = performance.now();
  const known = addresses.filter((address) => countries.countryOf(address) !== null).length;
  const perSecond = Math.round((LOOKUPS / (performance.now() - started)) * 1_000);
  console.log(
    `countries: opened in ${openedMs.toFixed(0)} ms, ${grownMb.toFixed(0)} MB, ${perSecond} look-ups/s, ${known} of ${LOOKUPS} known`,
  );
}

/** Content rules look at the envelope's addresses alone. */
const envelope = {
  mailFrom: { address: 'a@away.test', params: new Map(), given: '<a@away.test>' },
  rcptTo: [{ address: 'b@house.test', params: new Map(), given: '<b@house.test>' }],
} as unknown as Transaction;

function main(): void {
  measureCountries();
  const folder = join(process.env['WEIR_DATA'] ?? '../shared/data', 'mail');
  const manifest = join(folder, 'manifest.tsv');
  if (!existsSync(manifest)) {
    console.log(`no mail to measure on: ${manifest} is absent (set WEIR_DATA)`);
    return;
  }
  const rows = readFileSync(manifest, 'utf8').trim().split('\n').slice(1);
  const mails = rows
    .filter((_, index) => index % STEP === 0)
    .map((row) => readFileSync(join(folder, row.split('\t')[4] ?? '')));
  const messages = mails.map((mail) => parseMessage(mail));
  for (const message of messages) {
    // Read before: other stages ask for the same.
    for (const text of message.texts) void (text.visible.length + text.hidden.length);
    void message.readings().length;
  }
  const words = wordsIn(mails);
  console.log(
    `${messages.length} mails, ${Math.round(mails.reduce((sum, { length }) => sum + length, 0) / mails.length)} bytes`,
  );
  for (const count of [1, 1_000, 10_000]) measure(`${count} words`, literals(count, words), messages, envelope);
  for (const count of [100, 1_000]) measure(`${count} expressions`, expressions(count, words), messages, envelope);
}

main();
