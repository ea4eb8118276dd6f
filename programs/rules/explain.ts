// `weir rules explain`: one rule in full: every line that speaks of it, what follows from them, what it reads and who reads
// it, and what it matched in a message. Reads only.
import { readFileSync } from 'node:fs';
import { stderr, stdin, stdout } from 'node:process';
import type { Command } from 'commander';
import { nearestName } from '../../config/nearest.js';
import { isSubRule, type Statement } from '../../rules/definition.js';
import type { RuleResult } from '../../rules/evaluate.js';
import { readMessage } from '../scan-input.js';
import { writeJsonLines } from '../json-lines.js';
import { columnsOf, fold, visible } from '../table.js';
import { judge } from './engine.js';
import { readPaths, RULES_EXIT } from './shape.js';
import { catalogue, rulesAtHand, type CatalogueEntry, type RulesAtHand } from './in-force.js';

const READERS_SHOWN_MAX = 20;
/** Columns by which the rest of a long line stands in. */
const HANGING = 6;

interface ExplainOptions {
  readonly mail?: string;
  readonly rules?: readonly string[];
  readonly json?: boolean;
}

/** What a rule came to in a message. */
interface InMail {
  readonly file: string;
  /** 0: it does not hit. */
  readonly count: number;
  readonly points: number;
  /** Where or what, short; '' when there is nothing to tell. */
  readonly evidence: string;
  /** Rules that a meta reads: whether each hit. */
  readonly reads: Readonly<Record<string, boolean>>;
}

interface Explained extends CatalogueEntry {
  /** Every line that speaks of it. */
  readonly lines: readonly { readonly file: string; readonly line: number; readonly text: string }[];
  readonly reads: readonly string[];
  readonly readBy: readonly string[];
  readonly inMail: InMail | null;
}

/** Adds `rules explain`. */
export function addExplain(program: Command, rules: Command): void {
  rules
    .command('explain')
    .description('Show a rule in full: its definition, scores, what it reads, and what it matched in a message.')
    .argument('<name>', 'name of the rule')
    .option('--mail <file>', 'message to try it on, - for standard input')
    .option(
      '--rules <path>',
      'rules of this file or directory in place of those in force; may be given several times',
      readPaths,
    )
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  weir rules explain HTML_IMAGE_ONLY_08
  weir rules explain ADVANCE_FEE_3 --mail mail.eml
  weir rules explain URI_HEX --rules /usr/share/spamassassin --mail mail.eml

Exit codes: 0 done, 1 there is no such rule, 64 bad usage, 66 the message cannot be read, 78 bad configuration.`,
    )
    .action(async (name: string, options: ExplainOptions) => {
      process.exitCode = await explain(name, options, program.opts<{ config?: string }>().config);
    });
}

async function explain(name: string, options: ExplainOptions, config: string | undefined): Promise<number> {
  const at = await rulesAtHand(options.rules ?? [], config);
  const entries = catalogue(at);
  const entry = entries.find((one) => one.name === name);
  if (entry === undefined) {
    const near = nearestName(
      name,
      entries.map((one) => one.name),
    );
    stderr.write(
      visible(`weir rules explain: ${name} is no rule${near === null ? '' : `, did you mean ${near}?`}`) + '\n',
    );
    return RULES_EXIT.found;
  }
  const read = options.mail === undefined ? null : await readMessage(options.mail, stdin);
  if (read !== null && 'error' in read) {
    stderr.write(`weir rules explain: ${visible(`${read.name}: ${read.error}`)}\n`);
    return RULES_EXIT.noInput;
  }
  const explained = explainedOf(entry, at, read);
  if (options.json === true) writeJsonLines([explained]);
  else stdout.write(plain(explained));
  return RULES_EXIT.done;
}

function explainedOf(
  entry: CatalogueEntry,
  at: RulesAtHand,
  mail: { readonly name: string; readonly content: Buffer } | null,
): Explained {
  const reads = readsOf(entry.name, at);
  return {
    ...entry,
    lines: linesOf(entry.name, at.statements),
    reads,
    readBy: at.set.metas.flatMap(({ name, test }) =>
      test.kind === 'meta' && test.expression.names.includes(entry.name) ? [name] : [],
    ),
    inMail: mail === null ? null : inMail(entry.name, reads, mail.name, judge(at, mail.content)),
  };
}

function readsOf(name: string, { set }: RulesAtHand): readonly string[] {
  const test = set.byName.get(name)?.test;
  return test?.kind === 'meta' ? test.expression.names : [];
}

function linesOf(name: string, statements: readonly Statement[]): Explained['lines'] {
  const texts = new Map<string, readonly string[]>();
  return statements
    .filter((one) => one.name === name)
    .map(({ file, line }) => {
      if (!texts.has(file)) texts.set(file, textOf(file).split('\n'));
      return { file, line, text: (texts.get(file)?.[line - 1] ?? '').trim() };
    });
}

/** A file that has gone since is told as one without text. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    return error instanceof Error ? '' : String(error);
  }
}

function inMail(name: string, reads: readonly string[], file: string, result: RuleResult): InMail {
  const hit = result.hits.find(({ rule }) => rule.name === name);
  const hits = new Set([...result.subRules, ...result.hits.map(({ rule }) => rule.name)]);
  return {
    file,
    count: hit?.count ?? Number(hits.has(name)),
    points: hit?.score ?? 0,
    evidence: hit?.evidence ?? '',
    reads: Object.fromEntries(reads.map((one) => [one, hits.has(one)])),
  };
}

function plain(rule: Explained): string {
  const lines = [
    `${rule.name}  ${rule.type}, ${rule.enabled ? 'runs' : `does not run: ${rule.reason}`}`,
    ...(rule.description === '' ? [] : [`  ${rule.description}`]),
    isSubRule(rule.name) ? '  a sub-rule: it scores nothing, metas read it' : `  ${scoreLine(rule)}`,
    ...(rule.flags.length > 0 ? [`  flags ${rule.flags.join(' ')}`] : []),
    ...(rule.priority === 0 ? [] : [`  priority ${rule.priority}`]),
    ...rule.lines.map(({ file, line, text }) => `  ${file}:${line}: ${text.replace(/\s+/g, ' ')}`),
    ...(rule.reads.length > 0 ? [`  reads ${rule.reads.join(', ')}`] : []),
    ...(rule.readBy.length > 0 ? [`  read by ${shortened(rule.readBy)}`] : []),
    ...(rule.inMail === null ? [] : mailLines(rule.inMail)),
  ];
  return `${lines.map((line) => fold(visible(line), columnsOf(stdout), HANGING)).join('\n')}\n`;
}

/** The score here, and those of the four sets where they differ. */
function scoreLine({ score, scores }: Explained): string {
  if (scores === null) return `score ${score}, by default`;
  const [local, network, bayes, both] = scores;
  if (scores.every((one) => one === local)) return `score ${score}`;
  return `score ${score}: ${local} local, ${network} with look-ups, ${bayes} with Bayes, ${both} with both`;
}

function mailLines({ file, count, points, evidence, reads }: InMail): readonly string[] {
  const what = evidence === '' ? '' : `: ${evidence}`;
  const times = count === 1 ? 'hits' : `hits, counted ${count}`;
  return [
    `  in ${file}: ${count === 0 ? 'does not hit' : `${times}, ${points} points${what}`}`,
    ...Object.entries(reads).map(([name, hit]) => `    ${hit ? 'hit ' : 'none'}  ${name}`),
  ];
}

function shortened(names: readonly string[]): string {
  const more = names.length - READERS_SHOWN_MAX;
  return names.slice(0, READERS_SHOWN_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
