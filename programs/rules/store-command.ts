// What the commands that change kept rules share: opening the store under the settings, and saying what became of it.
import { stderr, stdout } from 'node:process';
import type { Command } from 'commander';
import { visible } from '../table.js';
import { RULES_EXIT } from './shape.js';
import type { Outcome, RuleStore } from './store.js';

/** Runs a command's work on the store of the settings in force and sets the exit code. */
export async function withStore(program: Command, work: (store: RuleStore) => Promise<number>): Promise<void> {
  const [{ readSettings }, { RuleStore }] = await Promise.all([import('../settings.js'), import('./store.js')]);
  const store = new RuleStore(readSettings(program.opts<{ config?: string }>().config));
  process.exitCode = await work(store);
}

/** One line on a change, and its exit code. */
export function tellOutcome(outcome: Outcome, done: string): number {
  if (outcome.kind === 'refused') {
    stderr.write(`the running server refused it, nothing has changed:\n${outcome.lines.map(visible).join('\n')}\n`);
    return RULES_EXIT.failed;
  }
  stdout.write(`${visible(done)}; ${outcome.running ? 'in force' : 'in force when the server starts'}\n`);
  for (const note of outcome.notes) stdout.write(`${visible(note)}\n`);
  return RULES_EXIT.done;
}
