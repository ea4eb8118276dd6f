// `weir rules lint`: what is wrong in rule files, and what in them has no effect, each with its file and line. Reads only.
import type { Command } from 'commander';
import { stderr, stdout } from 'node:process';
import type { Refusal } from '../../rules/definition.js';
import { planDns } from '../../rules/dns/plan.js';
import { writeJsonLines } from '../json-lines.js';
import { visible } from '../table.js';
import { RULES_EXIT } from './shape.js';
import { catalogue, rulesAtHand, type RulesAtHand } from './in-force.js';

/** Adds `rules lint`. */
export function addLint(program: Command, rules: Command): void {
  rules
    .command('lint')
    .description('Say what is wrong in rule files, what is left out of them, and what has no effect.')
    .argument('[path...]', 'rule files or directories; none: the rules in force under the settings')
    .option('--json', 'one JSON object a line: file, line, kind (wrong or ignored), what')
    .option('--no-core', 'check the paths by themselves, without the core rules below them')
    .addHelpText(
      'after',
      `
A line that is wrong is left out, and the rest of the file works. Ignored lines say something of rules that do not exist,
or define rules that can never hit because this engine does not ask what they want to know.

Examples:
  weir rules lint
  weir rules lint /etc/spamassassin
  weir rules lint --json local.cf

Exit codes: 0 nothing is wrong, 1 something is, 64 bad usage, 66 a file cannot be read, 78 bad configuration.`,
    )
    .action(async (paths: readonly string[], options: { json?: boolean; core: boolean }) => {
      process.exitCode = await lint(paths, options, program.opts<{ config?: string }>().config);
    });
}

async function lint(
  paths: readonly string[],
  options: { readonly json?: boolean; readonly core: boolean },
  config: string | undefined,
): Promise<number> {
  const at = await rulesAtHand(paths, config, options.core);
  const faults = [
    ...at.refusals.map((one) => ({ ...one, kind: 'wrong' as const })),
    ...[...at.notes, ...unaskedNotes(at)].map((one) => ({ ...one, kind: 'ignored' as const })),
  ].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  if (options.json === true)
    writeJsonLines(faults.map(({ file, line, kind, reason }) => ({ file, line, kind, what: reason })));
  else for (const { kind, ...one } of faults) stdout.write(`${faultLine(one, kind)}\n`);
  stderr.write(`${summary(at, faults.length - at.refusals.length)}\n`);
  if (at.refusals.some(({ line, file }) => line === 0 && file !== 'settings')) return RULES_EXIT.noInput;
  return at.refusals.length > 0 ? RULES_EXIT.found : RULES_EXIT.done;
}

/** `file:line: wrong: reason`, the form that editors jump by. */
export function faultLine({ file, line, reason }: Refusal, kind: 'wrong' | 'ignored' | 'left out'): string {
  return visible(`${file}:${String(line)}: ${kind}: ${reason}`);
}

/** Rules that look up what this engine does not ask. */
function unaskedNotes({ set, settings }: RulesAtHand): readonly Refusal[] {
  return planDns(set, settings).left.flatMap(({ name, reason }) => {
    const rule = set.byName.get(name);
    return rule === undefined ? [] : [{ file: rule.file, line: rule.line, reason: `${name} never hits: ${reason}` }];
  });
}

function summary(at: RulesAtHand, ignored: number): string {
  const all = catalogue(at);
  const on = all.filter(({ enabled }) => enabled).length;
  const files = new Set(at.statements.map(({ file }) => file)).size;
  return `${files} files, ${all.length} rules, ${on} of them run; ${at.refusals.length} lines wrong, ${ignored} ignored`;
}
