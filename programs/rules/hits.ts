// `weir rules hits`: which rules hit which messages, as JSON lines. Reads rule files and messages, changes nothing, looks
// nothing up; many messages go through one at a time.
import { readdirSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { stderr, stdin, stdout } from 'node:process';
import type { Command } from 'commander';
import type { RuleResult } from '../../rules/evaluate.js';
import type { LoadedRules } from '../../rules/load.js';
import { listFiles, readMessage } from '../scan-input.js';
import { shown } from '../verdict-lines.js';
import { COMPILE_DEFAULTS } from '../../rules/compile.js';
import { judge, openRules } from './engine.js';
import { openUserCache } from './user-cache.js';
import { readPaths, RULES_EXIT } from './shape.js';

/** Progress is written when a terminal watches and more files than this are read. */
const PROGRESS_FROM_FILES = 20;
const PROGRESS_EVERY_MS = 200;

interface HitsOptions {
  readonly rules?: readonly string[];
  readonly details?: boolean;
  /** False when it was switched off. */
  readonly cache: boolean;
}

/** Adds `rules hits`. */
export function addHits(rules: Command): void {
  rules
    .command('hits')
    .description('Run rule files over messages: one JSON object a line with the rules that hit and the score.')
    .requiredOption(
      '--rules <dir>',
      'directory of rules or rule file; may be given several times, later over earlier',
      readPaths,
    )
    .argument(
      '[file...]',
      'messages: files, folders, - for standard input; none: their names on standard input, one a line',
    )
    .option('--details', 'also sub-rules, how often each rule hit, and the time it took')
    .option('--no-cache', 'compile the rules anew and keep nothing of them on disk')
    .addHelpText(
      'after',
      `
Compiled rules are kept in $XDG_CACHE_HOME/weir or ~/.cache/weir and found there while the rule files stay the same.

Each line has file, hits (rules that score, sorted) and score. Network rules and Bayes are off, the core rules are not in
force, and nothing is looked up. Rule directories may follow one another: a name after --rules that is a directory with
.cf files, or ends in .cf, counts as rules until the first that does not.

Examples:
  weir rules hits --rules /usr/share/spamassassin mail.eml
  weir rules hits --rules /usr/share/spamassassin --rules /etc/spamassassin mail/
  find mail -type f | weir rules hits --rules /usr/share/spamassassin > hits.jsonl

Exit codes: 0 done, 64 bad usage, 66 a message or a rule file cannot be read, 70 a message took too long.`,
    )
    .action(async (files: readonly string[], options: HitsOptions) => {
      process.exitCode = await runHits(options, files);
    });
}

async function runHits(options: HitsOptions, words: readonly string[]): Promise<number> {
  const details = options.details === true;
  const more = countRulePaths(words);
  const paths = [...(options.rules ?? []), ...words.slice(0, more)];
  const opened = openRules(paths, false, COMPILE_DEFAULTS, options.cache ? openUserCache(details) : null);
  if (!tellRefusals(opened, paths)) return RULES_EXIT.noInput;
  const messages = words.slice(more);
  const names = messages.length > 0 ? await listFiles(messages) : namesFromInput();
  const progress = createProgress(Array.isArray(names) ? names.length : 0);
  let exit: number = RULES_EXIT.done;
  for await (const name of names) {
    exit = Math.max(exit, await tellHits(name, opened, details));
    progress.step();
  }
  progress.end();
  return exit;
}

/** How many of the leading words are rules: files by their suffix, directories by what lies in them. */
function countRulePaths(words: readonly string[]): number {
  const first = words.findIndex((word) => !isRulePath(word));
  return first < 0 ? words.length : first;
}

function isRulePath(path: string): boolean {
  const isRuleName = (name: string): boolean => name.endsWith('.cf') || name.endsWith('.pre');
  if (isRuleName(path)) return true;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return false;
  return readdirSync(path).some(isRuleName);
}

/** Says what was left out; false when nothing is left to run. */
function tellRefusals({ set, refusals }: LoadedRules, paths: readonly string[]): boolean {
  const unread = refusals.filter(({ line }) => line === 0);
  for (const { file, reason } of unread) stderr.write(`weir rules hits: ${shown(file)}: ${shown(reason)}\n`);
  if (set.byName.size === 0) {
    stderr.write(
      `weir rules hits: no rules in ${paths.map(shown).join(', ')}: name a directory that holds .cf files\n`,
    );
    return false;
  }
  const left = refusals.length - unread.length;
  if (left > 0)
    stderr.write(`weir rules hits: ${left} lines were not taken; see: weir rules lint ${paths.map(shown).join(' ')}\n`);
  return unread.length === 0;
}

async function* namesFromInput(): AsyncGenerator<string> {
  for await (const line of createInterface({ input: stdin, crlfDelay: Infinity })) {
    if (line !== '') yield line;
  }
}

async function tellHits(name: string, opened: LoadedRules, details: boolean): Promise<number> {
  const read = await readMessage(name, stdin);
  if ('error' in read) {
    stderr.write(`weir rules hits: ${shown(name)}: ${shown(read.error)}\n`);
    return RULES_EXIT.noInput;
  }
  const startedMs = performance.now();
  const result = judge(opened, read.content);
  await write(`${JSON.stringify(lineOf(name, result, details ? performance.now() - startedMs : null))}\n`);
  if (!result.outOfTime) return RULES_EXIT.done;
  stderr.write(`weir rules hits: ${shown(name)}: took too long: only what hit until then is listed\n`);
  return RULES_EXIT.failed;
}

/** `timeMs`: null for the short form. */
function lineOf(file: string, result: RuleResult, timeMs: number | null): object {
  const short = { file, hits: result.hits.map(({ rule }) => rule.name), score: result.score };
  if (timeMs === null) return short;
  const counts = Object.fromEntries(result.hits.map(({ rule, count }) => [rule.name, count]));
  return { ...short, counts, subRules: result.subRules, timeMs: Math.round(timeMs * 100) / 100 };
}

function write(text: string): Promise<void> | void {
  if (!stdout.write(text)) return new Promise((resolve) => stdout.once('drain', resolve));
}

/** A counter on the terminal's last line; silent when nobody watches or when little is to be done. `total` 0: not known. */
function createProgress(total: number): { step(): void; end(): void } {
  const watched = stderr.isTTY && !stdout.isTTY && (total === 0 || total >= PROGRESS_FROM_FILES);
  let done = 0;
  let shownAt = 0;
  const show = (): void => void stderr.write(`\r${done}${total > 0 ? ` of ${total}` : ''} messages\u001b[K`);
  return {
    step() {
      done += 1;
      const now = Date.now();
      if (!watched || now - shownAt < PROGRESS_EVERY_MS) return;
      shownAt = now;
      show();
    },
    end() {
      if (!watched) return;
      show();
      stderr.write('\n');
    },
  };
}
