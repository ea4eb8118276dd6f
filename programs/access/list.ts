// `weir access list` and `show`: the rules of the store and of the settings, with how often they held.
import { Option, type Command } from 'commander';
import { PINNED } from '../../filters/access/settings.js';
import { RULE_EFFECTS, RULE_KINDS, type AccessRule } from '../../filters/access/rule.js';
import { skipsText } from '../../filters/access/matrix.js';
import { STORE_EXIT, withStores } from '../store-access.js';
import { exitHelp, exitWith, given, readLimit, writeJsonLines } from '../store-options.js';
import { showTime, table, visible } from '../table.js';
import type { ListedRule } from './methods.js';
import { fits, pinnedIn, withCounts } from './pinned.js';
import { findRule, marksText, stateText } from './shown.js';

const LIMIT = 100;

interface ListOptions {
  readonly kind?: AccessRule['kind'];
  readonly effect?: AccessRule['effect'];
  readonly scope?: string;
  readonly state?: 'on' | 'off' | 'expired';
  readonly limit: number;
  readonly before?: string;
  readonly json?: boolean;
}

/** Adds `access list` and `access show`. */
export function addList(program: Command, access: Command): void {
  access
    .command('list')
    .description('List rules, newest first; those of the settings file come first of all.')
    .argument('[text]', 'only those with this text in name, value, note, author or scope')
    .addOption(new Option('--kind <kind>', 'only this kind').choices(RULE_KINDS))
    .addOption(new Option('--effect <effect>', 'only this effect').choices(RULE_EFFECTS))
    .option('--scope <scope>', 'only this scope: global, domain:example.org, user:bob@example.org')
    .addOption(new Option('--state <state>', 'only those in this state').choices(['on', 'off', 'expired']))
    .option('--limit <number>', 'rules at most', readLimit, LIMIT)
    .option('--before <id>', 'go on after this rule of the page before')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `\nExamples:\n  weir access list\n  weir access list partner --state on\n  weir access list --effect allow --kind sender --json${exitHelp('nothing found')}`,
    )
    .action((text: string | undefined, options: ListOptions) => exitWith(() => listRules(program, text, options)));
  access
    .command('show')
    .description('Show one rule with everything known of it.')
    .argument('<rule>', 'id or name')
    .option('--json', 'one JSON object')
    .addHelpText('after', `\nExample:\n  weir access show partner${exitHelp('no such rule')}`)
    .action((word: string, options: { json?: boolean }) =>
      exitWith(() => showOne(program, word, options.json === true)),
    );
}

async function listRules(program: Command, text: string | undefined, options: ListOptions): Promise<number> {
  const { kind, effect, scope, state, limit, before } = options;
  const filter = given({ text, kind, effect, scope, state });
  const fitting = before === undefined ? pinnedIn(program).filter((rule) => fits(rule, filter, Date.now())) : [];
  const [pinned, stored] = await withStores(program, async (call) => [
    await withCounts(call, fitting),
    await call<ListedRule[]>('access.list', given({ filter, limit, before })),
  ]);
  const rules = [...pinned, ...stored];
  if (options.json === true) writeJsonLines(rules);
  else process.stdout.write(rules.length === 0 ? 'Nothing found.\n' : ruleTable(rules));
  const last = stored.at(-1);
  if (stored.length === limit && options.json !== true && last !== undefined)
    process.stdout.write(`There may be more: weir access list --before ${visible(last.id)}\n`);
  return rules.length === 0 ? STORE_EXIT.nothing : STORE_EXIT.done;
}

function ruleTable(rules: readonly ListedRule[]): string {
  const now = Date.now();
  const cells = rules.map((rule) => [
    rule.id,
    rule.effect,
    rule.kind,
    rule.value,
    rule.scope,
    stateText(rule, now),
    rule.hits === null ? '' : String(rule.hits),
    rule.name === `${rule.effect} ${rule.value}` ? '' : rule.name,
    marksText(rule),
  ]);
  return table(['ID', 'EFFECT', 'KIND', 'VALUE', 'SCOPE', 'STATE', 'HITS', 'NAME', 'MARKS'], cells, [6]);
}

async function showOne(program: Command, word: string, isJson: boolean): Promise<number> {
  const rule = await withStores(program, (call) => findRule(call, word, pinnedIn(program)));
  if (typeof rule === 'string') {
    process.stderr.write(`weir access show: ${rule}\n`);
    return STORE_EXIT.nothing;
  }
  if (isJson) {
    writeJsonLines([rule]);
    return STORE_EXIT.done;
  }
  const fields: readonly (readonly [string, string])[] = [
    ['ID', rule.id],
    ['Name', rule.name],
    ['Effect', rule.effect],
    ['Kind', rule.kind],
    ['Value', rule.value],
    ['Scope', rule.scope],
    ['State', stateText(rule, Date.now())],
    ['Final', rule.final ? 'yes' : 'no'],
    ...(rule.effect === 'allow'
      ? ([
          ['Holds', rule.authenticated ? 'where SPF or DKIM vouches for the sender' : 'always'],
          ['Skips', rule.scope === 'global' ? skipsText(rule.skips) : 'spam score and greylisting'],
        ] as const)
      : []),
    ['Note', rule.note],
    ['Author', rule.author],
    ['Created', rule.id.startsWith(PINNED) ? 'in the settings file' : showTime(rule.createdAt)],
    ['Hits', rule.hits === null ? 'unknown: the state is away' : String(rule.hits)],
    ['Last hit', rule.lastHitAt === null ? 'never' : showTime(rule.lastHitAt)],
  ];
  process.stdout.write(fields.map(([name, value]) => `${name.padEnd(9)} ${visible(value)}\n`).join(''));
  return STORE_EXIT.done;
}
