// A private clamd for tests: own folder, own signatures, a UNIX socket and a free loopback port, run as whoever runs the
// tests. It never touches a clamd that is already there. The EICAR test file and the marks below are all it knows.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './packages.js';

/** The EICAR test file, 68 bytes, in pieces so that no scanner stops at this source. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}', 'EICAR', 'H+H*']
  .join('$')
  .replace('EICAR', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!');

/** Found only when a content begins with it: proves that a part was cut out and decoded exactly. */
export const MARK_AT_START = 'WEIR-TEST-VIRUS-AT-START';
/** Found anywhere in a content. */
export const MARK_ANYWHERE = 'WEIR-TEST-VIRUS-ANYWHERE';
/** Found anywhere, under a name that speaks of suspicion only. */
export const MARK_SUSPECT = 'WEIR-TEST-SUSPECT-ANYWHERE';

/** Names under which clamd reports them; it marks signatures that are not its makers' as unofficial. */
export const SIGNATURE_NAMES = {
  eicar: 'Weir.Test.EICAR.UNOFFICIAL',
  atStart: 'Weir.Test.AtStart.UNOFFICIAL',
  anywhere: 'Weir.Test.Anywhere.UNOFFICIAL',
  suspect: 'Heuristics.Phishing.WeirTest.UNOFFICIAL',
} as const;

const START_MAX_MS = 20_000;
const STOP_MAX_MS = 5_000;
const POLL_MS = 30;
/** Address space and processor time of one clamd. */
const MEMORY_MAX_BYTES = 4 * 1024 * 1024 * 1024;
const CPU_MAX_S = 1_800;

/** clamd's own StreamMaxLength and MaxFileSize under test, bytes. */
export const CLAMD_STREAM_MAX_BYTES = 5 * 1024 * 1024;

export interface Clamd {
  readonly socketPath: string;
  readonly port: number;
  readonly pid: number;
  /** `unix:…` and `tcp:…` as the antivirus settings take them. */
  readonly unixServer: string;
  readonly tcpServer: string;
  readonly dir: string;
  /** Adds an own signature (an .ndb line) and has clamd load it; resolves once that is in force. */
  addSignature(name: string, content: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Ends the process, waits for it, and removes its folder. */
  stop(): Promise<void>;
}

/**
 * Starts one in `dir`, which it makes and removes. `settings` are further lines of its clamd.conf. Resolves when PING is
 * answered on both sockets; throws with clamd's own words when it does not come up in time.
 */
export async function startClamd(dir: string, settings: readonly string[] = []): Promise<Clamd> {
  const program = findProgram('clamd');
  if (program === null) throw new Error('clamd is not here: apt-get install clamav-daemon');
  mkdirSync(join(dir, 'db'), { recursive: true });
  mkdirSync(join(dir, 'tmp'), { recursive: true });
  writeFileSync(join(dir, 'db', 'weir.ndb'), signatures());
  const port = await freePort();
  const socketPath = join(dir, 'clamd.sock');
  writeFileSync(join(dir, 'clamd.conf'), configuration(dir, socketPath, port, settings));
  const [command, ...args] = bounded([program, '--config-file', join(dir, 'clamd.conf')]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = gather(child);
  try {
    await untilPong(child, { path: socketPath });
    await untilPong(child, { host: '127.0.0.1', port });
  } catch (error) {
    await end(child);
    throw new Error(`clamd did not come up: ${String(error)}\n${output()}`, { cause: error });
  }
  return {
    socketPath,
    port,
    pid: child.pid ?? 0,
    unixServer: `unix:${socketPath}`,
    tcpServer: `tcp:127.0.0.1:${port}`,
    dir,
    addSignature: async (name, content) => {
      writeFileSync(
        join(dir, 'db', 'weir.ndb'),
        `${readFileSync(join(dir, 'db', 'weir.ndb'), 'latin1')}${signature(name, '*', content)}`,
      );
      await reload({ path: socketPath }, content);
    },
    signal: (name) => void child.kill(name),
    stop: async () => {
      await end(child);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const signature = (name: string, offset: string, content: string) =>
  `${name}:0:${offset}:${Buffer.from(content).toString('hex')}\n`;

const unofficial = (name: string) => name.replace('.UNOFFICIAL', '');

const signatures = () =>
  signature(unofficial(SIGNATURE_NAMES.eicar), '0', EICAR) +
  signature(unofficial(SIGNATURE_NAMES.atStart), '0', MARK_AT_START) +
  signature(unofficial(SIGNATURE_NAMES.anywhere), '*', MARK_ANYWHERE) +
  signature(unofficial(SIGNATURE_NAMES.suspect), '*', MARK_SUSPECT);

/**
 * The command within bounds, where Debian's util-linux is: it dies with the tests that started it, and takes no more
 * memory and processor time than it may. Each of these programs becomes the next, so the process id stays clamd's.
 */
function bounded(command: readonly [string, ...string[]]): readonly [string, ...string[]] {
  const setpriv = findProgram('setpriv');
  const prlimit = findProgram('prlimit');
  const limited =
    prlimit === null ? command : ([prlimit, `--as=${MEMORY_MAX_BYTES}`, `--cpu=${CPU_MAX_S}`, ...command] as const);
  return setpriv === null ? limited : [setpriv, '--pdeathsig', 'KILL', ...limited];
}

/** Lines given replace the ones of the same name here. */
function configuration(dir: string, socketPath: string, port: number, settings: readonly string[]): string {
  const own = [
    `DatabaseDirectory ${join(dir, 'db')}`,
    `TemporaryDirectory ${join(dir, 'tmp')}`,
    `LogFile ${join(dir, 'clamd.log')}`,
    `LocalSocket ${socketPath}`,
    'TCPAddr 127.0.0.1',
    `TCPSocket ${port}`,
    `User ${userInfo().username}`,
    'Foreground yes',
    'MaxThreads 4',
    `StreamMaxLength ${CLAMD_STREAM_MAX_BYTES}`,
    `MaxFileSize ${CLAMD_STREAM_MAX_BYTES}`,
  ];
  const nameOf = (line: string) => line.slice(0, line.indexOf(' ') + 1);
  const kept = own.filter((line) => !settings.some((given) => given.startsWith(nameOf(line))));
  return [...kept, ...settings, ''].join('\n');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The last of what a child says, for the error that tells why it did not come up. */
function gather(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (bytes) => (text = (text + String(bytes)).slice(-4_000)));
  return () => text;
}

type Where = { readonly path: string } | { readonly host: string; readonly port: number };

async function untilPong(child: ChildProcess, where: Where): Promise<void> {
  const until = Date.now() + START_MAX_MS;
  let last = '';
  while (Date.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it ended');
    last = await command(where, Buffer.from('zPING\0'));
    if (last === 'PONG\0') return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`no PONG within ${START_MAX_MS} ms, last answer: ${last}`);
}

/** One command and its answer; an error's code in place of an answer. */
function command(where: Where, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ ...where });
    let answer = '';
    socket.setTimeout(START_MAX_MS, () => socket.destroy());
    socket.on('data', (data) => (answer += data.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) => (answer = error.code ?? 'error'));
    socket.on('close', () => resolve(answer));
    socket.write(bytes);
  });
}

/** RELOAD, then asks until `content` is found. */
async function reload(where: Where, content: string): Promise<void> {
  await command(where, Buffer.from('zRELOAD\0'));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const scan = Buffer.concat([Buffer.from('zINSTREAM\0'), length, Buffer.from(content), Buffer.alloc(4)]);
  const until = Date.now() + START_MAX_MS;
  while (Date.now() < until) {
    if ((await command(where, scan)).endsWith('FOUND\0')) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`clamd has not loaded the new signature within ${START_MAX_MS} ms`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MAX_MS);
  await ended;
  clearTimeout(timer);
}
