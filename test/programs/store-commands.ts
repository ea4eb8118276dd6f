// Runs the command line in this process on stores in a folder of their own, and gives what it wrote and its exit code.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { onTestFinished, vi } from 'vitest';
import { createTextLog } from '../../logs/text-log.js';
import { logSection } from '../../logs/settings.js';
import { outboxSection } from '../../outbox/settings.js';
import { systemClock } from '../../outside/clock.js';
import { addAccessCommand } from '../../programs/access.js';
import { addExplainCommand } from '../../programs/explain.js';
import { addGreylistCommand } from '../../programs/greylist.js';
import { addLogCommand } from '../../programs/log.js';
import { addOutboxCommand } from '../../programs/outbox.js';
import { addQuarantineCommand } from '../../programs/quarantine.js';
import { readSettings } from '../../programs/settings.js';
import { storageSection } from '../../programs/storage-settings.js';
import { openStores, type Stores } from '../../programs/stores.js';
import { quarantineSection } from '../../quarantine/settings.js';
import { makeDir } from '../logs/fixtures.js';

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

export interface Place {
  readonly dir: string;
  readonly config: string;
  run(...args: readonly string[]): Promise<Ran>;
  open(): Promise<Stores>;
}

export async function makePlace(): Promise<Place> {
  const dir = await makeDir();
  const config = join(dir, 'weir.yaml');
  await writeFile(config, `storage:\n  dir: ${join(dir, 'store')}\n`);
  return { dir: join(dir, 'store'), config, run: (...args) => run(config, args), open: () => open(config) };
}

async function open(config: string): Promise<Stores> {
  const configuration = readSettings(config);
  const stores = await openStores({
    storage: configuration.section(storageSection),
    log: configuration.section(logSection),
    outbox: configuration.section(outboxSection),
    quarantine: configuration.section(quarantineSection),
    clock: systemClock,
    logger: createTextLog('test', 'error', { write: () => undefined }),
  });
  onTestFinished(() => stores.close());
  return stores;
}

async function run(config: string, args: readonly string[]): Promise<Ran> {
  const program = new Command('weir').option('-c, --config <file>').exitOverride();
  const families = [addAccessCommand, addGreylistCommand, addQuarantineCommand, addOutboxCommand, addLogCommand];
  for (const add of [...families, addExplainCommand]) add(program);
  for (const command of program.commands.flatMap((one) => [one, ...one.commands])) command.exitOverride();
  const out = captured(process.stdout);
  const err = captured(process.stderr);
  process.exitCode = 0;
  try {
    await program.parseAsync(['node', 'weir', '-c', config, ...args]);
    return { out: out.text(), err: err.text(), code: process.exitCode };
  } catch (error) {
    if (!(error instanceof Error && 'exitCode' in error)) throw error;
    return { out: out.text(), err: err.text(), code: Number(error.exitCode) };
  } finally {
    process.exitCode = 0;
    out.restore();
    err.restore();
  }
}

function captured(stream: NodeJS.WriteStream): { text(): string; restore(): void } {
  const chunks: Buffer[] = [];
  const spy = vi.spyOn(stream, 'write').mockImplementation((chunk: string | Uint8Array) => {
    chunks.push(Buffer.from(chunk as Uint8Array));
    return true;
  });
  return { text: () => Buffer.concat(chunks).toString('latin1'), restore: () => spy.mockRestore() };
}

/** Text as the captured streams give it: bytes, one character each. */
export function asBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
