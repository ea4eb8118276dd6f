// `mimeheader` rules: a pattern over one header field of each part, the message's own header first.
import type { CompiledTest, Rule } from './compile.js';
import type { MailPart } from './mail/part.js';
import type { Effort } from './pattern/effort.js';
import { Subject } from './pattern/pattern.js';

/** Most parts looked at (SpamAssassin's bound). */
const PARTS_MAX = 1_000;

type Test = Extract<CompiledTest, { kind: 'mimeheader' }>;

/** What rules of the same field, parts and form read of the message: one text for each part, or all in one. */
export function mimeHeaderTexts(test: Test, { flags }: Pick<Rule, 'flags'>, parts: readonly MailPart[]): Subject[] {
  const [first, last] = rangeOf(flags);
  const values = parts.slice(Math.max(0, first - 1), last).map((part) => valueOf(test, part));
  const texts = flags.has('concat')
    ? [values.map((value) => (value.endsWith('\n') ? value : `${value}\n`)).join('')]
    : values;
  return texts.map((text) => new Subject(text));
}

/** The same for all rules for which `mimeHeaderTexts` gives the same. */
export function mimeHeaderKey({ name, raw, ifUnset }: Test, { flags }: Pick<Rule, 'flags'>): string {
  return JSON.stringify([name, raw, ifUnset, rangeOf(flags), flags.has('concat')]);
}

/**
 * How often the rule's pattern matches, over those texts in which it may (`places`; null for all). A negated rule always
 * holds: SpamAssassin 4.0.1 looks at the parts and then forgets what it saw. `onMatch` is told of the text that matched.
 */
export function mimeHeaderCount(
  { pattern, negated }: Test,
  countMax: number,
  texts: readonly Subject[],
  places: readonly number[] | null,
  effort: Effort,
  onMatch: (subject: Subject) => void,
): number {
  if (negated) return 1;
  for (let at = 0; at < (places ?? texts).length; at++) {
    const subject = texts[places === null ? at : places[at]!]!;
    // The first part that matches decides, however often it does.
    const count = countMax === 1 ? Number(pattern.test(subject, effort)) : pattern.count(subject, countMax, effort);
    if (count > 0) {
      onMatch(subject);
      return count;
    }
  }
  return 0;
}

/** First and last part of `range=2-5`, `range=2-`, `range=-5`, `range=2`. */
function rangeOf(flags: ReadonlySet<string>): [number, number] {
  for (const flag of flags) {
    const found = /^range=(\d{1,4})?(-)?(\d{1,4})?$/.exec(flag);
    if (found === null) continue;
    const [, from, dash, to] = found;
    if (dash === undefined && from !== undefined) return [Number(from), Number(from)];
    return [Number(from ?? 0), Number(to ?? PARTS_MAX)];
  }
  return [0, PARTS_MAX];
}

function valueOf({ name, raw, ifUnset }: Test, part: MailPart): string {
  if (name === 'ALL')
    return part.headers
      .map((header) => `${header.name}: ${raw ? header.raw.replace(/\r?\n\s+/g, ' ') : `${header.decoded()}\n`}`)
      .join('');
  const header = part.headersNamed(name.toLowerCase()).at(-1);
  // SpamAssassin knows no "unset" for raw values.
  if (header === undefined) return raw ? '' : ifUnset;
  return raw ? header.raw : `${header.decoded()}\n`;
}
