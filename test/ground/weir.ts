// Starts the built program `weir serve` with a configuration given as text, in a directory of its own; gives its
// processes, logs and commands. Ends only what it started.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { runCommand, waitUntil, type CommandResult } from './place.js';

const START_TIMEOUT_MS = 60_000;
/** Weir may take its grace and five seconds for its workers, then the same for its admin process. */
const STOP_TIMEOUT_MS = 75_000;
/** Ending that takes longer is told, so that a slow end does not pass unseen. */
const SLOW_STOP_MS = 10_000;
const CONNECT_TIMEOUT_MS = 500;
const COMMAND_TIMEOUT_MS = 60_000;
/** Most lines of a search that tests read. */
const ROWS_MAX = 5_000;
/** A search that found nothing. */
const EXIT_NOTHING_FOUND = 1;

export interface WeirOptions {
  /** Where its configuration is written. */
  readonly directory: string;
  /** YAML. Without a section `resolver` nothing is looked up: no test asks a server that is not its own. */
  readonly config: string;
  /** `unix:/path` or `inet:host:port`: ready is when it takes connections. */
  readonly milter: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A message row of the log, as `weir log search --json` gives it. */
export type LogRow = Readonly<Record<string, unknown>>;

export interface Weir {
  readonly pid: number;
  /** Everything it printed. */
  log(): string;
  /** Process ids of its children now: scan workers and the admin process. */
  children(): readonly number[];
  /** Runs `weir ARGS` with the same configuration. */
  run(args: readonly string[], timeoutMs?: number): Promise<CommandResult>;
  /** Runs `weir ARGS --json` and reads one object a line. */
  rows(args: readonly string[]): Promise<readonly LogRow[]>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then waits for its end; gives the exit code. */
  stop(): Promise<number | null>;
}

/** The program in this checkout. */
export const WEIR_PROGRAM = resolve('bin', 'weir.js');

/** Starts Weir and waits until its milter takes connections. */
export async function startWeir(options: WeirOptions): Promise<Weir> {
  if (!existsSync(resolve('dist', 'programs', 'weir.js'))) throw new Error('dist/ is missing: npm run build');
  const file = join(options.directory, 'weir.yaml');
  writeFileSync(file, withoutLookUps(options.config));
  const env = { ...process.env, ...options.env };
  const child = spawn(process.execPath, [WEIR_PROGRAM, '-c', file, 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = new Server(child, file, env);
  await waitUntil('Weir to take connections', START_TIMEOUT_MS, async () => {
    if (child.exitCode !== null) throw new Error(`weir serve ended with ${child.exitCode}: ${server.log()}`);
    return takesConnections(options.milter);
  });
  return server;
}

/** The configuration with look-ups switched off, unless it speaks of them itself. */
export function withoutLookUps(config: string): string {
  return /^resolver:/m.test(config) ? config : `${config}\nresolver: { enabled: false }\n`;
}

function takesConnections(milter: string): Promise<boolean> {
  const target = milter.startsWith('unix:')
    ? { path: milter.slice('unix:'.length) }
    : { host: '127.0.0.1', port: Number(milter.slice(milter.lastIndexOf(':') + 1)) };
  return new Promise((done) => {
    const socket = connect({ ...target, timeout: CONNECT_TIMEOUT_MS });
    const end = (result: boolean): void => {
      socket.destroy();
      done(result);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

class Server implements Weir {
  readonly pid: number;
  private printed = '';

  constructor(
    private readonly child: ChildProcess,
    private readonly file: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.pid = child.pid ?? 0;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
  }

  log(): string {
    return this.printed;
  }

  children(): readonly number[] {
    return childrenOf(this.pid);
  }

  run(args: readonly string[], timeoutMs = COMMAND_TIMEOUT_MS): Promise<CommandResult> {
    return runCommand(process.execPath, [WEIR_PROGRAM, '-c', this.file, ...args], { env: this.env, timeoutMs });
  }

  async rows(args: readonly string[]): Promise<readonly LogRow[]> {
    const result = await this.run([...args, '--json']);
    if (result.status === EXIT_NOTHING_FOUND && result.stdout === '') return [];
    if (result.status !== 0)
      throw new Error(`weir ${args.join(' ')}: exit ${result.status}: ${result.stderr}${result.stdout}`);
    const lines = result.stdout.split('\n').filter(Boolean).slice(0, ROWS_MAX);
    return lines.map((line) => JSON.parse(line) as LogRow);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async stop(): Promise<number | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const started = performance.now();
      child.kill('SIGTERM');
      await waitUntil('Weir to end', STOP_TIMEOUT_MS, () => child.exitCode !== null || child.signalCode !== null).catch(
        (error: unknown) => {
          child.kill('SIGKILL');
          throw error;
        },
      );
      const tookMs = performance.now() - started;
      if (tookMs > SLOW_STOP_MS) console.warn(`Weir took ${tookMs.toFixed(0)} ms to end`);
    }
    return child.exitCode;
  }
}

/** Direct children of a process, by /proc. */
export function childrenOf(pid: number): readonly number[] {
  const children: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(name);
    if (stat !== null && stat.parent === pid) children.push(Number(name));
  }
  return children;
}

/** Parent of a process, or null when it ended meanwhile. The name in /proc/pid/stat may hold blanks and brackets. */
function readStat(pid: string): { readonly parent: number } | null {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return null;
  try {
    const text = readFileSync(file, 'utf8');
    return { parent: Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH' || (error as NodeJS.ErrnoException).code === 'ENOENT')
      return null;
    throw error;
  }
}
