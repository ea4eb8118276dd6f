// Runs `weir rules` in this process on a storage directory of its own, and gives what it wrote and its exit code.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { vi } from 'vitest';
import { addRulesCommand } from '../../programs/rules.js';
import { makeDir } from '../logs/fixtures.js';

export interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

export interface RulesPlace {
  /** A folder for files of the test. */
  readonly dir: string;
  readonly storage: string;
  /** `rules.dir`. */
  readonly kept: string;
  /** Writes a file into the folder and gives its path. */
  write(name: string, text: string): string;
  /** Runs `weir rules ARGS`. */
  run(...args: readonly string[]): Promise<Ran>;
}

/** `config`: YAML beside the section `storage`. */
export async function makeRulesPlace(config = ''): Promise<RulesPlace> {
  const dir = await makeDir();
  const storage = join(dir, 'store');
  mkdirSync(storage);
  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    writeFileSync(path, text, 'latin1');
    return path;
  };
  const file = write('weir.yaml', `storage:\n  dir: ${storage}\n${config}`);
  return { dir, storage, kept: join(storage, 'rules'), write, run: (...args) => run(file, args) };
}

async function run(config: string, args: readonly string[]): Promise<Ran> {
  const program = new Command('weir').option('-c, --config <file>').exitOverride();
  await addRulesCommand(program);
  const written = { out: '', err: '' };
  const keep = (stream: 'out' | 'err') => (chunk: string | Uint8Array) => {
    written[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep('err')),
  ];
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await program.parseAsync(['node', 'weir', '-c', config, 'rules', ...args]);
    return { ...written, code: process.exitCode };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
