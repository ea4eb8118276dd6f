// Words and expressions on the targets of a message: what looks the same is the same, many at once give what one by one
// gives, and hostile text costs no more than any other.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../message/parse.js';
import { foldCase, unify } from '../../../rules/content/fold.js';
import { ContentMatcher, objectionTo, type ContentHits, type ContentPattern } from '../../../rules/content/matcher.js';
import { TargetTexts } from '../../../rules/content/target.js';
import { doAtOnce } from '../../../rules/steps.js';
import { makeTransaction } from '../../ground/transaction.js';
import { cpuMsSince } from '../../ground/cpu.js';

const all = (): boolean => true;

function textsOf(raw: string, fields: Parameters<typeof makeTransaction>[1] = {}, max = 1_000_000): TargetTexts {
  const content = Buffer.from(raw.replace(/\n/g, '\r\n'));
  return new TargetTexts(parseMessage(content), makeTransaction(content, fields), max);
}

type Fields = Partial<ContentPattern> & { readonly pattern: string };

const whole = (fields: Fields): ContentPattern => ({
  target: 'content',
  header: '',
  relation: 'contains',
  caseSensitive: false,
  ...fields,
});

function holds(pattern: Fields, texts: TargetTexts): boolean {
  return doAtOnce(new ContentMatcher([whole(pattern)]).match(texts, all)).hits.length === 1;
}

/** All of them at once over the text of a message. */
function matched(patterns: readonly Fields[], text: string): ContentHits {
  return doAtOnce(new ContentMatcher(patterns.map(whole)).match(textsOf(`\n${text}`), all));
}

describe('text made comparable', () => {
  it.each([
    ['straße', 'STRASSE'],
    ['STRAẞE', 'strasse'],
    ['ΣΟΣ', 'σος'],
    ['ΟΔΟΣ', 'οδοσ'],
    ['\u212Aelvin', 'kelvin'],
    ['ſecret', 'SECRET'],
    ['ﬁnance', 'FINANCE'],
    ['Ｓｅｃｒｅｔ', 'secret'],
    ['se\u00ADc\u200Bret', 'secret'],
    ['caf\u0065\u0301', 'CAF\u00C9'],
    ['top\n   secret\t', 'Top Secret'],
    ['İstanbul', 'i\u0307stanbul'],
  ])('%j is %j', (one, other) => {
    expect(foldCase(unify(one))).toBe(foldCase(unify(other)));
  });

  it('is the same for every letter and its partners', () => {
    for (let code = 0; code < 0x2_0000; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const letter = String.fromCodePoint(code);
      const folded = foldCase(letter);
      if (foldCase(letter.toUpperCase()) !== folded || foldCase(letter.toLowerCase()) !== folded) {
        expect(letter, code.toString(16)).toBe('a letter whose partners fold alike');
      }
    }
  });

  it('stays as it is when done twice', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => unify(unify(text)) === unify(text)));
  });
});

describe('many words at once', () => {
  const found = (words: readonly string[], text: string): readonly number[] =>
    matched(
      words.map((pattern) => ({ pattern })),
      text,
    ).hits;

  it('are those that occur, one by one', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'ß', '詐', 'É'), minLength: 1, maxLength: 5 });
    const text = fc.string({ unit: fc.constantFrom('a', 'B', 'ẞ', '詐', 'é', 'd', '騙'), maxLength: 60 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), text, (words, whole) => {
        const folded = foldCase(whole);
        const expected = words.flatMap((one, number) => (folded.includes(foldCase(one)) ? [number] : []));
        expect(found(words, whole)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('may be of one letter, or long', () => {
    const long = 'Lorem ipsum dolor '.repeat(40).trim();
    const words = ['x', 'é', '局', long, `${long}x`, 'zz'];
    expect(found(words, `a ${long.toUpperCase()} É 局`)).toEqual([1, 2, 3]);
  });

  it('are told again in the next text', () => {
    const matcher = new ContentMatcher([whole({ pattern: 'ab' })]);
    const hits = ['ab ab', 'xab', 'x'].map((text) => doAtOnce(matcher.match(textsOf(`\n${text}`), all)).hits);
    expect(hits).toEqual([[0], [0], []]);
  });

  it('may be thousands, of thousands of letters', () => {
    const letters = Array.from({ length: 3_000 }, (_, index) => String.fromCharCode(0x4e00 + index));
    const words = letters.map((letter, index) => letter + (letters[(index * 7) % 3_000] ?? ''));
    expect(found(words, words[2_999] ?? '')).toEqual([2_999]);
  });

  it('cost no more on text made against them', () => {
    const words = Array.from({ length: 2_000 }, (_, index) => `${'a'.repeat(40)}${index}`);
    const matcher = new ContentMatcher(words.map((pattern) => whole({ pattern })));
    const texts = textsOf(`\n${'a'.repeat(1_000_000)}`);
    const startedAt = process.cpuUsage();
    expect(doAtOnce(matcher.match(texts, all)).hits).toEqual([]);
    expect(cpuMsSince(startedAt)).toBeLessThan(2_000);
  });
});

describe('many expressions at once', () => {
  const expressions = (patterns: readonly string[]): readonly Fields[] =>
    patterns.map((pattern) => ({ relation: 'matches', pattern }));

  it('are those that match', () => {
    const items = Array.from({ length: 60 }, (_, index) => `item ${index}\\b`);
    expect(matched(expressions(items), 'ITEM 59, item 3, item 444').hits).toEqual([3, 59]);
    const greedy = Array.from({ length: 25 }, (_, index) => `[a-q][^u-z]{${100 + index * 7}}[x-z]{1,90}${index}q`);
    const noise = Array.from({ length: 60_000 }, (_, index) => 'abcdefghijklmnopqrstuvwxyz'[(index * index * 31) % 26]);
    expect(matched(expressions([...greedy, 'needle']), `${noise.join('')} needle`)).toEqual({ hits: [25], gaveUp: [] });
  });

  it('take linear time where they can, and say so where they give up', () => {
    const startedAt = process.cpuUsage();
    const text = `${'a'.repeat(500_000)}!`;
    expect(matched(expressions(['(a+)+$']), text)).toEqual({ hits: [], gaveUp: [] });
    expect(matched(expressions(['(?=a)(a+)+$', '(a*)*\\1b', '!']), text)).toEqual({ hits: [2], gaveUp: [0, 1] });
    expect(cpuMsSince(startedAt)).toBeLessThan(2_000);
  });

  it('may look round and refer back', () => {
    expect(matched(expressions(['(?<!no )secret', '(\\w)\\1 (?=plan)']), 'the secret: full plan').hits).toEqual([0, 1]);
    expect(matched(expressions(['(?<!no )secret', '(\\w)\\1 (?=plan)']), 'no secret: fuel plan').hits).toEqual([]);
  });

  it('are refused with the reason where they cannot be run', () => {
    const refusal = (pattern: string) => objectionTo({ relation: 'matches', pattern });
    expect(refusal('(a')).toMatch(/can be run \(opening bracket without a closing one\)/);
    expect(refusal('[z-a]')).toMatch(/range in a character class that is not one/);
    expect(refusal('(a)\\2')).toMatch(/group that does not exist/);
    expect(refusal('(?{code})')).toMatch(/unknown kind of group/);
    expect(refusal('(?=a)')).toBeNull();
    expect(objectionTo({ relation: 'contains', pattern: ' \u200b ' })).toMatch(/something to see/);
    expect(objectionTo({ relation: 'contains', pattern: '(a' })).toBeNull();
  });
});

const MAIL = `From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm@house.test>
To: Anna Away <anna@away.test>, team@away.test
Cc: Carl <carl@third.test>
Subject: =?utf-8?b?VmVydHJhdWxpY2g6IFplbnRyYWxl?=
Subject: second one
X-Project: Blue Whale
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

${Buffer.from('Die Kundenliste liegt\r\nbei, siehe unten.\r\nKonto 4711').toString('base64')}
--b
Content-Type: text/html

<p>All <b>col</b>ours of the <i>rain<!-- x -->bow</i><span style="display:none">hidden words</span></p>
--b
Content-Type: text/csv; name=list.csv
Content-Disposition: attachment; filename=list.csv

name;iban
Huber;CH93
--b--
`;

describe('the targets of a message', () => {
  const texts = textsOf(MAIL, {
    mailFrom: 'bounce@house.test',
    rcptTo: ['anna@away.test', 'secret-copy@away.test'],
  });

  it.each<[string, Partial<ContentPattern> & { readonly pattern: string }]>([
    ['a decoded subject', { target: 'subject', pattern: 'vertraulich: zentrale' }],
    ['a second subject', { target: 'subject', relation: 'equals', pattern: 'Second One' }],
    ['words across line ends', { pattern: 'kundenliste liegt bei' }],
    ['the subject in the content', { pattern: 'Zentrale' }],
    ['words through HTML tags', { pattern: 'colours of the rainbow' }],
    ['hidden words', { pattern: 'hidden words' }],
    ['an attached text file', { pattern: 'huber;ch93' }],
    ['a display name', { target: 'from', relation: 'equals', pattern: 'JÜRGEN MÜLLER' }],
    ['an address', { target: 'from', relation: 'equals', pattern: 'JM@house.test' }],
    ['the envelope sender', { target: 'from', pattern: 'bounce@' }],
    ['To and Cc', { target: 'to', relation: 'matches', pattern: '^carl@third\\.test$' }],
    ['a blind copy', { target: 'to', pattern: 'secret-copy@' }],
    ['a header', { target: 'header', header: 'x-project', relation: 'equals', pattern: ' blue whale ' }],
    ['an expression per line', { relation: 'matches', pattern: '^konto [0-9]{4}$' }],
    ['case where it counts', { caseSensitive: true, pattern: 'Kundenliste' }],
  ])('hold %s', (_, pattern) => {
    expect(holds(pattern, texts)).toBe(true);
  });

  it.each<[string, Partial<ContentPattern> & { readonly pattern: string }]>([
    ['the content in the subject', { target: 'subject', pattern: 'Kundenliste' }],
    ['a part for the whole', { target: 'subject', relation: 'equals', pattern: 'second' }],
    ['another case where it counts', { caseSensitive: true, pattern: 'kundenliste' }],
    ['another case of an expression where it counts', { caseSensitive: true, relation: 'matches', pattern: 'KONTO' }],
    ['words across two values', { target: 'to', pattern: 'away.test anna' }],
    ['a header that is not there', { target: 'header', header: 'X-Other', pattern: 'blue' }],
  ])('do not hold %s', (_, pattern) => {
    expect(holds(pattern, texts)).toBe(false);
  });

  it('are cut at the bound, and that is told', () => {
    const long = textsOf(`Subject: x\n\n${'word '.repeat(10_000)}needle\n`, {}, 10_000);
    expect(holds({ pattern: 'needle' }, long)).toBe(false);
    expect(long.cut).toBe(true);
    const whole = textsOf(`Subject: x\n\nword needle\n`, {}, 10_000);
    expect(holds({ pattern: 'needle' }, whole)).toBe(true);
    expect(whole.cut).toBe(false);
  });

  it('include what another reader may make of the bytes', () => {
    const twice = `Subject: x
Content-Type: text/plain
Content-Transfer-Encoding: 7bit
Content-Transfer-Encoding: base64

${Buffer.from('the secret recipe of the house, in full').toString('base64')}
`;
    expect(holds({ pattern: 'secret recipe' }, textsOf(twice))).toBe(true);
  });

  it('are not read for rules that cannot count', () => {
    const matcher = new ContentMatcher([
      { target: 'content', header: '', relation: 'contains', pattern: 'word', caseSensitive: false },
    ]);
    const long = textsOf(`Subject: x\n\n${'word '.repeat(10_000)}\n`, {}, 10_000);
    expect(doAtOnce(matcher.match(long, () => false))).toEqual({ hits: [], gaveUp: [] });
    expect(long.cut).toBe(false);
  });

  it('are read in steps, between which others may have their turn', () => {
    const steps = new ContentMatcher(['x', 'name', 'iban'].map((pattern) => whole({ pattern }))).match(texts, all);
    let count = 0;
    while (steps.next().done !== true) count++;
    expect(count).toBeGreaterThan(2);
  });

  it('are found in long texts wherever they stand, also across pieces', () => {
    const filler = 'word '.repeat(4_000);
    const expressions = ['\\bneedle [0-9]{1,900}x\\b', 'needle.*x word', 'Needle'];
    const matcher = new ContentMatcher(expressions.map((pattern) => whole({ relation: 'matches', pattern })));
    for (let shift = 0; shift < 40; shift++) {
      const text = `${filler.slice(0, 15_000 + shift * 37)} needle ${'7'.repeat(890)}x ${filler}`;
      expect(doAtOnce(matcher.match(textsOf(`\n${text}`), all)).hits).toEqual([0, 1, 2]);
    }
  });
});
