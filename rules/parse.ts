// Reads the text of one rule file into statements. Takes latin1 text (one character per byte) and the name to report it
// by. A line that cannot be taken is refused with its place and a reason, and the rest is read on. Rules are data:
// nothing in a file is evaluated, included or run.
import { nearestName } from '../config/nearest.js';
import { ConditionalBlocks } from './blocks.js';
import {
  HEADER_MODIFIERS,
  type HeaderModifier,
  type HeaderSelector,
  type ParsedFile,
  type PatternSource,
  type Place,
  type Refusal,
  type RuleTest,
  type Scores,
  type Statement,
  type TextInput,
} from './definition.js';

/** Longest line taken, characters. */
export const LINE_LENGTH_MAX = 32_768;
/** Most lines read of one file. */
export const LINES_MAX = 500_000;
/** Longest rule name (SpamAssassin's own bound). */
export const RULE_NAME_LENGTH_MAX = 128;
/** Most refusals reported for one file; the count of the rest stands in the last. */
export const REFUSALS_MAX = 1_000;

/** Why a line is refused; carries one plain sentence part. */
class LineError extends Error {
  override readonly name = 'LineError';
}

const WORDS = [
  'header',
  'body',
  'rawbody',
  'uri',
  'full',
  'meta',
  'score',
  'describe',
  'tflags',
  'priority',
  'test',
] as const;

/** Words of SpamAssassin's language that are known and not taken here. */
const NOT_TAKEN: ReadonlySet<string> = new Set([
  'include',
  'loadplugin',
  'tryplugin',
  'lang',
  'mimeheader',
  'askdns',
  'uri_detail',
  'urirhssub',
  'urirhsbl',
  'uridnsbl',
  'uridnssub',
  'rbleval',
  'replace_tag',
  'replace_rules',
  'replace_start',
  'replace_end',
  'replace_pre',
  'replace_inter',
  'replace_post',
  'redirector_pattern',
  'util_rb_tld',
  'util_rb_2tld',
  'util_rb_3tld',
  'trusted_networks',
  'internal_networks',
  'msa_networks',
  'require_version',
  'required_score',
  'add_header',
  'rewrite_header',
  'report_safe',
  'shortcircuit',
  'freemail_domains',
  'enlist_addrlist',
  'reuse',
  'version_tag',
  'ifplugin',
  'if',
  'else',
  'endif',
]);

type Definition = {
  readonly [K in Statement['kind']]: Omit<Extract<Statement, { kind: K }>, keyof Place>;
}[Statement['kind']];

/** Reads one file. Never throws on its content. */
export function parseRules(text: string, file: string): ParsedFile {
  const statements: Statement[] = [];
  const refusals: Refusal[] = [];
  let dropped = 0;
  const refuse = (line: number, reason: string) => {
    if (refusals.length < REFUSALS_MAX) refusals.push({ file, line, reason });
    else dropped++;
  };
  const blocks = new ConditionalBlocks(refuse);
  const lines = text.split('\n', LINES_MAX + 1);
  if (lines.length > LINES_MAX) refuse(LINES_MAX + 1, `more than ${LINES_MAX} lines; the rest is not read`);
  for (const [index, raw] of lines.slice(0, LINES_MAX).entries()) {
    const line = index + 1;
    try {
      const content = withoutComment(raw);
      if (content === '' || blocks.takes(content, line)) continue;
      statements.push({ ...definition(content), file, line });
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      refuse(line, error.message);
    }
  }
  blocks.end();
  if (dropped > 0) refusals.push({ file, line: lines.length, reason: `${dropped} further lines refused` });
  return { statements, refusals };
}

/** `#` starts a comment unless escaped; `\#` then means `#`. */
function withoutComment(raw: string): string {
  if (raw.length > LINE_LENGTH_MAX) throw new LineError(`line is longer than ${LINE_LENGTH_MAX} characters`);
  let end = raw.indexOf('#');
  while (end > 0 && raw.charAt(end - 1) === '\\') end = raw.indexOf('#', end + 1);
  return (end < 0 ? raw : raw.slice(0, end)).replaceAll('\\#', '#').trim();
}

function definition(content: string): Definition {
  const [word, rest] = firstWord(content);
  const key = word.toLowerCase().replaceAll('-', '_');
  if (!(WORDS as readonly string[]).includes(key)) throw new LineError(unknownWord(word, key));
  const [name, value] = firstWord(rest);
  checkName(name);
  if (value === '') throw new LineError(`"${key} ${name}" has nothing after it`);
  switch (key as (typeof WORDS)[number]) {
    case 'header':
      return { kind: 'rule', name, test: headerTest(value) };
    case 'body':
    case 'rawbody':
    case 'uri':
    case 'full':
      return { kind: 'rule', name, test: textTest(key as TextInput, value) };
    case 'meta':
      return { kind: 'rule', name, test: { kind: 'meta', expression: value } };
    case 'score':
      return { kind: 'score', name, ...scoreValues(value) };
    case 'describe':
      return { kind: 'describe', name, text: Buffer.from(value, 'latin1').toString('utf8') };
    case 'tflags':
      return { kind: 'tflags', name, flags: value.split(/\s+/) };
    case 'priority':
      return { kind: 'priority', name, priority: integer(value) };
    case 'test':
      return { kind: 'test', name, ...example(value) };
  }
}

function firstWord(text: string): [string, string] {
  const end = text.search(/\s/);
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end).trim()];
}

function unknownWord(word: string, key: string): string {
  const shown = word.slice(0, 40);
  if (NOT_TAKEN.has(key)) return `"${shown}" is known to SpamAssassin but not supported here`;
  const near = nearestName(key, WORDS);
  return near === null ? `unknown word "${shown}"` : `unknown word "${shown}", did you mean "${near}"?`;
}

function checkName(name: string): void {
  if (!/^[_A-Za-z]\w*$/.test(name))
    throw new LineError(`"${name.slice(0, 40)}" is no rule name: letters, digits and _ only`);
  if (name.length > RULE_NAME_LENGTH_MAX)
    throw new LineError(`rule name is longer than ${RULE_NAME_LENGTH_MAX} characters`);
}

function headerTest(value: string): RuleTest {
  if (value.startsWith('eval:')) return evalTest('header', value);
  const exists = /^exists:([!-9;-~]+)$/.exec(value);
  if (exists !== null) return { kind: 'exists', name: exists[1]! };
  const found = /^([!-~]+?)\s*([=!]~)\s*(\S.*)$/.exec(value);
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

function splitIfUnset(value: string): [string, string | null] {
  const start = value.lastIndexOf('[if-unset:');
  if (start < 0 || !value.endsWith(']')) return [value, null];
  return [value.slice(0, start).trim(), value.slice(start + '[if-unset:'.length, -1).trim()];
}

function headerSelector(text: string): HeaderSelector {
  const [name = '', ...modifiers] = text.split(':');
  if (name === '') throw new LineError('header without a name');
  if (/^(?:X-Spam-Relays-|ALL-)/i.test(name))
    throw new LineError(`"${name}" needs relay data, which is not supported here`);
  for (const modifier of modifiers) {
    if ((HEADER_MODIFIERS as readonly string[]).includes(modifier)) continue;
    const near = nearestName(modifier, HEADER_MODIFIERS);
    throw new LineError(
      `unknown header modifier ":${modifier.slice(0, 40)}"${near === null ? '' : `, did you mean ":${near}"?`}`,
    );
  }
  return { name, modifiers: modifiers as HeaderModifier[] };
}

function textTest(input: TextInput, value: string): RuleTest {
  if (value.startsWith('eval:')) return evalTest(input, value);
  return { kind: 'text', input, pattern: patternSource(value) };
}

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']', '<': '>' };

/** `/re/mods`, `m{re}mods`, `m!re!mods`, `qr(re)mods`. */
function patternSource(value: string): PatternSource {
  const opener = /^(?:qr|m)?([^\w\s])/.exec(value);
  if (opener === null || (opener[0].length === 1 && opener[1] !== '/'))
    throw new LineError('expected a pattern between slashes, or m{…}');
  const close = CLOSING[opener[1]!] ?? opener[1]!;
  const end = value.lastIndexOf(close);
  if (end < opener[0].length) throw new LineError(`pattern without its closing "${close}"`);
  const flags = value.slice(end + 1);
  if (!/^[a-df-z]*$/.test(flags))
    throw new LineError(`"${flags.slice(0, 20)}" after the pattern is not a list of modifiers`);
  return { source: value.slice(opener[0].length, end), flags };
}

function evalTest(input: 'header' | TextInput, value: string): RuleTest {
  const found = /^eval:([A-Za-z_]\w{0,100})\s*(?:\(([^]*)\))?$/.exec(value);
  if (found === null) throw new LineError('expected "eval:name(arguments)"');
  return { kind: 'eval', input, name: found[1]!, args: evalArguments(found[2] ?? '') };
}

function evalArguments(text: string): string[] {
  const args: string[] = [];
  const item = /\s*(?:'([^']*)'|"([^"]*)"|([^\s'",]+))\s*(,|$)/y;
  while (item.lastIndex < text.length && text.trim() !== '') {
    const found = item.exec(text);
    if (found === null) throw new LineError('arguments of eval are not a list of quoted texts and numbers');
    args.push(found[1] ?? found[2] ?? found[3] ?? '');
  }
  return args;
}

function scoreValues(value: string): { scores: Scores; relative: boolean } {
  const words = value.split(/\s+/);
  const relative = words.every((word) => /^\(.*\)$/.test(word));
  const numbers = words.map((word) => (relative ? word.slice(1, -1) : word));
  if (numbers.length !== 1 && numbers.length !== 4) throw new LineError('expected one score or four');
  for (const word of numbers)
    if (!/^[-+]?(?:\d{1,9}\.?\d{0,9}|\.\d{1,9})$/.test(word)) throw new LineError(`"${word.slice(0, 20)}" is no score`);
  const scores = numbers.map(Number);
  const [first = 0] = scores;
  return { scores: scores.length === 1 ? [first, first, first, first] : (scores as unknown as Scores), relative };
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
