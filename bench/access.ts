// What the block and allow lists cost at 100,000 rules: compiling them, look-ups of mail nobody named and of mail that
// rules match, per kind and all together, and a hard case of patterns that look alike. Prints a hash of what matched.
//   node dist/bench/access.js [--rules 100000] [--lookups 20000]
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { makeRule, type AccessRule, type RuleWish } from '../filters/access/rule.js';
import { RuleTable, type Subject } from '../filters/access/table.js';

export interface LookupFigures {
  readonly name: string;
  readonly rules: number;
  readonly compileMs: number;
  readonly heapMb: number;
  /** Of one look-up, mean: processor, and clock. */
  readonly cpuUs: number;
  readonly wallUs: number;
  /** Over the ids of everything that matched. */
  readonly hash: string;
  readonly matched: number;
}

const DEFAULTS = { rules: '100000', lookups: '20000' };
const BYTES_PER_MB = 1_048_576;

/** Numbers that are the same in every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % sides;
  };
}

const octets = (roll: (sides: number) => number): string => `${1 + roll(222)}.${roll(256)}.${roll(256)}.${roll(256)}`;
const hexWord = (roll: (sides: number) => number): string => roll(65_536).toString(16);
const v6 = (roll: (sides: number) => number): string =>
  `2001:${Array.from({ length: 7 }, () => hexWord(roll)).join(':')}`;
const host = (roll: (sides: number) => number): string =>
  `d${roll(60_000)}.${['example', 'test', 'invalid'][roll(3)] ?? ''}`;
const mailbox = (roll: (sides: number) => number): string => `user${roll(40_000)}@${host(roll)}`;

type Maker = (roll: (sides: number) => number, index: number) => RuleWish;
const reject = (kind: string, value: string): RuleWish => ({ kind, value, effect: 'reject' });

/** A network of any length that an address begins. */
function network(roll: (sides: number) => number): RuleWish {
  if (roll(2) === 0) {
    const bits = 8 + roll(25);
    const number = (roll(65_536) * 65_536 + roll(65_536)) >>> 0;
    const masked = bits === 32 ? number : (number & (0xffff_ffff << (32 - bits))) >>> 0;
    return reject('network', `${[24, 16, 8, 0].map((shift) => (masked >>> shift) & 255).join('.')}/${bits}`);
  }
  const words = 2 + roll(6);
  const text = Array.from({ length: words }, (_, index) => (index === 0 ? '2001' : hexWord(roll))).join(':');
  return reject('network', `${text}::/${words * 16}`);
}

/** Each kind by itself, all of them, and patterns that share everything but a number. */
const LOADS: Readonly<Record<string, Maker>> = {
  addresses: (roll) => reject('ip', roll(2) === 0 ? octets(roll) : v6(roll)),
  networks: (roll) => network(roll),
  senders: (roll) => reject('sender', mailbox(roll)),
  'sender domains': (roll) => reject('sender', `*@${roll(2) === 0 ? '*.' : ''}${host(roll)}`),
  'wild senders': (roll) => reject('sender', `*${roll(1_000_000)}*@*.d${roll(60_000)}.example`),
  'alike senders': (_, index) => reject('sender', `offer-*-${String(index).padStart(6, '0')}-*@mail.example`),
  'lists of users': (roll) => ({ ...reject('sender', mailbox(roll)), scope: `user:${mailbox(roll)}` }),
};

/** Every kind at once, as a site would have them. */
function mixed(roll: (sides: number) => number, index: number): RuleWish {
  const makers = Object.entries(LOADS)
    .filter(([name]) => name !== 'alike senders')
    .map(([, maker]) => maker);
  return makers[index % makers.length]?.(roll, index) ?? reject('ip', '192.0.2.1');
}

/** Compiles the rules of a load and looks subjects up, half of them taken from the rules. */
export function benchLookups(name: string, rules: number, lookups: number): LookupFigures {
  const maker = name === 'all kinds' ? mixed : (LOADS[name] ?? mixed);
  const roll = dice(11);
  const made = Array.from({ length: rules }, (_, index) => ruleOf(maker(roll, index), index)).filter(
    (one) => one !== null,
  );
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  const startedMs = performance.now();
  const table = new RuleTable(made);
  const compileMs = performance.now() - startedMs;
  globalThis.gc?.();
  const heapMb = (process.memoryUsage().heapUsed - heapBefore) / BYTES_PER_MB;
  const subjects = Array.from({ length: lookups }, (_, index) =>
    subjectFor(roll, index % 2 === 0 ? made[roll(made.length)] : undefined),
  );
  // Once untimed: code is compiled by then.
  for (const subject of subjects.slice(0, 2_000)) table.match(subject, 0);
  return { name, rules: table.size, compileMs, heapMb, ...timed(table, subjects) };
}

function ruleOf(wish: RuleWish, index: number): AccessRule | null {
  const made = makeRule(wish);
  return 'fault' in made ? null : { ...made.rule, id: String(index), author: 'bench', createdAt: 0 };
}

/** A stranger, or somebody the rule is about. */
function subjectFor(roll: (sides: number) => number, rule: AccessRule | undefined): Subject {
  const stars = (value: string): string => value.replaceAll('*', `x${roll(90)}`);
  const isClient = rule?.kind === 'ip' || rule?.kind === 'network';
  const [first = ''] = (rule?.value ?? '').split('/');
  return {
    client: isClient ? first : roll(2) === 0 ? octets(roll) : v6(roll),
    sender: rule !== undefined && !isClient ? stars(rule.value) : mailbox(roll),
    recipient: rule?.scope.startsWith('user:') === true ? rule.scope.slice('user:'.length) : mailbox(roll),
  };
}

/** By the processor's time: other work on the machine does not count. */
function timed(table: RuleTable, subjects: readonly Subject[]) {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const found = subjects.map((subject) => table.match(subject, 0));
  const { user, system } = process.cpuUsage(before);
  const wallUs = ((performance.now() - startedMs) * 1_000) / subjects.length;
  const hash = createHash('sha256');
  const ids = found.map(({ global, domain, user: own }) => [...global, ...domain, ...own].map(({ id }) => id).sort());
  for (const one of ids) hash.update(`${one.join(';')}\n`);
  const matched = ids.reduce((sum, { length }) => sum + length, 0);
  return { cpuUs: (user + system) / subjects.length, wallUs, matched, hash: hash.digest('hex').slice(0, 12) };
}

/** Names of the loads. */
export const LOAD_NAMES: readonly string[] = [...Object.keys(LOADS), 'all kinds'];

function main(): void {
  const { values } = parseArgs({
    options: {
      rules: { type: 'string', default: DEFAULTS.rules },
      lookups: { type: 'string', default: DEFAULTS.lookups },
    },
  });
  for (const name of LOAD_NAMES) {
    const { rules, compileMs, heapMb, cpuUs, wallUs, matched, hash } = benchLookups(
      name,
      Number(values.rules),
      Number(values.lookups),
    );
    const heap = globalThis.gc === undefined ? '' : `, ${heapMb.toFixed(1)} MB`;
    process.stdout.write(
      `${name.padEnd(15)} ${rules} rules compiled in ${compileMs.toFixed(0)} ms${heap}; a look-up ${cpuUs.toFixed(1)} us CPU (${wallUs.toFixed(1)} by the clock); ${matched} matches ${hash}\n`,
    );
  }
}

if (process.argv[1]?.endsWith('access.js') === true) main();
