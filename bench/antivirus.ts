// How many contents a second go through clamd, and by which client: our own INSTREAM client, the npm package clamscan,
// and clamdscan where it is installed. Starts a private clamd when none is named.
//   node dist/bench/antivirus.js [unix:/path | tcp:host:port]
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Value } from 'typebox/value';
import { scanByStream, type AskLimits } from '../filters/antivirus/clamd-client.js';
import { scanByPackage } from '../filters/antivirus/package-client.js';
import { parseServerAddress, type ServerAddress } from '../filters/antivirus/server-address.js';
import type { ScanReply } from '../filters/antivirus/reply.js';
import { antivirusSettings } from '../filters/antivirus/settings.js';
import { antivirusStage } from '../filters/antivirus/stage.js';
import type { Transaction } from '../message/envelope.js';
import { parseMessage } from '../message/parse.js';
import { FILES_ON_DISK } from '../config/attached.js';
import { systemClock } from '../outside/clock.js';
import type { MessageJob } from '../pipeline/stage.js';

/** Size of one content, bytes: a common mail. */
const CONTENT_BYTES = 6_000;
const AT_ONCE = [1, 4];
const CLAMDSCAN = '/usr/bin/clamdscan';

type ScanOne = (server: ServerAddress, content: Buffer, limits: AskLimits) => Promise<ScanReply>;

export interface BenchLine {
  readonly client: string;
  readonly atOnce: number;
  readonly scansPerSecond: number;
  readonly cpuMsPerScan: number;
  /** Of all answers in order, so that no work is skipped. */
  readonly hash: string;
}

/** Runs `scans` scans per client and width; each content differs, so that clamd's own cache serves nobody. */
export async function benchAntivirus(server: ServerAddress, scans: number): Promise<readonly BenchLine[]> {
  const lines: BenchLine[] = [];
  const clients: readonly (readonly [string, ScanOne])[] = [
    ['own client', scanByStream],
    ['clamscan package', scanByPackage],
  ];
  for (const atOnce of AT_ONCE) {
    for (const [round, [client, scan]] of clients.entries()) {
      const contents = makeContents(scans, `${atOnce}/${round}`);
      lines.push(await measure(client, atOnce, contents, (content, limits) => scan(server, content, limits)));
    }
  }
  return lines;
}

async function measure(
  client: string,
  atOnce: number,
  contents: readonly Buffer[],
  scan: (content: Buffer, limits: AskLimits) => Promise<ScanReply>,
): Promise<BenchLine> {
  const limits = { connectTimeoutMs: 5_000, timeoutMs: 30_000, signal: new AbortController().signal };
  const answers: string[] = [];
  let next = 0;
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const lane = async () => {
    for (let index = next++; index < contents.length; index = next++) {
      answers[index] = (await scan(contents[index] ?? Buffer.alloc(0), limits)).kind;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const seconds = (performance.now() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    client,
    atOnce,
    scansPerSecond: Math.round(contents.length / seconds),
    cpuMsPerScan: Math.round((user + system) / contents.length) / 1_000,
    hash: createHash('sha256').update(answers.join()).digest('hex').slice(0, 12),
  };
}

/**
 * The whole stage over `count` mails of one text and one file each, four at a time: first all new to it, then the same
 * again, when every content is remembered as clean.
 */
export async function benchStage(server: string, count: number): Promise<readonly BenchLine[]> {
  const settings = { ...Value.Create(antivirusSettings), engine: 'clamd' as const, server };
  const stage = await antivirusStage.create(
    settings,
    { clock: systemClock, resolver: null, countries: null, state: null, alert: () => undefined },
    FILES_ON_DISK,
  );
  const mails = makeContents(count, 'stage').map((content) => makeMail(content));
  const scan = async (content: Buffer): Promise<ScanReply> => {
    const report = await stage.onMessage?.(makeJob(content));
    return report?.findings.length === 0 ? { kind: 'clean' } : { kind: 'over-limit' };
  };
  // The version of the signatures is asked behind the first message; from then on results are remembered.
  await scan(makeMail(Buffer.from('warm up')));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const lines = [await measure('stage, new mail', 4, mails, scan), await measure('stage, known mail', 4, mails, scan)];
  await stage.close?.();
  return lines;
}

function makeMail(content: Buffer): Buffer {
  const file = content.toString('base64').replace(/.{76}/g, '$&\r\n');
  const head =
    'From: a@outside.test\r\nSubject: bench\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n';
  const part = 'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  return Buffer.from(`${head}--b\r\n\r\nSee the file.\r\n--b\r\n${part}${file}\r\n--b--\r\n`);
}

function makeJob(content: Buffer): MessageJob {
  const nobody = { address: '', params: new Map<string, string>(), given: '<>' };
  const transaction = {
    mailFrom: nobody,
    rcptTo: [nobody],
    content,
    truncated: false,
    sizeBytes: content.length,
  } as unknown as Transaction;
  return {
    message: parseMessage(content),
    transaction,
    directions: ['received'],
    results: () => undefined,
    early: () => [],
    scoreSoFar: () => 0,
    deadline: performance.now() + 60_000,
    signal: new AbortController().signal,
  };
}

/** Words by a fixed seed, no two contents alike. */
function makeContents(count: number, seed: string): readonly Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const word = createHash('sha256').update(`${seed}/${index}`).digest('hex');
    return Buffer.alloc(CONTENT_BYTES, `${word}\r\n`);
  });
}

/** One process per file: what a filter without a client of its own would do. */
function benchClamdscan(configFile: string, dir: string, scans: number): number {
  const files = makeContents(scans, 'clamdscan').map((content, index) => {
    const path = join(dir, `content-${index}`);
    writeFileSync(path, content);
    return path;
  });
  const startedMs = performance.now();
  for (const file of files) execFileSync(CLAMDSCAN, ['--no-summary', '--stream', `--config-file=${configFile}`, file]);
  return Math.round(scans / ((performance.now() - startedMs) / 1_000));
}

async function main(): Promise<void> {
  const scans = 3_000;
  const [given] = process.argv.slice(2);
  if (given !== undefined) return print(await benchAntivirus(parseServerAddress(given), scans));
  const { startClamd } = await import('../test/ground/clamd.js');
  const dir = mkdtempSync(join(tmpdir(), 'weir-bench-clamd-'));
  const clamd = await startClamd(join(dir, 'clamd'));
  try {
    for (const server of [clamd.unixServer, clamd.tcpServer]) {
      console.log(server.slice(0, server.indexOf(':')));
      print(await benchAntivirus(parseServerAddress(server), scans));
      print(await benchStage(server, 1_500));
    }
    mkdirSync(join(dir, 'files'));
    if (!existsSync(CLAMDSCAN)) console.log('clamdscan: not installed, not measured');
    else
      console.log(
        `clamdscan, one process a file: ${benchClamdscan(join(clamd.dir, 'clamd.conf'), join(dir, 'files'), 100)} scans/s`,
      );
  } finally {
    await clamd.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

function print(lines: readonly BenchLine[]): void {
  for (const { client, atOnce, scansPerSecond, cpuMsPerScan, hash } of lines) {
    console.log(
      `${client.padEnd(18)} ${String(atOnce).padStart(2)} at once ${String(scansPerSecond).padStart(6)} scans/s ${cpuMsPerScan.toFixed(3)} CPU ms/scan  ${hash}`,
    );
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
