// The evals of SpamAssassin's BodyEval: how the text parts of a message compare, and how their lines are made.
import { splitChunks } from '../mail/body.js';
import type { RenderedPart } from '../mail/body.js';
import { allParts, type MailPart } from '../mail/part.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { splitLines } from '../mail/transfer.js';
import { isBlank, isBlankCode, trimEnd } from '../mail/white.js';
import { holds, type Eval, type EvalFunction } from './eval.js';

/** How the HTML and the plain text of an alternative differ. */
interface Difference {
  /** Percent of the words of the HTML that the text lacks, the worst of all alternatives. */
  readonly percent: number;
  /** Different words. */
  readonly htmlWords: number;
  readonly textWords: number;
}

/** Remembers for each message what is costly to find out. */
function remembered<T>(find: (mail: RuleMail) => T): (mail: RuleMail) => T {
  const known = new WeakMap<RuleMail, { readonly value: T }>();
  return (mail) => {
    let found = known.get(mail);
    if (found === undefined) {
      found = { value: find(mail) };
      known.set(mail, found);
    }
    return found.value;
  };
}

const differenceOf = remembered((mail): Difference => {
  let difference: Difference = { percent: 0, htmlWords: 0, textWords: 0 };
  const alternatives = mail.parts.filter(({ type }) => /^multipart\/alternative\b/.test(type));
  if (alternatives.length === 0 || isMeeting(mail.parsed.root)) return difference;
  const rendered = new Map(mail.rendered.flatMap((part) => (part === null ? [] : [[part.part, part] as const])));
  for (const alternative of alternatives) {
    const texts = allParts(alternative).filter(({ type }) => /^text\b/.test(type));
    const [html, text] = countWords(texts.flatMap((part) => rendered.get(part) ?? []));
    if (html.size === 0) continue;
    const lacking = [...html].filter(([word, count]) => count > (text.get(word) ?? 0)).length;
    const percent = Math.max(difference.percent, (lacking / html.size) * 100);
    difference = { percent, htmlWords: html.size, textWords: text.size };
  }
  return difference;
});

/** An invitation to a meeting: HTML and a calendar entry. */
function isMeeting({ type, children }: MailPart): boolean {
  const below = children?.map((child) => child.isLeaf && child.type);
  return (
    type === 'multipart/alternative' && below?.length === 2 && below[0] === 'text/html' && below[1] === 'text/calendar'
  );
}

/** What HTML with images and without words counts as. */
const IMAGE_WORD = '\n';

function countWords(parts: readonly RenderedPart[]): [html: Map<string, number>, text: Map<string, number>] {
  const html = new Map<string, number>();
  const text = new Map<string, number>();
  for (const part of parts) {
    const words = part.type === 'text/html' ? html : text;
    const spaces = part.all.wide ? WIDE_SPACES : SPACES;
    for (const word of part.all.text.split(spaces))
      if (holdsLetter(word, part.all.wide)) words.set(word, (words.get(word) ?? 0) + 1);
    if (part.type === 'text/html' && html.size === 0 && part.html?.inside.has('img') === true) html.set(IMAGE_WORD, 1);
  }
  return [html, text];
}

const SPACES = /[\t-\r ]+/;
const WIDE_SPACES = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

function holdsLetter(word: string, wide: boolean): boolean {
  return /\w/.test(word) || (wide && /[\p{L}\p{M}\p{N}\p{Pc}]/u.test(word));
}

const blankPercent = remembered((mail): { readonly lines: number; readonly blank: number } => {
  let lines = 0;
  let blank = 0;
  for (const { text } of mail.texts('rawbody')) {
    for (const line of splitLines(text)) {
      lines++;
      if (isBlank(line)) blank++;
    }
  }
  return { lines, blank };
});

const blankLineRatio: EvalFunction = (mail, [min, max, least]) => {
  const { lines, blank } = blankPercent(mail);
  const ratio = lines < Math.max(1, Number(least ?? 1)) ? -1 : (100 * blank) / lines;
  return holds((Number(min) === 0 || ratio > Number(min)) && ratio <= Number(max));
};

/** The highest share of blanks in any element, percent of the other characters. */
const blankShare = remembered((mail): number => {
  let most = -1;
  for (const { text } of mail.texts('body')) {
    if (text.length <= 5) continue;
    let blanks = 0;
    for (let at = text.indexOf(' '); at >= 0; at = text.indexOf(' ', at + 1)) blanks++;
    const others = text.length - blanks;
    most = Math.max(most, blanks > others || others === 0 ? 100 : Math.trunc((100 * blanks) / others));
  }
  return most;
});

/** Words that stand before a colon in tips on shares. */
const STOCK_WORD =
  /(^trad(?:e|ing)date|company(?:name)?|s\w?(?:t\w?o\w?c\w?k|y\w?m(?:\w?b\w?o\w?l)?)|t(?:arget|icker)|(?:opening|current)p(?:rice)?|p(?:rojected|osition)|expectations|weeks?high|marketperformance|(?:year|week|month|day|price)(?:target|estimates?)|sector|r(?:ecommendation|ating))$/;

/** Longest and shortest label before a colon. */
const LABEL_MAX = 30;
const LABEL_MIN = 3;

const stockWords = remembered((mail): number => {
  const first = mail.parts.find(({ type }) => type === 'text/plain');
  const rendered = mail.rendered.find((part) => part !== null && part.part === first);
  if (rendered === undefined || rendered === null) return 0;
  const found = new Set<string>();
  for (const chunk of splitChunks(rendered.all.text)) {
    for (const label of labels(chunk)) {
      const word = STOCK_WORD.exec(label.toLowerCase().replace(/[^a-z]+/g, ''))?.[1];
      if (word !== undefined) found.add(word);
    }
  }
  return found.size;
});

/** Labels at the start of lines: a colon behind them, and something behind that. */
function labels(text: string): string[] {
  const found: string[] = [];
  let lineStart = 0;
  while (lineStart < text.length) {
    let at = skipBlanks(text, lineStart);
    let end = at;
    while (end < text.length && end - at <= LABEL_MAX && text[end] !== ':' && text[end] !== '\n') end++;
    const label = trimEnd(text.slice(at, end));
    const colon = skipBlanks(text, at + label.length);
    if (text[colon] === ':' && label.length <= LABEL_MAX && end - at >= LABEL_MIN) {
      const after = skipBlanks(text, colon + 1);
      if (after < text.length) {
        found.push(label);
        at = after;
      }
    }
    const lineEnd = text.indexOf('\n', at);
    if (lineEnd < 0) break;
    lineStart = lineEnd + 1;
  }
  return found;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlankCode(text.charCodeAt(at))) at++;
  return at;
}

/** Lengths of the first plain text before and after its last signature mark. */
const signature = remembered((mail): { readonly body: number; readonly signature: number } | null => {
  const part = mail.parts.find(({ type }) => type.startsWith('text/plain'));
  if (part === undefined) return null;
  const text = part.bytes();
  let lengths = { body: text.length, signature: 0 };
  for (const found of text.matchAll(/^-- ?\r?$/gm)) {
    const end = found.index + found[0].length;
    // A mark at the very end is a decoy.
    if (text.length - end > 4) lengths = { body: found.index, signature: text.length - end };
  }
  return lengths;
});

/** Stands for a signature of no length. */
const RATIO_MAX = 1_000_000;

function isWithin(value: number | undefined, min: string | undefined, max: string | undefined): boolean {
  return value !== undefined && value >= Number(min) && (max === undefined || value <= Number(max));
}

export const BODY_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'multipart_alternative_difference',
    {
      summary: 'Percent of the words of the HTML that the plain text lacks: above, at most ("undef" for no limit).',
      argsMin: 2,
      argsMax: 2,
      run: (mail, [min, max]) => {
        const { percent } = differenceOf(mail);
        return holds((Number(min) === 0 || percent > Number(min)) && (max === 'undef' || percent <= Number(max)));
      },
    },
  ],
  [
    'multipart_alternative_difference_count',
    {
      summary:
        'The plain text has more different words than the HTML by the factor, and the HTML more than the number.',
      argsMin: 2,
      argsMax: 2,
      run: (mail, [ratio, least]) => {
        const { htmlWords, textWords } = differenceOf(mail);
        return holds(htmlWords > Number(least) && textWords / htmlWords > Number(ratio));
      },
    },
  ],
  [
    'check_blank_line_ratio',
    {
      summary: 'Percent of blank lines: above, at most; of so many lines at least.',
      argsMin: 2,
      argsMax: 3,
      run: blankLineRatio,
    },
  ],
  [
    'tvd_vertical_words',
    {
      summary: 'Blanks by other characters, the highest of all paragraphs in percent: at least, below.',
      argsMin: 2,
      argsMax: 2,
      run: (mail, [min, max]) => {
        const limit = Number(max) >= 100 ? 101 : Number(max);
        return holds(blankShare(mail) >= Number(min) && blankShare(mail) < limit);
      },
    },
  ],
  [
    'check_stock_info',
    {
      summary: 'So many labels of tips on shares stand in the first plain text.',
      argsMin: 1,
      argsMax: 1,
      run: (mail, [min]) => holds(Number(min) === 0 || stockWords(mail) >= Number(min)),
    },
  ],
  [
    'check_body_length',
    {
      summary: 'The body has at most so many bytes.',
      argsMin: 1,
      argsMax: 1,
      run: (mail, [max]) => holds(mail.parsed.bodyText.length <= Number(max)),
    },
  ],
  [
    'plaintext_body_length',
    {
      summary: 'Bytes of the plain text before its signature: at least, at most.',
      argsMin: 1,
      argsMax: 2,
      run: (mail, [min, max]) => holds(isWithin(signature(mail)?.body, min, max)),
    },
  ],
  [
    'plaintext_sig_length',
    {
      summary: 'Bytes of the signature of the plain text: at least, at most.',
      argsMin: 1,
      argsMax: 2,
      run: (mail, [min, max]) => holds(isWithin(signature(mail)?.signature, min, max)),
    },
  ],
  [
    'plaintext_body_sig_ratio',
    {
      summary: 'Plain text by its signature: at least, at most.',
      argsMin: 1,
      argsMax: 2,
      run: (mail, [min, max]) => {
        const lengths = signature(mail);
        if (lengths === null) return holds(false);
        const ratio = lengths.signature === 0 ? RATIO_MAX : lengths.body / lengths.signature;
        return holds(isWithin(ratio, min, max));
      },
    },
  ],
];
