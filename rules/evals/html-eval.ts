// The evals of SpamAssassin's HTMLEval: questions on what the HTML parts of a message are made of. Each holds when any
// part fits; names of values are SpamAssassin's own.

import { characterCount, type HtmlFacts } from '../mail/html.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { compilePattern, Subject, type Pattern } from '../pattern/pattern.js';
import { holds, type Eval, type EvalFunction } from './eval.js';

/** Texts that patterns may ask about, by SpamAssassin's names. */
const TEXTS: ReadonlyMap<string, (html: HtmlFacts) => readonly string[]> = new Map([
  ['anchor', (html: HtmlFacts) => html.anchors],
  ['title', (html: HtmlFacts) => html.titles],
  ['comment', (html: HtmlFacts) => html.comments],
  ['script', (html: HtmlFacts) => html.scripts],
  ['uri', (html: HtmlFacts) => [...html.uris.keys()]],
]);

/** More than the first bound, and not more than the second. */
function isBetween(value: number | undefined, min: string | undefined, max: string | undefined): boolean {
  if (value === undefined || !(value > Number(min))) return false;
  return max === undefined || max === 'inf' || value <= Number(max);
}

const anyHtml =
  (test: (html: HtmlFacts, args: readonly string[], mail: RuleMail) => boolean): EvalFunction =>
  (mail, args) =>
    holds(mail.html().some((html) => test(html, args, mail)));

const COMPARISON = /^[ ]*(<=|>=|==|!=|<|>)[ ]*([-+]?\d{1,9})[ ]*$/;

/** `value` put before an expression such as `!= 0`. */
function compares(value: number | undefined, expression: string | undefined): boolean {
  const found = COMPARISON.exec(expression ?? '');
  if (value === undefined || found === null) return false;
  const other = Number(found[2]);
  switch (found[1]) {
    case '<':
      return value < other;
    case '>':
      return value > other;
    case '<=':
      return value <= other;
    case '>=':
      return value >= other;
    case '==':
      return value === other;
    default:
      return value !== other;
  }
}

function imageRatio({ values }: HtmlFacts, [min, max]: readonly string[]): boolean {
  const area = values.get('image_area') ?? 0;
  return area > 0 && isBetween((values.get('non_space_len') ?? 0) / area, min, max);
}

function titleRatio({ titles }: HtmlFacts, [ratio]: readonly string[], mail: RuleMail): boolean {
  const subject = mail.headers.subject('Subject')?.text ?? '';
  if (subject === '') return false;
  const longest = titles.reduce((most, title) => Math.max(most, characterCount(title)), 0);
  return longest / subject.length > Number(ratio);
}

/** Patterns of rules, by their arguments, which live as long as the rule. */
const patterns = new WeakMap<readonly string[], Pattern>();

function patternOf(args: readonly string[]): Pattern {
  let pattern = patterns.get(args);
  if (pattern === undefined) {
    pattern = compilePattern({ source: args[1] ?? '', flags: '' });
    patterns.set(args, pattern);
  }
  return pattern;
}

/** Stands for each character beyond Latin-1: patterns over characters count it as one, and never as a letter. */
const BEYOND = '\xbf';

function asCharacters(text: string): Subject {
  const narrow = /[^\x00-\xff]/.test(text)
    ? text.replace(/[\ud800-\udbff][\udc00-\udfff]|[^\x00-\xff]/g, BEYOND)
    : text;
  return new Subject(narrow);
}

function textMatches(html: HtmlFacts, args: readonly string[], wanted: boolean): boolean {
  const pattern = patternOf(args);
  const texts = TEXTS.get(args[0] ?? '')?.(html) ?? [];
  return texts.some((text) => pattern.test(asCharacters(text)) === wanted);
}

function checkPattern([, source = '']: readonly string[]): string | null {
  try {
    compilePattern({ source, flags: '' });
    return null;
  } catch (error) {
    return `pattern: ${error instanceof Error ? error.message : 'cannot be run'}`;
  }
}

function evaluation(summary: string, argsMin: number, argsMax: number, run: EvalFunction): Eval {
  return { summary, argsMin, argsMax, run };
}

export const HTML_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'html_tag_balance',
    evaluation(
      'As many of the elements named are left open at the end as the comparison says.',
      2,
      2,
      (mail, [tag = '', expression]) =>
        holds(/^[a-zA-Z0-9]+$/.test(tag) && mail.html().some(({ inside }) => compares(inside.get(tag), expression))),
    ),
  ],
  [
    'html_image_only',
    evaluation(
      'HTML with images that is longer than the first number and at most as long as the second.',
      2,
      2,
      anyHtml(({ inside, values }, [min, max]) => inside.has('img') && isBetween(values.get('length'), min, max)),
    ),
  ],
  [
    'html_image_ratio',
    evaluation(
      'Characters of text by pixels of images are above the first and at most the second number.',
      2,
      2,
      anyHtml(imageRatio),
    ),
  ],
  [
    'html_charset_faraway',
    // In 4.0.1 the renderer does not hand over what it needs, so it never holds there either.
    evaluation('Never holds, as in SpamAssassin 4.0.1.', 0, 0, () => holds(false)),
  ],
  [
    'html_tag_exists',
    evaluation(
      'HTML holds the tag named.',
      1,
      1,
      anyHtml(({ inside }, [tag = '']) => inside.has(tag)),
    ),
  ],
  [
    'html_test',
    evaluation(
      'HTML has the property named.',
      1,
      1,
      anyHtml(({ values }, [name = '']) => (values.get(name) ?? 0) !== 0),
    ),
  ],
  [
    'html_eval',
    evaluation(
      'The value named compares as written.',
      2,
      2,
      anyHtml(({ values }, [name = '', expression]) => compares(values.get(name), expression)),
    ),
  ],
  [
    'html_range',
    evaluation(
      'The value named is above the first and at most the second number.',
      2,
      3,
      anyHtml(({ values }, [name = '', min, max]) => isBetween(values.get(name), min, max)),
    ),
  ],
  [
    'html_text_match',
    {
      ...evaluation(
        'A text of that kind (anchor, title, comment, script) matches the pattern.',
        2,
        2,
        anyHtml((html, args) => textMatches(html, args, true)),
      ),
      checkArgs: checkPattern,
    },
  ],
  [
    'html_text_not_match',
    {
      ...evaluation(
        'A text of that kind does not match the pattern.',
        2,
        2,
        anyHtml((html, args) => textMatches(html, args, false)),
      ),
      checkArgs: checkPattern,
    },
  ],
  [
    'html_title_subject_ratio',
    evaluation('A title is longer than the subject by more than the factor.', 1, 1, anyHtml(titleRatio)),
  ],
  [
    'check_iframe_src',
    evaluation(
      'An inner frame loads an address.',
      0,
      0,
      anyHtml(({ uris }) => [...uris.values()].some(({ types }) => types.has('iframe'))),
    ),
  ],
];
