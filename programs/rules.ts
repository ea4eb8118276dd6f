// `weir rules`: content rules from the command line: what hits a message, what is wrong in a file, what is in force, and
// bringing in, switching off, taking away and updating rules. One file per command in rules/; each is loaded when it is
// wanted, and those that change kept rules load the settings when they run.
import type { Command } from 'commander';

/** Commands in the order of the help; one entry may add two. */
const COMMANDS: readonly (readonly [words: readonly string[], load: () => Promise<Add>])[] = [
  [['hits'], async () => onRules((await import('./rules/hits.js')).addHits)],
  [['lint'], async () => (await import('./rules/lint.js')).addLint],
  [['explain'], async () => (await import('./rules/explain.js')).addExplain],
  [['test'], async () => (await import('./rules/examples.js')).addTest],
  [['list'], async () => (await import('./rules/list.js')).addList],
  [['import'], async () => (await import('./rules/import.js')).addImport],
  [['export'], async () => (await import('./rules/import.js')).addExport],
  [['delete'], async () => (await import('./rules/import.js')).addDelete],
  [['enable', 'disable'], async () => (await import('./rules/switch.js')).addSwitches],
  [['update'], async () => (await import('./channels/command.js')).addUpdate],
];

type Add = (program: Command, rules: Command) => void;

const onRules =
  (add: (rules: Command) => void): Add =>
  (_, rules) =>
    add(rules);

/** Adds the command and those below it: all, or only the one that is wanted where there is one of that name. */
export async function addRulesCommand(program: Command, below: string | null = null): Promise<void> {
  const rules = program
    .command('rules')
    .description('Check, try, bring in and switch content rules.')
    .addHelpText(
      'after',
      `
Examples:
  weir rules list --disabled                    what does not run, and why
  weir rules explain GTUBE --mail mail.eml      one rule in full, and what it came to in a message
  weir rules import /usr/share/spamassassin     the stock set, in force at once
  weir rules hits --rules ./site.cf mail.eml    which rules of a file hit, as JSON`,
    );
  const named = COMMANDS.filter(([words]) => words.includes(below ?? ''));
  for (const [, load] of named.length > 0 ? named : COMMANDS) (await load())(program, rules);
}
