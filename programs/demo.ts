// The demonstration (`npm run demo`): starts Weir on embedded defaults in a folder of its own, hands it a dozen invented
// messages through the real milter socket, prints each verdict with its reasons, and shows quarantine and outbox.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { MessageEvent } from '../logs/event.js';
import { submitMessage, type Outcome } from '../milter/client.js';
import { DEMO_MAIL, DEMO_VERDICT_YAML, type DemoMail } from './demo-mail.js';
import { findingLines, shown } from './verdict-lines.js';

const START_WAIT_MS = 30_000;
const STOP_WAIT_MS = 15_000;
const TRY_EVERY_MS = 50;
const OUTPUT_MAX_BYTES = 4_194_304;

const WEIR = fileURLToPath(new URL('../../bin/weir.js', import.meta.url));

/** The mail as if written now: an old Date would be a finding of its own. */
function dated(lines: readonly string[]): readonly string[] {
  const now = new Date().toUTCString().replace('GMT', '+0000');
  return lines.map((line) => line.replace('{now}', now));
}

/** Where the demonstration keeps its things. */
interface Place {
  readonly folder: string;
  readonly config: string;
  readonly socket: string;
}

async function runDemo(): Promise<void> {
  const place = await makePlace();
  say(`Weir starts with embedded defaults; its files lie in ${place.folder}\n`);
  const server = startServer(place);
  try {
    await waitForSocket(place, server.child);
    say(`Sending ${DEMO_MAIL.length} messages through the milter socket, as Postfix would.\n`);
    const outcomes: Outcome[] = [];
    for (const [index, mail] of DEMO_MAIL.entries()) {
      outcomes.push(await submitMessage({ path: place.socket }, submissionOf(index + 1, mail)));
    }
    await showVerdicts(outcomes, place);
    await showStores(place);
  } catch (error) {
    say(server.output());
    throw error;
  } finally {
    await stopServer(server.child);
    await rm(place.folder, { recursive: true, force: true });
  }
  say('Weir has stopped and its files are removed. Next: README.md, "Put it in front of Postfix".');
}

async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-demo-'));
  const place = { folder, config: join(folder, 'weir.yaml'), socket: join(folder, 'milter.sock') };
  const lines = [
    `storage:\n  dir: ${join(folder, 'data')}\n  freeAlertBytes: 0\n  freeTempfailBytes: 0`,
    `milter:\n  listen: ["unix:${place.socket}"]`,
    'directions:\n  ownDomains: [house.example]',
    'processes:\n  workers: 1',
    'resolver:\n  enabled: false',
    DEMO_VERDICT_YAML,
  ];
  await writeFile(place.config, lines.join('\n'));
  return place;
}

function startServer({ config }: Place): { child: ChildProcess; output(): string } {
  const child = spawn(process.execPath, [WEIR, '-c', config, 'serve'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer) => void (output = (output + chunk.toString()).slice(-OUTPUT_MAX_BYTES));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return { child, output: () => output };
}

async function waitForSocket({ socket }: Place, child: ChildProcess): Promise<void> {
  const probe = { ...submissionOf(0, DEMO_MAIL[0] as DemoMail), rcptTo: [] };
  for (const until = Date.now() + START_WAIT_MS; Date.now() < until; await sleep(TRY_EVERY_MS)) {
    if (child.exitCode !== null) throw new Error(`weir serve ended with exit code ${child.exitCode}`);
    const up = await submitMessage({ path: socket }, probe).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED',
    );
    if (up) return;
  }
  throw new Error('weir serve did not open its socket in time');
}

function submissionOf(number: number, mail: DemoMail) {
  return {
    clientAddress: mail.clientAddress,
    clientName: 'client.example',
    helo: 'client.example',
    queueId: queueIdOf(number),
    mailFrom: mail.mailFrom,
    rcptTo: mail.rcptTo,
    content: Buffer.from(`${dated(mail.lines).join('\r\n')}\r\n`, 'latin1'),
  };
}

async function showVerdicts(outcomes: readonly Outcome[], place: Place): Promise<void> {
  const limit = String(DEMO_MAIL.length);
  const events = await readJson<MessageEvent>(place, ['log', 'search', '--limit', limit, '--json']);
  for (const [index, mail] of DEMO_MAIL.entries()) {
    const event = events.find(({ queueId }) => queueId === queueIdOf(index + 1));
    const outcome = outcomes[index];
    if (!event || !outcome) throw new Error(`message ${index + 1} is not in the log`);
    showVerdict(`${String(index + 1).padStart(2)}. ${mail.title}`, event, outcome);
  }
}

function showVerdict(title: string, event: MessageEvent, outcome: Outcome): void {
  say(title);
  for (const recipient of event.recipients) {
    const kept = recipient.quarantineId === null ? '' : `, kept as ${recipient.quarantineId}`;
    say(`    ${recipient.address.padEnd(20)} ${recipient.action.padEnd(10)} score ${recipient.score}${kept}`);
  }
  for (const line of findingLines(event)) say(`  ${line}`);
  say(`    → ${tell(outcome)}  (${event.totalMs} ms)\n`);
}

const queueIdOf = (number: number) => `DEMO${number}`;

function tell(outcome: Outcome): string {
  if (outcome.text !== null) return `Postfix answers the sender: ${shown(outcome.text)}`;
  if (outcome.reply === 'SMFIR_DISCARD') return 'Postfix takes it and delivers nothing';
  const status = outcome.headers.find(({ name }) => name === 'X-Spam-Status')?.value.split('\n')[0] ?? '';
  const without =
    outcome.deletedRecipients.length === 0 ? '' : `, without ${outcome.deletedRecipients.map(shown).join(' ')}`;
  return `Postfix delivers it${without}, with X-Spam-Status: ${shown(status)}`;
}

async function showStores(place: Place): Promise<void> {
  say('$ weir quarantine list');
  say(await runWeir(place, ['quarantine', 'list']));
  say('$ weir outbox list      (copies and notices; the demonstration has no mail server to take them)');
  say(await runWeir(place, ['outbox', 'list']));
}

async function runWeir({ config }: Place, words: readonly string[]): Promise<string> {
  const { stdout: text } = await promisify(execFile)(process.execPath, [WEIR, '-c', config, ...words], {
    maxBuffer: OUTPUT_MAX_BYTES,
  });
  return text;
}

async function readJson<T>(place: Place, words: readonly string[]): Promise<readonly T[]> {
  const text = await runWeir(place, words);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const late = sleep(STOP_WAIT_MS, 'late', { ref: false });
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL');
}

function say(text: string): void {
  stdout.write(`${text}\n`);
}

await runDemo();
