// `mimeheader` rules: a pattern over one header field of each part, the message's own header first.
import type { CompiledTest, Rule } from './compile.js';
import type { MailPart } from './mail/part.js';
import { Subject } from './pattern/pattern.js';

/** Most parts looked at (SpamAssassin's bound). */
const PARTS_MAX = 1_000;

type Test = Extract<CompiledTest, { kind: 'mimeheader' }>;

/** How often the rule's pattern matches, over the parts it asks for; a negated rule holds once or not at all. */
export function mimeHeaderCount(test: Test, rule: Rule, parts: readonly MailPart[]): number {
  const [first, last] = rangeOf(rule.flags);
  const values = parts.slice(Math.max(0, first - 1), last).map((part) => valueOf(test, part));
  const subjects = rule.flags.has('concat')
    ? [values.map((value) => (value.endsWith('\n') ? value : `${value}\n`)).join('')]
    : values;
  for (const text of subjects) {
    const subject = new Subject(text);
    if (test.negated) {
      if (test.pattern.test(subject)) return 0;
      continue;
    }
    // The first part that matches decides, however often it does.
    const count = rule.countMax === 1 ? Number(test.pattern.test(subject)) : test.pattern.count(subject, rule.countMax);
    if (count > 0) return count;
  }
  return Number(test.negated);
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
