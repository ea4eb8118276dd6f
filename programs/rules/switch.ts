// `weir rules enable` and `disable`: rules switched off and on again, by name, in force at once. What the configuration
// file says of a rule has the last word, and is told rather than overruled.
import { stderr } from 'node:process';
import type { Command } from 'commander';
import { nearestName } from '../../config/nearest.js';
import { visible } from '../table.js';
import { RULES_EXIT } from './shape.js';
import { catalogue, rulesOfSettings, type CatalogueEntry, type RulesAtHand } from './in-force.js';
import { tellOutcome } from './store-command.js';

/** Adds `rules enable` and `rules disable`. */
export function addSwitches(program: Command, rules: Command): void {
  for (const [word, sentence] of [
    ['enable', 'Let rules run again that were switched off.'],
    ['disable', 'Switch rules off: they run no more, and count 0 where others read them.'],
  ] as const) {
    rules
      .command(word)
      .description(sentence)
      .argument('<name...>', 'names of rules')
      .addHelpText(
        'after',
        `
Example:
  weir rules ${word} HTML_IMAGE_ONLY_08

Exit codes: 0 done, 1 there is no such rule or the settings say otherwise, 64 bad usage, 70 the running server refused it,
78 bad configuration.`,
      )
      .action(async (names: readonly string[]) => {
        process.exitCode = await switchRules(program, names, word === 'enable');
      });
  }
}

async function switchRules(program: Command, names: readonly string[], on: boolean): Promise<number> {
  const [{ readSettings }, { RuleStore }] = await Promise.all([import('../settings.js'), import('./store.js')]);
  const configuration = readSettings(program.opts<{ config?: string }>().config);
  const at = rulesOfSettings(configuration);
  const store = new RuleStore(configuration);
  const off = new Set(store.switchedOff());
  const entries = new Map(catalogue(at).map((entry) => [entry.name, entry]));
  const hindrances = names.flatMap((name) => hindrance(name, entries, at, on, off) ?? []);
  if (hindrances.length > 0) {
    for (const one of hindrances) stderr.write(`weir rules: ${visible(one)}\n`);
    return RULES_EXIT.found;
  }
  for (const name of names) {
    if (on) off.delete(name);
    else off.add(name);
  }
  return tellOutcome(
    await store.apply(store.switching([...off])),
    `${names.join(', ')}: ${on ? 'switched on' : 'switched off'}`,
  );
}

/** Why a rule cannot be switched, and what to do about it; null when it can. */
function hindrance(
  name: string,
  entries: ReadonlyMap<string, CatalogueEntry>,
  { stage }: RulesAtHand,
  on: boolean,
  off: ReadonlySet<string>,
): string | null {
  const entry = entries.get(name);
  // What is switched off may be gone since; switching it on tidies up.
  if (entry === undefined && !(on && off.has(name))) {
    const near = nearestName(name, entries.keys());
    return `${name} is no rule${near === null ? '' : `, did you mean ${near}?`} (weir rules list shows them)`;
  }
  if (on && stage?.disabled.includes(name) === true)
    return `${name} is switched off by rules.disabled in the configuration file: take it out there`;
  if (stage !== null && Object.hasOwn(stage.scores, name))
    return `${name} has a score in rules.scores of the configuration file, which has the last word: change it there`;
  if (on && entry?.enabled === false && !off.has(name))
    return `${name} does not run: ${entry.reason}; a score in rules.scores lets a rule of score 0 run`;
  return null;
}
