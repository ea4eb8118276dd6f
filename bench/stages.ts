// What each stage costs: CPU time and latency per message, with DNS answers from a cold and from a warm cache. Two loads:
// signed mail of 10 KB made here, and a sample of the labelled mail; the DNS server is a process of its own.
//   node dist/bench/stages.js [--step 20] [--rounds 3] [--signed 300]   (WEIR_DATA names the data folder)
// Each stage runs alone on fresh views of each message, so what it makes the view work out counts for it.
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';
import { parseConfiguration } from '../config/load.js';
import { formatProblem } from '../config/problem.js';
import { STAGES } from '../filters/index.js';
import { parseMessage } from '../message/parse.js';
import { systemClock } from '../outside/clock.js';
import { createResolver, type DnsResolver } from '../outside/dns-resolver.js';
import { createPipeline } from '../pipeline/run.js';
import { SECTIONS } from '../programs/sections.js';
import { startDns, type DnsRecords } from '../test/ground/dns.js';
import { makeTransaction } from '../test/ground/transaction.js';

/** Where the signed mail comes from. */
const DOMAIN = 'signed.test';
const SELECTOR = 'bench';
const CLIENT = '203.0.113.77';
/** Size of one signed message, bytes. */
const SIGNED_BYTES = 10_000;
/** A list that knows nobody: the questions are asked all the same. */
const LIST_ZONE = 'list.test';

const DEFAULTS = { step: '20', rounds: '3', signed: '300' };

/** Figures of one stage over one load; ms per message. */
export interface StageFigures {
  readonly stage: string;
  readonly coldCpuMs: number;
  readonly warmCpuMs: number;
  readonly coldP50Ms: number;
  readonly coldP99Ms: number;
  readonly warmP50Ms: number;
  readonly warmP99Ms: number;
  /** Over all findings, so that no work is skipped or changed. */
  readonly hash: string;
}

interface Pass {
  readonly cpuMs: number;
  readonly latencies: readonly number[];
  readonly hash: string;
}

/** Runs every stage that needs no other server alone, and all of them together. */
export async function benchStages(
  raws: readonly Buffer[],
  dnsAddress: string,
  rounds: number,
): Promise<readonly StageFigures[]> {
  const names = STAGES.map(({ spec }) => spec.name).filter((name) => name !== 'antivirus');
  const figures: StageFigures[] = [];
  for (const on of [...names.map((name) => [name]), names]) {
    const stage = on.length === 1 ? (on[0] ?? '') : 'all together';
    figures.push(await benchStage(stage, on, raws, dnsAddress, rounds));
  }
  return figures;
}

async function benchStage(
  stage: string,
  on: readonly string[],
  raws: readonly Buffer[],
  dnsAddress: string,
  rounds: number,
): Promise<StageFigures> {
  const passes: { cold: Pass; warm: Pass }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const resolver = createResolver({ servers: [dnsAddress] }, { clock: systemClock });
    try {
      const cold = await runPass(on, raws, resolver);
      passes.push({ cold, warm: await runPass(on, raws, resolver) });
    } finally {
      resolver.close();
    }
  }
  // The first round is the compiler's.
  const [, ...counted] = passes;
  const hashes = new Set(passes.flatMap(({ cold, warm }) => [cold.hash, warm.hash]));
  if (hashes.size !== 1) throw new Error(`${stage}: passes gave different findings`);
  const best = (pick: (pass: { cold: Pass; warm: Pass }) => number) => Math.min(...counted.map(pick));
  return {
    stage,
    coldCpuMs: best(({ cold }) => cold.cpuMs) / raws.length,
    warmCpuMs: best(({ warm }) => warm.cpuMs) / raws.length,
    coldP50Ms: best(({ cold }) => quantile(cold.latencies, 0.5)),
    coldP99Ms: best(({ cold }) => quantile(cold.latencies, 0.99)),
    warmP50Ms: best(({ warm }) => quantile(warm.latencies, 0.5)),
    warmP99Ms: best(({ warm }) => quantile(warm.latencies, 0.99)),
    hash: [...hashes][0] ?? '',
  };
}

/** Every message once, one after the other; CPU time is this process's, the collector's included. */
async function runPass(on: readonly string[], raws: readonly Buffer[], resolver: DnsResolver): Promise<Pass> {
  const pipeline = await createPipeline(STAGES, configurationFor(on), {
    clock: systemClock,
    resolver,
    countries: null,
    state: null,
    alert: () => undefined,
  });
  const hash = createHash('sha256');
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  for (const raw of raws) {
    const startedMs = performance.now();
    const result = await pipeline.scan({
      message: parseMessage(raw),
      transaction: transactionOf(raw),
      directions: ['received'],
      signal: new AbortController().signal,
    });
    latencies.push(performance.now() - startedMs);
    hash.update(JSON.stringify([result.findings.map(({ id, score }) => [id, score]), result.broken]));
  }
  const { user, system } = process.cpuUsage(cpu);
  await pipeline.close();
  return { cpuMs: (user + system) / 1_000, latencies, hash: hash.digest('hex').slice(0, 12) };
}

function configurationFor(on: readonly string[]) {
  const stages = STAGES.map(({ spec: { name } }) => `${name}:\n  enabled: ${String(on.includes(name))}\n`).map(
    (text) =>
      text.startsWith('lists:') ? `${text}  sites:\n    - { list: ${LIST_ZONE}, ask: [client, sender, url] }\n` : text,
  );
  const loaded = parseConfiguration(SECTIONS, stages.join(''), 'bench');
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  return loaded.configuration;
}

/** The envelope that a mail's own header names. */
function transactionOf(raw: Buffer) {
  const sender = parseMessage(raw).addresses('From')[0]?.address ?? '';
  return makeTransaction(raw, { mailFrom: sender, connection: { clientAddress: CLIENT, helo: `mail.${DOMAIN}` } });
}

/** Mail of 10 KB, each another text, signed by RSA with 2048 bits; and what DNS says of its domain. */
async function makeSigned(count: number): Promise<{ raws: readonly Buffer[]; records: DnsRecords }> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const raws: Buffer[] = [];
  for (let index = 0; index < count; index++) raws.push(await sign(signedMail(index), privateKey));
  const records: DnsRecords = {
    txt: {
      [DOMAIN]: [`v=spf1 a:mail.${DOMAIN} ip4:${CLIENT} -all`],
      [`${SELECTOR}._domainkey.${DOMAIN}`]: [`v=DKIM1; k=rsa; p=${key}`],
      [`_dmarc.${DOMAIN}`]: ['v=DMARC1; p=reject'],
    },
    a: { [`mail.${DOMAIN}`]: ['203.0.113.76'], [`2.0.0.127.${LIST_ZONE}`]: ['127.0.0.2'] },
  };
  return { raws, records };
}

function signedMail(index: number): Buffer {
  const head = [
    `Received: from away.test (away.test [203.0.113.${String(index % 200)}]) by mail.${DOMAIN}; Sat, 21 Nov 2026 10:00:00 +0000`,
    `From: Sender ${String(index)} <a${String(index)}@${DOMAIN}>`,
    'To: b@house.test',
    `Subject: Minutes of meeting ${String(index)}`,
    `Message-ID: <${String(index)}@${DOMAIN}>`,
    'Date: Sat, 21 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
  ].join('\r\n');
  const line = `Point ${String(index)}: we looked at the figures and agreed to meet again next week.\r\n`;
  return Buffer.from(`${head}\r\n\r\n${line.repeat(Math.ceil((SIGNED_BYTES - head.length) / line.length))}`);
}

async function sign(raw: Buffer, privateKey: KeyObject): Promise<Buffer> {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const { signatures, errors } = await dkimSign(raw, {
    canonicalization: 'relaxed/relaxed',
    signingDomain: DOMAIN,
    selector: SELECTOR,
    privateKey: pem,
  });
  if (errors.length > 0) throw new Error('signing failed');
  return Buffer.concat([Buffer.from(signatures), raw]);
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? 0;
}

function print(title: string, raws: readonly Buffer[], figures: readonly StageFigures[]): void {
  const bytes = raws.reduce((sum, raw) => sum + raw.length, 0);
  console.log(`\n${title}: ${raws.length} messages, mean ${(bytes / raws.length / 1_000).toFixed(1)} KB`);
  console.log('                 CPU ms a message   latency ms, cold   latency ms, warm');
  console.log('stage              cold     warm      p50      p99      p50      p99   findings');
  for (const one of figures) {
    const numbers = [one.coldCpuMs, one.warmCpuMs, one.coldP50Ms, one.coldP99Ms, one.warmP50Ms, one.warmP99Ms];
    console.log(`${one.stage.padEnd(15)} ${numbers.map((n) => n.toFixed(2).padStart(8)).join(' ')}   ${one.hash}`);
  }
}

/** Every `step`-th message of the manifest, or none where the folder is not there. */
function sampleReal(step: number): readonly Buffer[] {
  const folder = resolve(process.env['WEIR_DATA'] ?? '../shared/data', 'mail');
  const manifest = join(folder, 'manifest.tsv');
  if (!existsSync(manifest)) return [];
  const rows = readFileSync(manifest, 'utf8').trim().split('\n').slice(1);
  return rows
    .filter((_row, index) => index % step === 0)
    .map((row) => readFileSync(join(folder, row.split('\t').at(-1) as string)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { step: { type: 'string' }, rounds: { type: 'string' }, signed: { type: 'string' } },
  });
  const given = { ...DEFAULTS, ...values };
  const directory = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  const { raws, records } = await makeSigned(Number(given.signed));
  const dns = await startDns(directory, records);
  try {
    print('Signed mail', raws, await benchStages(raws, dns.address, Number(given.rounds)));
    const real = sampleReal(Number(given.step));
    if (real.length === 0) console.error('no real mail: set WEIR_DATA');
    else print('Real mail', real, await benchStages(real, dns.address, Number(given.rounds)));
  } finally {
    await dns.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
