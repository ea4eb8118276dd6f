// Measures the log: how fast rows are written durably, how large they are, and how long each kind of search takes at a
// given number of rows. Fixed seed; prints a hash of what the searches found, so that no work is skipped unseen.
// Run: node dist/bench/logs.js [--rows 4000000] [--dir DIR]   (DIR is kept for another look; a temporary one is removed)
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LogEvent, SecurityCategory } from '../logs/event.js';
import type { LogQuery, LogSearch } from '../logs/search.js';
import { openLogStore, type LogStore } from '../logs/store.js';
import { systemClock } from '../outside/clock.js';
import { openDatabase } from '../outside/database.js';
import { openLeases } from '../outside/lease.js';

const SEED = 20_260_301;
const START_MS = Date.UTC(2026, 0, 1);
/** Events in flight while building; the store commits them in groups. */
const BUILD_FLIGHT = 2_000;
const WRITERS = 16;
const DURABLE_ROWS = 4_000;
const REPEATS = 15;

export interface BenchResult {
  readonly rows: number;
  readonly buildRowsPerS: number;
  readonly indexRowsPerS: number;
  readonly durableRowsPerS: number;
  readonly logBytes: number;
  readonly indexBytes: number;
  readonly searches: readonly {
    readonly name: string;
    readonly found: number;
    readonly p50Ms: number;
    readonly p95Ms: number;
  }[];
  readonly hash: string;
}

/** mulberry32: small, fast, the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const WORDS =
  'invoice meeting order shipping report weekly account update newsletter offer reminder minutes contract payment travel question'.split(
    ' ',
  );
const CJK_WORDS = [
  '发票',
  '会议',
  '通知',
  '订单',
  '合同',
  '付款',
  '报告',
  '更新',
  '提醒',
  '账户',
  '邮件',
  '系统',
  '测试',
  '客户',
  '服务',
];
const CATEGORIES: readonly SecurityCategory[] = ['spam', 'reject', 'virus', 'attachment', 'policy', 'dnsbl'];

/** The nth event of the seed; every 1,000,003rd is a rare one that only one search can find. */
export function inventEvent(n: number, random: () => number): LogEvent {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const number = (below: number): string => String(Math.floor(random() * below));
  const time = START_MS + n * 640;
  const domain = `dom${number(50_000)}.${pick(['com', 'net', 'org', 'example', 'cn'])}`;
  const from = `${pick(WORDS)}.${number(3_000)}@${domain}`;
  const subject =
    random() < 0.3
      ? pick(CJK_WORDS) + pick(CJK_WORDS) + number(100_000) + pick(CJK_WORDS)
      : `${pick(WORDS)} ${pick(WORDS)} ${pick(WORDS)} ${number(1_000_000)}`;
  const isHeld = random() < 0.25;
  const category = pick(CATEGORIES);
  const score = Math.round(random() * 200) / 10;
  const address = `user${number(20_000)}@here.example`;
  return {
    kind: 'message',
    id: n.toString(36).padStart(9, '0') + number(1e12).padStart(12, '0'),
    time,
    sessionId: `[10.${number(256)}.${number(256)}.${number(256)}]:${number(60_000)}@${String(time)}`,
    queueId: `4b${number(1e9)}z`,
    messageId: `<${number(1e12)}.${number(1e6)}@${domain}>`,
    mailFrom: from,
    headerFrom: from,
    subject: n % 1_000_003 === 5_000 ? `quixotic 麒麟 zebra ${String(n)}` : subject,
    sizeBytes: 1_000 + Math.floor(random() * 50_000),
    clientAddress: `10.${number(256)}.${number(256)}.${number(256)}`,
    clientName: `mx${number(10)}.${domain}`,
    country: 'DE',
    helo: `mx.${domain}`,
    login: null,
    tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384 256',
    settingsVersion: 'f00dbabe',
    contentSha256: createHash('sha256').update(String(n)).digest('hex'),
    recipients: [
      {
        address,
        direction: 'received',
        action: isHeld ? 'quarantine' : 'accept',
        score,
        category: isHeld ? 'spam' : null,
        thresholds: { tagAt: 5, quarantineAt: 10, rejectAt: null },
        quarantineId: null,
      },
    ],
    findings: WORDS.slice(0, 2 + Math.floor(random() * 6)).map((word) => ({
      id: `RULE_${word.toUpperCase()}`,
      stage: 'rules',
      category: 'spam',
      group: 'rules',
      score: 1.5,
      evidence: '',
    })),
    subRules: [],
    stageMs: { attachments: 0.12, antivirus: 2.5, rules: 3.25 },
    totalMs: 6,
    broken: [],
    security: isHeld
      ? { category, event: n % 500_009 === 0 ? 'rarest event of all' : `held: score ${String(score)}` }
      : null,
  };
}

const SEARCHES: readonly {
  readonly name: string;
  readonly log: 'mail' | 'security';
  readonly query: Partial<LogQuery>;
}[] = [
  { name: 'newest page', log: 'mail', query: {} },
  { name: 'box: rare word', log: 'mail', query: { text: 'quixotic' } },
  { name: 'box: common word', log: 'mail', query: { text: 'invoice' } },
  { name: 'box: absent', log: 'mail', query: { text: 'nowhere-to-be-found' } },
  { name: 'box: absent, common trigrams', log: 'mail', query: { text: 'voice.order.com' } },
  { name: 'message id', log: 'mail', query: { messageId: '123456' } },
  { name: 'sender address', log: 'mail', query: { sender: 'invoice.77@dom123' } },
  { name: 'sender domain', log: 'mail', query: { sender: '@dom4711.' } },
  { name: 'recipient', log: 'mail', query: { recipient: 'user12345@here' } },
  { name: 'recipient, all have it', log: 'mail', query: { recipient: '@here.example' } },
  { name: 'subject: CJK pair, rare', log: 'mail', query: { subject: '麒麟' } },
  { name: 'subject: CJK pair, common', log: 'mail', query: { subject: '发票' } },
  { name: 'subject: CJK four', log: 'mail', query: { subject: '会议发票' } },
  { name: 'subject: two letters, common', log: 'mail', query: { subject: 'or' } },
  { name: 'subject: two letters, absent', log: 'mail', query: { subject: 'qj' } },
  { name: 'source address', log: 'mail', query: { source: '10.200.100.' } },
  { name: 'action and subject', log: 'mail', query: { action: 'quarantine', subject: 'quixotic' } },
  { name: 'action never seen', log: 'mail', query: { action: 'discard' } },
  { name: 'one hour', log: 'mail', query: { sinceTime: START_MS + 3_600_000, untilTime: START_MS + 7_200_000 } },
  {
    name: 'hour and sender',
    log: 'mail',
    query: { sinceTime: START_MS + 3_600_000, untilTime: START_MS + 7_200_000, sender: 'order' },
  },
  { name: 'security: category', log: 'security', query: { category: 'virus' } },
  { name: 'security: rare event', log: 'security', query: { event: 'rarest event' } },
  { name: 'security: source', log: 'security', query: { source: '10.77.33.' } },
  { name: 'security: category and sender', log: 'security', query: { category: 'dnsbl', sender: 'contract.5@' } },
];

/** Builds, indexes and searches a log of so many rows in `dir`. */
export async function benchLogs(rows: number, dir: string, say: (line: string) => void): Promise<BenchResult> {
  const state = await openDatabase({ path: join(dir, 'state.db') });
  const store = await openLogStore({
    dir,
    spoolDir: '',
    subjects: 'keep',
    limits: { mailRowsMax: 100_000_000, securityRowsMax: 100_000_000, keepDays: 0, subRuleDays: 30 },
    leases: await openLeases(state),
    clock: systemClock,
    holder: 'bench',
    alert: (code, raised, detail) => (raised ? say(`ALERT ${code} ${detail}`) : undefined),
    onError: (error) => say(String(error)),
  });
  const random = seeded(SEED);
  const buildRowsPerS = await build(store, rows, random, say);
  const indexRowsPerS = await timed(rows, async () => void (await (await store.keeper()).indexNow()));
  say(`indexed at ${indexRowsPerS.toFixed(0)} rows/s`);
  const search = await store.search();
  const hash = createHash('sha256');
  const searches = [];
  for (const { name, log, query } of SEARCHES) searches.push(await measure(search, name, log, query, hash, say));
  const durableRowsPerS = await durableRate(store, rows, random);
  const sizes = await Promise.all(['log.db', 'search.db'].map(async (name) => (await stat(join(dir, name))).size));
  await store.close();
  await state.close();
  const [logBytes = 0, indexBytes = 0] = sizes;
  return {
    rows,
    buildRowsPerS,
    indexRowsPerS,
    durableRowsPerS,
    logBytes,
    indexBytes,
    searches,
    hash: hash.digest('hex').slice(0, 16),
  };
}

async function build(
  store: LogStore,
  rows: number,
  random: () => number,
  say: (line: string) => void,
): Promise<number> {
  return timed(rows, async () => {
    let flight: Promise<void>[] = [];
    for (let n = 0; n < rows; n += 1) {
      flight.push(store.writer.write(inventEvent(n, random)));
      if (flight.length < BUILD_FLIGHT) continue;
      await Promise.all(flight);
      flight = [];
      if ((n + 1) % 200_000 === 0) say(`${String(n + 1)} rows written`);
    }
    await Promise.all(flight);
  });
}

/** Writers that each wait for their row to be on disk before the next: what the mail flow does. */
async function durableRate(store: LogStore, from: number, random: () => number): Promise<number> {
  let next = from;
  return timed(DURABLE_ROWS, async () => {
    await Promise.all(
      Array.from({ length: WRITERS }, async () => {
        while (next < from + DURABLE_ROWS) await store.writer.write(inventEvent(next++, random));
      }),
    );
  });
}

async function timed(count: number, work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (count * 1_000) / (performance.now() - start);
}

async function measure(
  search: LogSearch,
  name: string,
  log: 'mail' | 'security',
  query: Partial<LogQuery>,
  hash: ReturnType<typeof createHash>,
  say: (line: string) => void,
) {
  const times: number[] = [];
  let found = 0;
  let cut = false;
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const start = performance.now();
    const page = await search[log]({ ...query, limit: 50 });
    times.push(performance.now() - start);
    found = page.entries.length;
    cut = page.isCutShort;
    if (repeat === 0 && !cut) hash.update(`${name}:${page.entries.map(({ id }) => id).join()}`);
  }
  times.sort((a, b) => a - b);
  const p50Ms = times[Math.floor(REPEATS / 2)] ?? 0;
  const p95Ms = times[Math.floor(REPEATS * 0.95)] ?? 0;
  say(
    `${name.padEnd(32)} ${String(found).padStart(4)} found  p50 ${p50Ms.toFixed(1).padStart(8)} ms  p95 ${p95Ms.toFixed(1).padStart(8)} ms${cut ? '  cut short by its budget' : ''}`,
  );
  return { name, found, p50Ms, p95Ms };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rows: { type: 'string', default: '100000' }, dir: { type: 'string' } } });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const dir = values.dir ?? (await mkdtemp(join(tmpdir(), 'weir-bench-logs-')));
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const result = await benchLogs(Number(values.rows), dir, say);
  if (values.dir === undefined) await rm(dir, { recursive: true, force: true });
  const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(0);
  say(
    `rows ${String(result.rows)}: built ${result.buildRowsPerS.toFixed(0)}/s, indexed ${result.indexRowsPerS.toFixed(0)}/s`,
  );
  say(`durable, ${String(WRITERS)} writers: ${result.durableRowsPerS.toFixed(0)} rows/s`);
  say(`log ${mib(result.logBytes)} MiB, index ${mib(result.indexBytes)} MiB, hash ${result.hash}`);
}

if (process.argv[1]?.endsWith('/bench/logs.js') === true) await main();
