// `weir access import` and `export`: rules as CSV, Postfix access maps and SpamAssassin preferences. What cannot be taken
// is told with its file and line; what cannot be written is told by name.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { Option, type Command } from 'commander';
import { CSV_HEADING, readCsv, writeCsvRows, type HitCounts } from '../../filters/access/formats/csv.js';
import { IMPORT_MAX_CHARS, type Exported, type Imported } from '../../filters/access/formats/lines.js';
import { MAP_KINDS, readPostfixMap, writePostfixMap, type MapKind } from '../../filters/access/formats/postfix.js';
import { readPreferences, writePreferences } from '../../filters/access/formats/spamassassin.js';
import { isForgeable, readScope, showRule, wishOf, type RuleBody } from '../../filters/access/rule.js';
import { STORE_EXIT, withStores, type StoreCall } from '../store-access.js';
import { exitHelp, exitWith } from '../store-options.js';
import { visible } from '../table.js';
import { CALL_RULES_MAX, type AddResult, type ListedRule } from './methods.js';
import { pagesOf } from './shown.js';

const FORMATS = ['csv', 'postfix', 'spamassassin'] as const;
type Format = (typeof FORMATS)[number];
/** Lines told of one kind. */
const TOLD_MAX = 40;
/** EX_DATAERR of sysexits.h: lines are wrong, and nothing was taken. */
const EXIT_DATA = 65;

interface TransferOptions {
  readonly format: Format;
  readonly map?: MapKind;
  readonly scope?: string;
  readonly partly?: boolean;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly unauthenticated?: boolean;
  readonly author?: string;
  readonly to?: string;
}

const formatOption = () => new Option('--format <format>', 'what the file is').choices(FORMATS).default('csv');
const mapOption = () =>
  new Option('--map <kind>', 'of a Postfix map: which restriction reads it (check_KIND_access)').choices(MAP_KINDS);

/** Adds `access import`. */
export function addImport(program: Command, access: Command): void {
  access
    .command('import')
    .description('Bring in rules from a file; they are in force at once.')
    .argument('<file>', 'file to read; - for standard input')
    .addOption(formatOption())
    .addOption(mapOption())
    .option(
      '--scope <scope>',
      'whom rules of foreign formats are for: global, domain:…, user:…; needed for spamassassin',
    )
    .option('--partly', 'take what can be taken, and tell the rest')
    .option('--replace', 'in place of rules of the same kind, value and scope; otherwise those stay')
    .option('--unauthenticated', 'allow rules of a Postfix sender map hold even where neither SPF nor DKIM vouches')
    .option('--author <name>', 'who they are from; default: the user of this command')
    .option('--dry-run', 'only check')
    .addHelpText(
      'after',
      `
Examples:
  weir access import rules.csv
  weir access import /etc/postfix/client_access --format postfix --map client --partly
  weir access import ~bob/.spamassassin/user_prefs --format spamassassin --scope user:bob@example.org

Exit codes: 0 done; 64 wrong use; 65 lines are wrong and nothing was taken; 66 no stores yet, or no such file; 70 something
failed; 78 bad configuration.`,
    )
    .action((file: string, options: TransferOptions) => exitWith(() => importFile(program, file, options)));
}

async function importFile(program: Command, file: string, options: TransferOptions): Promise<number> {
  const misuse = misuseOf(options);
  if (misuse !== null) return fail(`weir access import: ${misuse}`, STORE_EXIT.usage);
  const text = readText(file);
  if (text.problem !== null) return fail(`weir access import: ${text.problem}`, STORE_EXIT.noStores);
  const { rules, problems, problemsLeft } = read(text.text, options);
  for (const { line, message } of problems.slice(0, TOLD_MAX)) tellLine(`${file}:${line}: ${message}`);
  const more = problems.length + problemsLeft - TOLD_MAX;
  if (more > 0) tellLine(`and ${more} more lines`);
  if (problems.length > 0 && options.partly !== true)
    return fail('nothing was taken: mend these lines, or leave them out with --partly', EXIT_DATA);
  const forgeable = rules.filter(({ rule }) => isForgeable(rule)).length;
  if (forgeable > 0) tellLine(`warning: ${forgeable} rules let in whoever writes that sender, forged or not`);
  if (options.dryRun === true) return say(`${rules.length} rules would be taken`);
  const counts = await withStores(program, (call) =>
    addAll(
      call,
      rules.map(({ rule }) => rule),
      options,
    ),
  );
  return say(`${counts.added} rules added, ${counts.replaced} replaced, ${counts.exists} were there already; in force`);
}

function misuseOf({ format, map, scope }: TransferOptions): string | null {
  if (format === 'postfix' && map === undefined) return 'a Postfix map needs --map client, sender or recipient';
  if (format === 'spamassassin' && scope === undefined)
    return 'preferences need --scope user:… or domain:…: they touch the spam score, as rules of users do';
  return scope !== undefined && readScope(scope) === null
    ? '--scope: global, domain:example.org or user:bob@example.org'
    : null;
}

function readText(file: string): { text: string; problem: null } | { problem: string } {
  try {
    const facts = file === '-' ? null : statSync(file);
    if (facts !== null && facts.size > IMPORT_MAX_CHARS)
      return { problem: `${file}: larger than ${IMPORT_MAX_CHARS} bytes` };
    return { text: readFileSync(file === '-' ? 0 : file, 'utf8'), problem: null };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function read(text: string, { format, map, scope = 'global', unauthenticated }: TransferOptions): Imported {
  const defaults = { scope: readScope(scope) ?? 'global', authenticated: unauthenticated !== true };
  if (format === 'postfix') return readPostfixMap(text, map ?? 'client', defaults);
  return format === 'csv' ? readCsv(text) : readPreferences(text, defaults);
}

async function addAll(call: StoreCall, rules: readonly RuleBody[], options: TransferOptions) {
  const counts = { added: 0, replaced: 0, exists: 0 };
  const author = options.author ?? userInfo().username;
  const existing = options.replace === true ? 'replace' : 'keep';
  for (let at = 0; at < rules.length; at += CALL_RULES_MAX) {
    const wishes = rules.slice(at, at + CALL_RULES_MAX).map(wishOf);
    const result = await call<AddResult>('access.add', { rules: wishes, author, existing });
    if ('fault' in result) throw new Error(`${result.fault.key}: expected ${result.fault.expected}`);
    for (const { outcome } of result.added) counts[outcome] += 1;
  }
  return counts;
}

/** Adds `access export`. */
export function addExport(program: Command, access: Command): void {
  access
    .command('export')
    .description('Write the rules of the store out: to standard output, or to a file.')
    .addOption(formatOption())
    .addOption(mapOption())
    .option('--scope <scope>', 'only this scope: global, domain:example.org, user:bob@example.org')
    .option('--to <file>', 'file to write, which must not be there')
    .addHelpText(
      'after',
      `
CSV holds everything. Cells that a spreadsheet would run as a formula begin with ' and are read back as they were. What the
other formats cannot say is told on standard error.

Examples:
  weir access export > rules.csv
  weir access export --format postfix --map client --to client_access.cidr
  weir access export --format spamassassin --scope user:bob@example.org${exitHelp('there is no rule')}`,
    )
    .action((options: TransferOptions) => exitWith(() => exportRules(program, options)));
}

async function exportRules(program: Command, options: TransferOptions): Promise<number> {
  const misuse = misuseOf(options);
  if (misuse !== null) return fail(`weir access export: ${misuse}`, STORE_EXIT.usage);
  const scope = options.scope === undefined ? undefined : readScope(options.scope);
  const rules: ListedRule[] = [];
  await withStores(program, async (call) => {
    for await (const page of pagesOf(call, scope === undefined ? {} : { scope })) rules.push(...page);
  });
  const { text, left } = write(rules, options);
  if (options.to === undefined) process.stdout.write(text);
  else writeFileSync(options.to, text, { flag: 'wx', mode: 0o600 });
  for (const { rule, reason } of left.slice(0, TOLD_MAX)) tellLine(`left out: ${showRule(rule)}: ${reason}`);
  if (left.length > TOLD_MAX) tellLine(`and ${left.length - TOLD_MAX} more rules left out`);
  return rules.length === 0 ? STORE_EXIT.nothing : STORE_EXIT.done;
}

function write(rules: readonly ListedRule[], { format, map = 'client' }: TransferOptions): Exported {
  if (format === 'postfix') return writePostfixMap(rules, map);
  if (format === 'spamassassin') return writePreferences(rules);
  const hits: HitCounts = new Map(
    rules.flatMap(({ id, hits: count, lastHitAt }) =>
      count === null || lastHitAt === null ? [] : [[id, { count, lastAt: lastHitAt }] as const],
    ),
  );
  return { text: CSV_HEADING + writeCsvRows(rules, hits), left: [] };
}

function tellLine(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}

function fail(text: string, code: number): number {
  tellLine(text);
  return code;
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return STORE_EXIT.done;
}
