// Measures mail per second through a real Postfix (smtp-source, private instance, disk queue, discard) without a milter,
// with a no-op libmilter program in C, with Weir's milter layer alone, and with `weir serve` with all stages off, with those
// that listen before the content, or as it is without settings; also of another checkout, to compare two versions. Rounds are interleaved in one run and ratios printed: machine load moves the figures, hardly the ratios.
// Run: node dist/bench/milter.js [--messages 2000] [--rounds 3] [--warmup 2000] [--senders 16] [--only none,layer,serve,trap] [--kind unix|tcp] [--stages off,early,default] [--against CHECKOUT] [--dir DIR] [--cpu-prof]
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Value } from 'typebox/value';
import { STAGES } from '../filters/index.js';
import { createMilterServer } from '../milter/server.js';
import { MILTER_SECTION } from '../milter/settings.js';
import type { StageSpec } from '../pipeline/stage.js';
import { findPorts, mustRun, waitUntil } from '../test/ground/place.js';
import { startPostfix, type Postfix } from '../test/ground/postfix.js';
import { childrenOf } from '../test/ground/weir.js';

type SocketKind = 'unix' | 'tcp';
const STAGE_CHOICES = ['off', 'early', 'default'] as const;
type StageChoice = (typeof STAGE_CHOICES)[number];

/** One thing measured. */
interface Contestant {
  readonly name: string;
  readonly kind: SocketKind | 'none';
  /** `unix:/path` or `inet:127.0.0.1:port`; '' without a milter. */
  readonly address: string;
  readonly port: number;
  /** Process whose CPU time counts, children included. */
  readonly pid: number;
  readonly rates: number[];
  readonly cpuMs: number[];
}

export interface MilterBenchOptions {
  readonly messages: number;
  readonly rounds: number;
  /** Messages each contestant gets before anything counts: a server that has run for days is what is compared. */
  readonly warmup: number;
  readonly senders: number;
  readonly sizeBytes: number;
  readonly only: readonly string[];
  readonly kinds: readonly SocketKind[];
  /** Which stages `weir serve` has on, one contestant for each. */
  readonly stages: readonly StageChoice[];
  /** Another checkout, built, whose `weir serve` runs beside this one's. */
  readonly against: string | null;
  readonly directory: string;
  readonly cpuProf: boolean;
}

export interface MilterBenchRow {
  readonly name: string;
  readonly kind: string;
  /** Median over the rounds. */
  readonly messagesPerS: number;
  readonly cpuMsPerMessage: number;
  /** Against the no-op on the same kind of socket, better of its two ways; null where there is none. */
  readonly ratio: number | null;
}

const CLOCK_TICK_MS = 10;
const ROUND_TIMEOUT_MS = 300_000;
const HEADER_COUNT = 20;

/** Runs the whole comparison. */
export async function benchMilter(options: MilterBenchOptions): Promise<MilterBenchRow[]> {
  const children: ChildProcess[] = [];
  let postfix: Postfix | null = null;
  try {
    const contestants = await startContestants(options, children);
    postfix = await startPostfix({
      name: 'bench',
      directory: options.directory,
      listeners: contestants.map(({ port, address }) => ({
        address: `127.0.0.1:${port}`,
        options: { smtpd_milters: address },
      })),
      main: { default_transport: 'discard:', relay_transport: 'discard:', milter_default_action: 'tempfail' },
    });
    const mail = writeMail(options);
    for (const contestant of contestants)
      await runRound(contestant, { ...options, messages: options.warmup }, mail, postfix);
    for (const contestant of contestants) contestant.rates.length = contestant.cpuMs.length = 0;
    for (let round = 0; round < options.rounds; round += 1) {
      for (const contestant of contestants) await runRound(contestant, options, mail, postfix);
    }
    return summary(contestants);
  } finally {
    await postfix?.stop();
    for (const child of children) await ended(child);
  }
}

async function startContestants(options: MilterBenchOptions, children: ChildProcess[]): Promise<Contestant[]> {
  const { directory } = options;
  const wanted = (name: string): boolean => options.only.length === 0 || options.only.includes(name);
  const ports = await findPorts(16);
  let used = 0;
  const port = (): number => ports[used++] ?? 0;
  const contestants: Contestant[] = [];
  const enter = (name: string, kind: SocketKind | 'none', address: string, pid: number): void =>
    void contestants.push({ name, kind, address, port: port(), pid, rates: [], cpuMs: [] });
  if (wanted('none')) enter('no milter', 'none', '', 0);
  const noop = join(directory, 'noop-milter');
  await mustRun('cc', ['-O2', '-o', noop, resolve('bench/peers/noop-milter.c'), '-lmilter', '-lpthread']);
  for (const kind of options.kinds) {
    const address = (name: string): string =>
      kind === 'unix' ? `unix:${join(directory, name)}` : `inet:127.0.0.1:${port()}`;
    const start = async (name: string, at: string, file: string, args: readonly string[]): Promise<void> => {
      const output = openSync(join(directory, 'servers.log'), 'a');
      const child = spawn(file, args, { stdio: ['ignore', output, output] });
      closeSync(output);
      children.push(child);
      await waitUntil(`${name} to listen`, 30_000, () => takesConnections(at));
      enter(name, kind, at, child.pid ?? 0);
    };
    for (const way of kind === 'unix' ? ['silent', 'replies'] : ['replies']) {
      const at = address(`noop-${way}`);
      await start(`no-op in C, ${way}`, at, noop, [at.replace(/^inet:([^:]+):(\d+)$/, 'inet:$2@$1'), way]);
    }
    const profile = options.cpuProf ? ['--cpu-prof', `--cpu-prof-dir=${join(directory, 'profiles')}`] : [];
    if (wanted('layer')) {
      const at = address('layer');
      await start('Weir, milter layer alone', at, process.execPath, [
        ...profile,
        fileURLToPath(import.meta.url),
        '--layer',
        at,
      ]);
    }
    if (kind === 'tcp' && options.only.includes('trap')) {
      const at = address('trap');
      await start('Weir, milter layer, silent', at, process.execPath, [
        fileURLToPath(import.meta.url),
        '--layer',
        at,
        '--silent',
      ]);
    }
    const checkouts = [['', '.'], ...(options.against === null ? [] : [['other ', options.against]])] as const;
    for (const stages of wanted('serve') ? options.stages : [])
      for (const [prefix = '', checkout = '.'] of checkouts) {
        const at = address(`${prefix.trim()}serve-${stages}`);
        const switches = await switchesFor(checkout, stages);
        const file = writeConfig(directory, `${prefix.trim()}${kind}-${stages}`, at, switches);
        const program = resolve(checkout, 'bin/weir.js');
        const args = [...profile, program, '-c', file, 'serve'];
        await start(`${prefix}weir serve, stages ${stages}`, at, process.execPath, args);
      }
  }
  return contestants;
}

function writeConfig(directory: string, name: string, address: string, switches: string): string {
  const data = join(directory, `data-${name}`);
  mkdirSync(data);
  const file = join(directory, `weir-${name}.yaml`);
  writeFileSync(
    file,
    `milter:\n  listen: ['${address}']\n  socketMode: '0666'\nverdict:\n  headers: none\nstorage:\n  dir: ${data}\n${switches}`,
  );
  return file;
}

/** Settings that switch off what is not chosen, of the stages which that checkout has. */
async function switchesFor(checkout: string, choice: StageChoice): Promise<string> {
  const list = resolve(checkout, 'dist/filters/index.js');
  const stages = checkout === '.' ? STAGES : ((await import(list)) as { STAGES: typeof STAGES }).STAGES;
  const off = stages.filter(({ spec }) => isOff(spec, choice));
  return off.map(({ spec }) => `${spec.name}:\n  enabled: false\n`).join('');
}

function isOff({ runsAt }: StageSpec, choice: StageChoice): boolean {
  return choice === 'off' || (choice === 'early' && runsAt.every((moment) => moment === 'message'));
}

/** Invented mail: some twenty header fields, dull body. */
function writeMail(options: MilterBenchOptions): string {
  const fields = [
    'From: Alice <alice@away.test>',
    'To: Bob <bob@house.test>',
    'Subject: minutes of the meeting',
    'Date: Mon, 2 Mar 2026 10:00:00 +0000',
  ];
  while (fields.length < HEADER_COUNT)
    fields.push(`X-Field-${fields.length}: some value of an ordinary length, as mail has`);
  const line = 'All lines of this body are alike, since nothing here looks at them.\n';
  const body = line.repeat(Math.ceil(options.sizeBytes / line.length));
  const file = join(options.directory, 'mail.eml');
  writeFileSync(file, `${fields.join('\n')}\n\n${body}`);
  return file;
}

/** One round: all messages in, and as many delivered to the discard transport by Postfix's own log. */
async function runRound(
  contestant: Contestant,
  options: MilterBenchOptions,
  mail: string,
  postfix: Postfix,
): Promise<void> {
  const before = countDelivered(postfix);
  const cpuBefore = cpuMs(contestant.pid);
  const started = performance.now();
  const args = [
    '-s',
    `${options.senders}`,
    '-m',
    `${options.messages}`,
    '-F',
    mail,
    '-f',
    'alice@away.test',
    '-t',
    'bob@house.test',
  ];
  await mustRun('smtp-source', [...args, `inet:127.0.0.1:${contestant.port}`], { timeoutMs: ROUND_TIMEOUT_MS });
  const seconds = (performance.now() - started) / 1000;
  await waitUntil(
    'all mail to be delivered',
    ROUND_TIMEOUT_MS,
    () => countDelivered(postfix) >= before + options.messages,
  );
  contestant.rates.push(options.messages / seconds);
  contestant.cpuMs.push((cpuMs(contestant.pid) - cpuBefore) / options.messages);
}

function countDelivered(postfix: Postfix): number {
  return postfix.log().split('status=sent').length - 1;
}

/** User and system time of a process and its children, ms. */
function cpuMs(pid: number): number {
  if (pid === 0) return 0;
  let ticks = 0;
  for (const one of [pid, ...childrenOf(pid)]) {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * CLOCK_TICK_MS;
}

function summary(contestants: readonly Contestant[]): MilterBenchRow[] {
  const best = new Map<string, number>();
  for (const one of contestants) {
    if (one.name.startsWith('no-op')) best.set(one.kind, Math.max(best.get(one.kind) ?? 0, median(one.rates)));
  }
  return contestants.map((one) => ({
    name: one.name,
    kind: one.kind,
    messagesPerS: median(one.rates),
    cpuMsPerMessage: median(one.cpuMs),
    ratio: one.name.toLowerCase().includes('weir') ? median(one.rates) / (best.get(one.kind) ?? Number.NaN) : null,
  }));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function takesConnections(address: string): Promise<boolean> {
  const inet = /^inet:(.+):(\d+)$/.exec(address);
  return new Promise((done) => {
    const socket = inet === null ? connect(address.slice('unix:'.length)) : connect(Number(inet[2]), inet[1]);
    socket.once('connect', () => done(socket.destroy().destroyed));
    socket.once('error', () => done(false));
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(late);
}

/** The milter layer with a handler that accepts everything: what the protocol itself costs. */
async function serveLayer(address: string, noReply: 'auto' | 'always'): Promise<void> {
  const settings = Value.Default(MILTER_SECTION.schema, { listen: [address], socketMode: '0666', noReply });
  Value.Assert(MILTER_SECTION.schema, settings);
  const server = createMilterServer(settings, { onMessage: async () => ({ answer: { kind: 'accept', edits: [] } }) });
  await server.listen();
  process.on('SIGTERM', () => void server.close(1_000).then(() => process.exit(0)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      layer: { type: 'string' },
      silent: { type: 'boolean', default: false },
      messages: { type: 'string', default: '2000' },
      warmup: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '3' },
      senders: { type: 'string', default: '16' },
      size: { type: 'string', default: '10240' },
      only: { type: 'string', default: '' },
      kind: { type: 'string', default: '' },
      stages: { type: 'string', default: 'off' },
      against: { type: 'string' },
      dir: { type: 'string' },
      'cpu-prof': { type: 'boolean', default: false },
    },
  });
  if (values.layer !== undefined) return serveLayer(values.layer, values.silent ? 'always' : 'auto');
  const directory = mkdtempSync(join(values.dir ?? tmpdir(), 'weir-bench-milter-'));
  chmodSync(directory, 0o755);
  const only = values.only.split(',').filter(Boolean);
  const numbers = {
    messages: Number(values.messages),
    rounds: Number(values.rounds),
    warmup: Number(values.warmup),
    senders: Number(values.senders),
  };
  const rows = await benchMilter({
    ...numbers,
    sizeBytes: Number(values.size),
    only,
    kinds: (['unix', 'tcp'] as const).filter((kind) => values.kind === '' || values.kind === kind),
    stages: STAGE_CHOICES.filter((choice) => values.stages.split(',').includes(choice)),
    against: values.against ?? null,
    directory,
    cpuProf: values['cpu-prof'],
  });
  for (const row of rows) {
    const ratio = row.ratio === null ? '' : `${(row.ratio * 100).toFixed(1)} % of the no-op`;
    const figures = `${row.messagesPerS.toFixed(0).padStart(6)} msg/s  ${row.cpuMsPerMessage.toFixed(2)} ms CPU`;
    process.stdout.write(`${row.kind.padEnd(5)} ${row.name.padEnd(32)} ${figures}  ${ratio}\n`);
  }
  if (values['cpu-prof']) process.stdout.write(`profiles in ${join(directory, 'profiles')}\n`);
  else rmSync(directory, { recursive: true, force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
