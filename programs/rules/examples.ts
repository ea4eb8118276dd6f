// `weir rules test`: runs the examples that rule files hold, `test NAME ok|fail text` lines, each as a whole message that
// shows the text where the rule looks. Reads only.
import { stderr, stdout } from 'node:process';
import type { Command } from 'commander';
import type { CompiledTest } from '../../rules/compile.js';
import { writeJsonLines } from '../json-lines.js';
import { visible } from '../table.js';
import { judge } from './engine.js';
import { RULES_EXIT } from './shape.js';
import { rulesAtHand, type RulesAtHand } from './in-force.js';

/** A message that no rule of ours minds. */
const USUAL_FIELDS = [
  'Received: from mail.example.net (mail.example.net [192.0.2.1]) by mx.example.org; Tue, 3 Jan 2023 10:00:05 +0000',
  'From: Ben Carter <ben@example.net>',
  'To: Ada Miller <ada@example.org>',
  'Subject: Tuesday',
  'Date: Tue, 3 Jan 2023 10:00:00 +0000',
  'Message-ID: <1@mail.example.net>',
  'MIME-Version: 1.0',
];

/** What one `test` line came to. */
interface Trial {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  /** What the line says. */
  readonly expected: 'ok' | 'fail';
  readonly outcome: 'as expected' | 'otherwise' | 'not run';
  readonly why: string;
}

/** Adds `rules test`. */
export function addTest(program: Command, rules: Command): void {
  rules
    .command('test')
    .description('Run the examples in rule files: lines `test NAME ok text` must hit, `test NAME fail text` must not.')
    .argument('[path...]', 'rule files or directories; none: the rules in force under the settings')
    .option('--json', 'one JSON object a line: rule, file, line, expected, outcome, why')
    .addHelpText(
      'after',
      `
Each text is put into an otherwise dull message: into the header a rule reads, or into the body. Only rules on a pattern
take examples.

Examples:
  weir rules test
  weir rules test ./site.cf

Exit codes: 0 all as expected, 1 an example came out otherwise or could not be run, 64 bad usage, 78 bad configuration.`,
    )
    .action(async (paths: readonly string[], options: { json?: boolean }) => {
      const at = await rulesAtHand(paths, program.opts<{ config?: string }>().config, true);
      process.exitCode = tellTrials(tryExamples(at), options.json === true);
    });
}

function tellTrials(trials: readonly Trial[], json: boolean): number {
  const bad = trials.filter(({ outcome }) => outcome !== 'as expected');
  if (json) writeJsonLines(trials);
  else for (const one of bad) stdout.write(`${visible(`${one.file}:${String(one.line)}: ${one.rule}: ${one.why}`)}\n`);
  stderr.write(`${trials.length} examples, ${trials.length - bad.length} as expected\n`);
  return bad.length === 0 ? RULES_EXIT.done : RULES_EXIT.found;
}

function tryExamples(at: RulesAtHand): readonly Trial[] {
  return at.statements.flatMap((statement) => {
    if (statement.kind !== 'test') return [];
    const { name, file, line, ok, text } = statement;
    const expected = ok ? ('ok' as const) : ('fail' as const);
    const told = (outcome: Trial['outcome'], why: string): Trial[] => [
      { rule: name, file, line, expected, outcome, why },
    ];
    const rule = [...at.set.rules, ...at.set.metas].find((one) => one.name === name);
    if (rule === undefined) return told('not run', 'it does not run, see: weir rules explain ' + name);
    const mail = mailShowing(rule.test, text);
    if (mail === null) return told('not run', 'only rules on a pattern of a header or a text take examples');
    const result = judge(at, mail);
    const hit = result.subRules.includes(name) || result.hits.some((one) => one.rule.name === name);
    if (hit === ok) return told('as expected', '');
    return told('otherwise', ok ? `does not hit ${JSON.stringify(text)}` : `hits ${JSON.stringify(text)}`);
  });
}

/** A message of the header lines given, the usual ones that are not, and a body; `-Name:` leaves a usual one out, `\xNN` is a byte. */
export function makeExampleMail(headers: readonly string[], body: string): Buffer {
  const given = new Set(headers.map((line) => nameOf(line.replace(/^-/, ''))));
  const lines = [
    ...USUAL_FIELDS.filter((line) => !given.has(nameOf(line))),
    ...headers.filter((line) => !line.startsWith('-')),
  ];
  const text = `${lines.join('\n')}\n\n${body}`.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Buffer.from(text.replace(/\n/g, '\r\n'), 'latin1');
}

/** A message that shows a rule the text in the place where it looks; null for rules that are not on a pattern. */
export function mailShowing(test: CompiledTest, text: string): Buffer | null {
  if (test.kind === 'header') {
    const name = test.selector.name.toLowerCase() === 'tocc' ? 'To' : test.selector.name;
    return makeExampleMail([`${name}: ${text}`], 'Hello\n');
  }
  if (test.kind !== 'text') return null;
  const html = test.input === 'rawbody' && text.includes('<');
  return makeExampleMail([`Content-Type: ${html ? 'text/html' : 'text/plain'}; charset=utf-8`], `${text}\n`);
}

const nameOf = (line: string): string => line.slice(0, line.indexOf(':')).toLowerCase();
