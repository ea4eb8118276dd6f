// `weir rules`: content rules from the command line: what hits a message, what is wrong in a file, what is in force, and
// bringing in, switching off, taking away and updating rules. One file per command in rules/; those that change kept rules
// are loaded with the settings when they run.
import type { Command } from 'commander';
import { addTest } from './rules/examples.js';
import { addExplain } from './rules/explain.js';
import { addHits } from './rules/hits.js';
import { addDelete, addExport, addImport } from './rules/import.js';
import { addLint } from './rules/lint.js';
import { addList } from './rules/list.js';
import { addSwitches } from './rules/switch.js';
import { addUpdate } from './rules/update.js';

/** Adds the command and those below it. */
export function addRulesCommand(program: Command): void {
  const rules = program.command('rules').description('Check, try, bring in and switch content rules.');
  addHits(rules);
  addLint(program, rules);
  addExplain(program, rules);
  addTest(program, rules);
  addList(program, rules);
  addImport(program, rules);
  addExport(program, rules);
  addDelete(program, rules);
  addSwitches(program, rules);
  addUpdate(program, rules);
}
