// The health check of the antivirus stage, for `weir doctor`: is there an engine, does it answer, how old are its
// signatures, does it find the industry's test file, and does it hold to the limits we believe it has. It asks; it
// believes no configuration file. The test file stands here in pieces, lest a scanner take this program for a virus.
import { gzipSync } from 'node:zlib';
import type { Clock } from '../../outside/clock.js';
import type { Check } from '../../pipeline/stage.js';
import { showWord } from '../evidence.js';
import { ping, scanByStream, type AskLimits } from './clamd-client.js';
import { asEngineError } from './engine-error.js';
import { DAY_MS } from './engine-state.js';
import { askVersionByPackage, scanByPackage } from './package-client.js';
import type { EngineVersion, ScanReply } from './reply.js';
import type { ServerAddress } from './server-address.js';
import type { AntivirusSettings } from './settings.js';

/** The EICAR anti-malware test file, 68 bytes: harmless, and every engine finds it. */
export const eicarTestFile = (): Buffer =>
  Buffer.from(
    ['X5O!P%@AP[4\\PZX54(P^)7CC)7}', 'EICAR-STANDARD-ANTIVIRUS', 'TEST-FILE!', 'H+H*'].join('$').replace('S$T', 'S-T'),
  );

/** Layers of gzip around the test file: more than clamd unpacks (`MaxRecursion`, 17 by default). */
const NESTED_LAYERS = 60;

/** Longest time of one probe, ms. */
const PROBE_TIMEOUT_MS = 20_000;

export function checkNoEngine(): readonly Check[] {
  return [
    {
      name: 'engine',
      state: 'warn',
      detail: 'off: no mail is scanned for viruses. Install clamav-daemon, then set antivirus.engine to clamd',
    },
  ];
}

/** Asks the engine everything there is to know. Never rejects: a failure is a line. */
export async function checkEngine(
  server: ServerAddress,
  settings: AntivirusSettings,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const limits = { connectTimeoutMs: settings.connectTimeoutMs, timeoutMs: PROBE_TIMEOUT_MS, signal };
  const first = await line('engine', async () => {
    const startedMs = clock.monotonicMs();
    await ping(server, limits);
    return {
      state: 'ok',
      detail: `clamd at ${settings.server} answers in ${(clock.monotonicMs() - startedMs).toFixed(1)} ms`,
    };
  });
  if (first.state === 'fail')
    return [{ ...first, detail: `clamd at ${settings.server} does not answer: ${first.detail}` }];
  return [
    first,
    await line('signatures', async () =>
      judgeVersion(await askVersionByPackage(server, limits), settings, clock.now()),
    ),
    await line('test file', () => checkTestFile(server, limits)),
    await line('size limit', () => checkSizeLimit(server, settings.streamMaxBytes, limits)),
    await line('engine limits', () => checkEngineLimits(server, limits)),
  ];
}

type Judgement = Omit<Check, 'name'>;

async function line(name: string, check: () => Promise<Judgement>): Promise<Check> {
  try {
    return { name, ...(await check()) };
  } catch (error) {
    return { name, state: 'fail', detail: asEngineError(error).message };
  }
}

function judgeVersion(version: EngineVersion, settings: AntivirusSettings, now: number): Judgement {
  if (version.signaturesTime === null) {
    return { state: 'warn', detail: `${version.engine}, only signatures of one's own: run freshclam for ClamAV's` };
  }
  const days = Math.max(0, (now - version.signaturesTime) / DAY_MS);
  const made = new Date(version.signaturesTime).toISOString().slice(0, 16);
  const detail = `${version.engine}, signatures ${version.signatures} of ${made}Z, ${days.toFixed(1)} days old`;
  if (days <= settings.signatureAgeMaxDays) return { state: 'ok', detail };
  return { state: 'warn', detail: `${detail}: is freshclam running?` };
}

/** Our own client and the package's must agree that the test file is infected and a word is clean. */
async function checkTestFile(server: ServerAddress, limits: AskLimits): Promise<Judgement> {
  const clients = [scanByStream, scanByPackage];
  for (const scan of clients) {
    const harmless = await scan(server, Buffer.from('harmless'), limits);
    if (harmless.kind !== 'clean') return { state: 'fail', detail: `a harmless word is called ${describe(harmless)}` };
    const test = await scan(server, eicarTestFile(), limits);
    if (test.kind !== 'infected') {
      return {
        state: 'fail',
        detail: `the EICAR test file is called ${describe(test)}: are there signatures? Run freshclam`,
      };
    }
  }
  return { state: 'ok', detail: 'the EICAR test file is found, a harmless word is not' };
}

/** A mail of exactly the size we would send, the test file at its end: it must be taken, read through and found. */
async function checkSizeLimit(server: ServerAddress, streamMaxBytes: number, limits: AskLimits): Promise<Judgement> {
  const reply = await scanByStream(server, mailOfSize(streamMaxBytes), limits);
  const size = `${streamMaxBytes} bytes (antivirus.streamMaxBytes)`;
  if (reply.kind === 'infected' && !isLimitAlert(reply))
    return { state: 'ok', detail: `mail of ${size} is taken and read to its end` };
  if (reply.kind === 'over-limit') {
    return { state: 'fail', detail: `clamd does not take ${size}: raise StreamMaxLength in clamd.conf` };
  }
  const detail = `clamd takes mail of ${size} but does not read it to its end: raise MaxFileSize and MaxScanSize in clamd.conf`;
  return { state: reply.kind === 'clean' ? 'fail' : 'warn', detail };
}

/** Content nested deeper than clamd looks must not come back as clean (`AlertExceedsMax`). */
async function checkEngineLimits(server: ServerAddress, limits: AskLimits): Promise<Judgement> {
  let nested = eicarTestFile();
  for (let layer = 0; layer < NESTED_LAYERS; layer++) nested = gzipSync(nested);
  const reply = await scanByStream(server, nested, limits);
  if (reply.kind === 'infected')
    return { state: 'ok', detail: `content over clamd's own limits is reported (${describe(reply)})` };
  return {
    state: 'warn',
    detail:
      'clamd calls content over its own limits clean: set `AlertExceedsMax yes` in clamd.conf so that it says so instead',
  };
}

/** A mail of that many bytes whose last part is the test file; never smaller than its frame. */
function mailOfSize(sizeBytes: number): Buffer {
  const head =
    'Subject: size probe\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n';
  const file = eicarTestFile().toString('base64');
  const tail = `\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${file}\r\n--b--\r\n`;
  const fillBytes = Math.max(0, sizeBytes - head.length - tail.length);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(fillBytes, `${'filler '.repeat(10)}\r\n`), Buffer.from(tail)]);
}

const isLimitAlert = (reply: ScanReply) =>
  reply.kind === 'infected' && reply.signature.startsWith('Heuristics.Limits.');

const describe = (reply: ScanReply) =>
  reply.kind === 'infected' ? `infected by ${showWord(reply.signature)}` : reply.kind;
