// A directory of a test's own, and what every private server needs: free loopback ports, a bounded wait, a bounded
// command. Nothing here touches a path or port outside that directory and loopback.
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How often a wait looks again, ms. */
const POLL_MS = 25;
/** Longest a command may run unless told otherwise, ms. */
const COMMAND_TIMEOUT_MS = 30_000;
/** Most output of a command that is kept, bytes. */
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;

/** A directory of a test's own. */
export interface Place {
  readonly directory: string;
  remove(): void;
}

/** Makes an empty directory that every user may enter (servers change their user). `WEIR_KEEP=1` keeps it for looking at. */
export function makePlace(name: string): Place {
  const directory = mkdtempSync(join(tmpdir(), `weir-${name}-`));
  chmodSync(directory, 0o755);
  return {
    directory,
    remove: () => {
      if (process.env['WEIR_KEEP'] !== '1') rmSync(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Ports that nothing listens on, from below those that the kernel gives to outgoing connections: one of those could be
 * taken again before the server that it was found for opens it. Each worker of a test run has a range of its own.
 */
export async function findPorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries > PORTS_PER_WORKER) throw new Error(`no ${count} free ports from ${FIRST_PORT} on`);
    const port = FIRST_PORT + (nextPort++ % PORTS_PER_WORKER);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

const WORKERS_MAX = 8;
const PORTS_PER_WORKER = 2_500;
const FIRST_PORT = 10_000 + (Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS_MAX) * PORTS_PER_WORKER;
/** Where the search goes on; begins anywhere, since other runs may look for ports at the same time. */
let nextPort = randomInt(PORTS_PER_WORKER);

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}

/** Waits until `check` gives something other than false, null or undefined; rejects, naming `what`, after `timeoutMs`. */
export async function waitUntil<Result>(
  what: string,
  timeoutMs: number,
  check: () => Result | Promise<Result>,
): Promise<NonNullable<Exclude<Result, false>>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (result !== false && result !== null && result !== undefined)
      return result as NonNullable<Exclude<Result, false>>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** What a command gave. `status` is null when it was killed. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without a shell, bounded in time and output; never rejects for its exit code. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: NodeJS.ProcessEnv; readonly input?: Buffer | string } = {},
): Promise<CommandResult> {
  return new Promise((done) => {
    const limits = { timeout: options.timeoutMs ?? COMMAND_TIMEOUT_MS, maxBuffer: OUTPUT_MAX_BYTES };
    const env = options.env ?? process.env;
    const child = execFile(file, args, { ...limits, env }, (error, stdout, stderr) => {
      done({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
  });
}

/** As `runCommand`, and rejects with the command's own words when it fails. */
export async function mustRun(
  file: string,
  args: readonly string[],
  options: Parameters<typeof runCommand>[2] = {},
): Promise<string> {
  const result = await runCommand(file, args, options);
  if (result.status !== 0)
    throw new Error(`${file} ${args.join(' ')}: exit ${result.status}: ${result.stderr}${result.stdout}`);
  return result.stdout;
}
