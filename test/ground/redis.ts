// A private redis-server for tests: own folder, own port on loopback and UNIX socket. It never touches one that is there.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { findProgram } from './packages.js';
import { findPorts, runCommand, waitUntil } from './place.js';

const START_MAX_MS = 20_000;
const STOP_MAX_MS = 10_000;

export interface PrivateRedis {
  readonly port: number;
  readonly socketPath: string;
  /** As the settings take it. */
  readonly url: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Runs `redis-cli` with these words. */
  ask(...words: readonly string[]): Promise<string>;
  /** Kills it (SIGKILL) and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder; resolves when it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisGround {
  /** Whether everything acknowledged is on disk. Default: nothing ever is. */
  readonly isDurable?: boolean;
  readonly password?: string;
  /** Further words of its command line. */
  readonly settings?: readonly string[];
}

/** Starts one in `directory`. */
export async function startRedis(directory: string, ground: RedisGround = {}): Promise<PrivateRedis> {
  const [port] = await findPorts(1);
  if (port === undefined) throw new Error('no port');
  const redis = new RunningRedis(directory, port, ground);
  await redis.start();
  return redis;
}

class RunningRedis implements PrivateRedis {
  readonly socketPath: string;
  private child: ChildProcess | null = null;

  constructor(
    private readonly directory: string,
    readonly port: number,
    private readonly ground: RedisGround,
  ) {
    this.socketPath = join(directory, 'redis.sock');
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }

  async ask(...words: readonly string[]): Promise<string> {
    const program = findProgram('redis-cli');
    if (program === null) throw new Error('redis-cli is not here: apt-get install redis-server');
    const { password } = this.ground;
    const env = { ...process.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
    return (await runCommand(program, ['-s', this.socketPath, ...words], { env })).stdout.trim();
  }

  async start(): Promise<void> {
    const program = findProgram('redis-server');
    if (program === null) throw new Error('redis-server is not here: apt-get install redis-server');
    const { isDurable, password, settings } = this.ground;
    const keep = isDurable === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
    const words = ['--port', String(this.port), '--bind', '127.0.0.1', '--unixsocket', this.socketPath];
    words.push('--dir', this.directory, '--save', '', '--daemonize', 'no', ...keep, ...(settings ?? []));
    if (password !== undefined) words.push('--requirepass', password);
    this.child = spawn(program, words, { stdio: 'ignore' });
    await waitUntil('redis-server', START_MAX_MS, async () => (await this.ask('PING')) === 'PONG');
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.child?.exitCode !== null || this.child.signalCode !== null) return;
    this.signal('SIGCONT');
    const hard = setTimeout(() => this.signal('SIGKILL'), STOP_MAX_MS);
    await this.end('SIGTERM');
    clearTimeout(hard);
  }

  private async end(name: NodeJS.Signals): Promise<void> {
    if (this.child === null) return;
    const gone = once(this.child, 'exit');
    this.signal(name);
    await gone;
  }
}
