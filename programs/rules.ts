// `weir rules`: content rules from the command line: what hits a message, what is wrong in a file, what is in force, and
// bringing in, switching off and taking away rules. One file per command in rules/.
import type { Command } from 'commander';
import { addHits } from './rules/hits.js';
import { addLint } from './rules/lint.js';
import { addList } from './rules/list.js';

/** Adds the command and those below it. */
export function addRulesCommand(program: Command): void {
  const rules = program.command('rules').description('Check, try, bring in and switch content rules.');
  addHits(rules);
  addLint(program, rules);
  addList(program, rules);
}
