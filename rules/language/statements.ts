// Lines that define rules or say something of one rule, read into statements. Rules are data: a line names a test, a
// pattern, numbers; nothing of it is run here.
import { nearestName } from '../../config/nearest.js';
import {
  HEADER_MODIFIERS,
  SHORTCIRCUITS,
  URI_DETAIL_KEYS,
  type HeaderModifier,
  type HeaderSelector,
  type PatternSource,
  type Place,
  type RuleTest,
  type Scores,
  type Shortcircuit,
  type Statement,
  type TextInput,
  type UriCriterion,
  type UriDetailKey,
} from '../definition.js';
import { firstWord, LineError, wordsOf } from './lines.js';

/** Longest rule name (SpamAssassin's own bound). */
export const RULE_NAME_LENGTH_MAX = 100;
const SCORE_SETS = 4;
/** Most conditions of one `uri_detail`. */
const CRITERIA_MAX = 50;

/** A statement before its place is known. */
export type Definition = {
  readonly [K in Statement['kind']]: Omit<Extract<Statement, { kind: K }>, keyof Place>;
}[Statement['kind']];

type Read = (name: string, value: string) => Definition;

const rule =
  (test: (value: string) => RuleTest): Read =>
  (name, value) => ({ kind: 'rule', name, test: test(value) });

/** Words that define or describe one rule; each is followed by the rule's name. */
const WORDS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['header', rule(headerTest)],
  ['body', rule((value) => textTest('body', value))],
  ['rawbody', rule((value) => textTest('rawbody', value))],
  ['uri', rule((value) => ({ kind: 'text', input: 'uri', pattern: patternSource(value) }))],
  ['full', rule((value) => textTest('full', value))],
  ['meta', rule(metaTest)],
  ['mimeheader', rule(mimeHeaderTest)],
  ['uri_detail', rule((value) => ({ kind: 'uriDetail', criteria: uriCriteria(value) }))],
  ['score', (name, value) => ({ kind: 'score', name, ...scoreValues(value) })],
  ['describe', (name, value) => ({ kind: 'describe', name, text: Buffer.from(value, 'latin1').toString('utf8') })],
  // SpamAssassin looks for each flag as a word anywhere, so that commas do.
  ['tflags', (name, value) => ({ kind: 'tflags', name, flags: value.split(/[\s,;]+/) })],
  ['priority', (name, value) => ({ kind: 'priority', name, priority: integer(value) })],
  ['shortcircuit', (name, value) => ({ kind: 'shortcircuit', name, as: shortcircuitWord(value) })],
  ['test', (name, value) => ({ kind: 'test', name, ...example(value) })],
]);

/** Words this file reads. */
export const STATEMENT_WORDS: readonly string[] = [...WORDS.keys()];

/** The statement of a line, or null when the word is none of ours. Throws LineError. */
export function readStatement(word: string, value: string): Definition | null {
  const read = WORDS.get(word);
  if (read === undefined) return null;
  const [name, rest] = firstWord(value);
  checkRuleName(name);
  if (rest === '') throw new LineError(`"${word} ${name}" has nothing after it`);
  return read(name, rest);
}

/** Throws LineError when no rule can be called that. */
export function checkRuleName(name: string): void {
  if (!/^[_A-Za-z]\w*$/.test(name))
    throw new LineError(`"${name.slice(0, 40)}" is no rule name: letters, digits and _ only`);
  if (name.length > RULE_NAME_LENGTH_MAX)
    throw new LineError(`rule name is longer than ${RULE_NAME_LENGTH_MAX} characters`);
}

function metaTest(value: string): RuleTest {
  if (/\*\s*\*/.test(value)) throw new LineError('"**" is no operator of metas');
  return { kind: 'meta', expression: value };
}

function headerTest(value: string): RuleTest {
  if (/^(?:rbl)?eval:/.test(value)) {
    const test = evalTest(value.slice(value.indexOf(':') + 1));
    return { kind: 'eval', input: /^check_(?:rbl|dns)/.test(test.name) ? 'rbl' : 'header', ...test };
  }
  const exists = /^exists:([\w.-]+):?$/.exec(value);
  if (exists !== null) return { kind: 'exists', name: exists[1]! };
  const found = /^([\w.-]+(?::[A-Za-z]*){0,2})\s*([=!]~)\s*(\S.*)$/.exec(value);
  if (found === null)
    throw new LineError('expected "HEADER =~ /pattern/", "HEADER !~ /pattern/", "exists:HEADER" or "eval:…"');
  const [pattern, ifUnset] = splitIfUnset(found[3]!);
  return {
    kind: 'header',
    selector: headerSelector(found[1]!),
    negated: found[2] === '!~',
    pattern: patternSource(pattern),
    ifUnset,
  };
}

/** A pattern and what stands in its `[if-unset: …]`. */
function splitIfUnset(value: string): [string, string | null] {
  const found = /\s\[if-unset:\s/.exec(value);
  if (found === null || !value.endsWith(']')) return [value, null];
  return [value.slice(0, found.index).trimEnd(), value.slice(found.index + found[0].length, -1).trimStart()];
}

function headerSelector(text: string): HeaderSelector {
  const [name = '', ...modifiers] = text.replace(/:$/, '').split(':');
  const known = modifiers.map((written) => {
    const modifier = written.toLowerCase();
    if ((HEADER_MODIFIERS as readonly string[]).includes(modifier)) return modifier as HeaderModifier;
    const near = nearestName(modifier, HEADER_MODIFIERS);
    throw new LineError(
      `unknown header modifier ":${written.slice(0, 40)}"${near === null ? '' : `, did you mean ":${near}"?`}`,
    );
  });
  return { name, modifiers: known };
}

function textTest(input: TextInput, value: string): RuleTest {
  if (value.startsWith('eval:')) return { kind: 'eval', input, ...evalTest(value.slice('eval:'.length)) };
  return { kind: 'text', input, pattern: patternSource(value) };
}

function mimeHeaderTest(value: string): RuleTest {
  const found = /^([^:\s]+)(:(?:raw)?)?\s*([=!]~)\s*(\S.*)$/.exec(value);
  if (found === null) throw new LineError('expected "HEADER =~ /pattern/", with ":raw" after the header or not');
  const [pattern, ifUnset] = splitIfUnset(found[4]!);
  return {
    kind: 'mimeheader',
    name: found[1]!,
    raw: found[2] === ':raw',
    negated: found[3] === '!~',
    pattern: patternSource(pattern),
    ifUnset: ifUnset ?? '',
  };
}

const CRITERION = /\b(\w+)\s*([=!]~)\s*(\/[^\n]*?\/[imsx]*|m(\W)[^\n]*?\4[imsx]*)(?=\s|$)/g;

function uriCriteria(value: string): UriCriterion[] {
  const criteria: UriCriterion[] = [];
  for (const [, key = '', operator, pattern = ''] of value.matchAll(CRITERION)) {
    if (!(URI_DETAIL_KEYS as readonly string[]).includes(key)) throw new LineError(`uri_detail knows no "${key}"`);
    criteria.push({ key: key as UriDetailKey, negated: operator === '!~', pattern: patternSource(pattern) });
    if (criteria.length > CRITERIA_MAX) throw new LineError(`more than ${CRITERIA_MAX} conditions`);
  }
  if (criteria.length === 0) throw new LineError('expected conditions such as "domain =~ /pattern/"');
  return criteria;
}

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']', '<': '>' };

/** `/re/mods`, `m{re}mods`, `m!re!mods`, `qr(re)mods`. */
export function patternSource(value: string): PatternSource {
  const opener = /^(?:qr|m)?([^\w\\])/.exec(value);
  if (opener === null || (opener[0].length === 1 && opener[1] !== '/'))
    throw new LineError('expected a pattern between slashes, or m{…}');
  const open = opener[1]!;
  const close = CLOSING[open] ?? open;
  const end = value.lastIndexOf(close);
  if (end < opener[0].length) throw new LineError(`pattern without its closing "${close}"`);
  const flags = value.slice(end + 1);
  if (!/^[a-df-z]*$/.test(flags))
    throw new LineError(`"${flags.slice(0, 20)}" after the pattern is not a list of modifiers`);
  const source = value.slice(opener[0].length, end);
  if (!'})]'.includes(close) && holdsUnescaped(source, close))
    throw new LineError(`"${close}" inside the pattern must be written "\\${close}"`);
  return { source, flags };
}

function holdsUnescaped(source: string, delimiter: string): boolean {
  for (let at = source.indexOf(delimiter); at >= 0; at = source.indexOf(delimiter, at + 1)) {
    let start = at;
    while (source.charAt(start - 1) === '\\') start--;
    if ((at - start) % 2 === 0) return true;
  }
  return false;
}

function evalTest(value: string): { name: string; args: string[] } {
  const found = /^([A-Za-z_]\w{0,100})\(([^]*)\)$/.exec(value);
  if (found === null) throw new LineError('expected "eval:name(arguments)"');
  return { name: found[1]!, args: evalArguments(found[2]!) };
}

const ARGUMENT = /\s*(?:'([^']*)'|"([^"]*)"|([0-9.:A-Za-z-]+))\s*(,\s*|$)/y;

function evalArguments(text: string): string[] {
  const args: string[] = [];
  if (text.trim() === '') return args;
  ARGUMENT.lastIndex = 0;
  while (ARGUMENT.lastIndex < text.length) {
    const found = ARGUMENT.exec(text);
    if (found === null) throw new LineError('arguments of eval are not a list of quoted texts and numbers');
    args.push(found[1] ?? found[2] ?? found[3] ?? '');
  }
  return args;
}

function scoreValues(value: string): { scores: Scores; relative: boolean } {
  const words = wordsOf(value);
  const relative = words.some((word) => /^\(.*\)$/.test(word));
  const numbers = words.map((word) => word.replace(/^\((.*)\)$/, '$1'));
  if (words.length !== 1 && words.length !== SCORE_SETS)
    throw new LineError(`expected one score or ${SCORE_SETS}, not ${words.length}`);
  for (const word of numbers)
    if (!/^-?\d{1,9}(?:\.\d{1,9})?$/.test(word))
      throw new LineError(`"${word.slice(0, 20)}" is no score: write it as 1, -1 or 0.5`);
  const scores = numbers.map(Number);
  const [first = 0] = scores;
  return { scores: scores.length === 4 ? (scores as unknown as Scores) : [first, first, first, first], relative };
}

function shortcircuitWord(value: string): Shortcircuit {
  if (!(SHORTCIRCUITS as readonly string[]).includes(value))
    throw new LineError(`expected one of ${SHORTCIRCUITS.join(', ')}`);
  return value as Shortcircuit;
}

function integer(value: string): number {
  if (!/^-?\d{1,9}$/.test(value)) throw new LineError(`"${value.slice(0, 20)}" is no whole number`);
  return Number(value);
}

function example(value: string): { ok: boolean; text: string } {
  const [outcome, text] = firstWord(value);
  if (outcome !== 'ok' && outcome !== 'fail') throw new LineError('expected "ok" or "fail" and a text');
  return { ok: outcome === 'ok', text };
}
