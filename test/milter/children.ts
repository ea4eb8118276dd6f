// Starts the helper processes of the long tests from the build, asks them for their measurements, ends them by their id.
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { MilterSettings } from '../../milter/settings.js';
import { later, settings, tempDir } from './ground.js';

/** What costs no descriptor to ask. */
export interface LightMeasurement {
  readonly cpuMs: number;
  readonly fates: { readonly sent: number; readonly lost: number };
  readonly errors: number;
  readonly stats: { readonly connections: number; readonly connectionsMax: number; readonly inFlightBytes: number };
}

export interface Measurement extends LightMeasurement {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly descriptors: number;
}

export interface ChildServer {
  readonly address: string;
  readonly port: number;
  readonly child: ChildProcess;
  measure(): Promise<Measurement>;
  stats(): Promise<LightMeasurement>;
}

export interface ChildServerOptions {
  readonly listen?: string;
  /** Limit of open files of that process. */
  readonly descriptors?: number;
  /** Descriptors it uses up before it listens. */
  readonly hog?: number;
  readonly delayMs?: number;
  readonly overrides?: Partial<MilterSettings>;
}

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** A helper program as JavaScript, below a folder of its own. */
function compiled(name: string): string {
  const source = readFileSync(here(`${name}.ts`), 'utf8');
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const file = join(tempDir(), `${name}.mjs`);
  writeFileSync(file, ts.transpileModule(source, { compilerOptions: options }).outputText);
  return file;
}

function message<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the child ended with ${code}`));
    child.once('exit', onExit);
    child.once('message', (said) => {
      child.off('exit', onExit);
      resolve(said as Message);
    });
  });
}

function endLater(child: ChildProcess): void {
  later(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  });
}

export async function startChildServer(options: ChildServerOptions = {}): Promise<ChildServer> {
  if (!existsSync(here('../../dist/milter/server.js'))) throw new Error('dist/ is missing: npm run build');
  const program = compiled('child-server');
  const args = JSON.stringify({
    module: new URL('../../dist/milter/server.js', import.meta.url).href,
    settings: settings({ listen: [options.listen ?? 'inet:127.0.0.1:0'], ...options.overrides }),
    hog: options.hog ?? 0,
    delayMs: options.delayMs ?? 0,
  });
  const limit = options.descriptors;
  const node = [process.execPath, '--expose-gc', program, args];
  const command = limit === undefined ? node : ['prlimit', `--nofile=${limit}:${limit}`, ...node];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  endLater(child);
  const { address } = await message<{ address: string }>(child);
  return {
    address,
    port: Number(address.slice(address.lastIndexOf(':') + 1)),
    child,
    measure: () => asked<Measurement>(child, 'measure'),
    stats: () => asked<LightMeasurement>(child, 'stats'),
  };
}

function asked<Answer>(child: ChildProcess, question: string): Promise<Answer> {
  const answer = message<Answer>(child);
  child.send(question);
  return answer;
}

/** Opens idle connections from a process of its own; gives how many the server keeps. */
export async function holdIdle(
  port: number,
  count: number,
): Promise<{ ask(): Promise<{ open: number; closed: number }>; end(): void }> {
  const child = fork(compiled('child-idle'), [JSON.stringify({ port, count })]);
  endLater(child);
  await message(child);
  return {
    ask: () => asked(child, 'count'),
    end: () => void child.kill('SIGKILL'),
  };
}
