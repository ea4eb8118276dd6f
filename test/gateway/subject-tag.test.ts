// The tag before a subject: encoded, folded, missing, repeated, already tagged subjects.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signedNames, tagSubject } from '../../gateway/subject-tag.js';
import { parseMessage } from '../../message/parse.js';
import { applyEdits } from '../../pipeline/edits.js';

const NUMBERS = { score: '7.3', required: '5.0' };

function tagged(header: string | Buffer, template = '[SPAM]') {
  const raw = Buffer.concat([Buffer.from(header as string), Buffer.from('\r\n\r\nbody\r\n')]);
  const message = parseMessage(raw);
  const edits = tagSubject(message.headersNamed('Subject'), template, NUMBERS);
  const after = parseMessage(applyEdits(raw, edits));
  return { edits, after, raw: after.headersNamed('Subject').map(({ rawValue }) => rawValue) };
}

describe('one subject', () => {
  it.each([
    ['Subject: hello', ' [SPAM] hello'],
    ['Subject:hello', ' [SPAM] hello'],
    ['Subject :  hello ', ' [SPAM] hello'],
    ['Subject:', ' [SPAM]'],
    ['subject: a\r\n\tfolded one', ' [SPAM] a\r\n\tfolded one'],
    ['Subject:\r\n folded at once', ' [SPAM] folded at once'],
    ['Subject: =?utf-8?Q?hell=C3=B6?=\r\n =?utf-8?Q?_welt?=', ' [SPAM] =?utf-8?Q?hell=C3=B6?=\r\n =?utf-8?Q?_welt?='],
    ['Subject: =?broken', ' [SPAM] =?broken'],
  ])('%j keeps what the sender wrote', (header, raw) => {
    expect(tagged(`From: a@b.test\r\n${header}\r\nTo: c@d.test`).raw).toEqual([raw]);
  });

  it('keeps raw bytes of whatever charset', () => {
    const { raw } = tagged(Buffer.from('Subject: gr\xfc\xdfe', 'latin1'));
    expect(raw).toEqual([' [SPAM] gr\xfc\xdfe']);
  });

  it('adds one where there is none', () => {
    expect(tagged('From: a@b.test').raw).toEqual([' [SPAM]']);
  });

  it('gives a long first line a line of its own', () => {
    const { raw } = tagged(`Subject: ${'word '.repeat(150)}`);
    expect(raw[0]).toMatch(/^ \[SPAM\]\r\n word /);
    expect(Math.max(...(raw[0] ?? '').split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
  });

  it('with an empty tag nothing changes', () => {
    expect(tagged('Subject: hello', '').edits).toEqual([]);
    expect(tagged('Subject: hello', '  ').edits).toEqual([]);
  });
});

describe('the tag', () => {
  it('may name the score', () => {
    expect(tagged('Subject: hello', '[SPAM {score}/{required}]').after.subject).toBe('[SPAM 7.3/5.0] hello');
  });

  it.each(['Subject: hello', 'Subject: =?utf-8?B?aGVsbG8=?=', 'Subject: =?iso-8859-1?Q?hello?='])(
    'of any script is an encoded word of its own: %s',
    (header) => {
      const { after, raw } = tagged(header, '[垃圾邮件]');
      expect(after.subject).toBe('[垃圾邮件] hello');
      expect(raw[0]).toMatch(/^[\x20-\x7e\r\n]*$/);
    },
  );

  it('of any length is words of at most 75 characters', () => {
    const { after, raw } = tagged('Subject: hello', 'ж'.repeat(100));
    expect(after.subject).toBe(`${'ж'.repeat(100)} hello`);
    for (const word of (raw[0] ?? '').trim().split(/\s+/)) expect(word.length).toBeLessThanOrEqual(75);
  });

  it('that looks like an encoded word is text', () => {
    expect(tagged('Subject: hello', '=?utf-8?Q?x?=').after.subject).toBe('=?utf-8?Q?x?= hello');
  });

  it('is not repeated, whatever its number or encoding', () => {
    for (const subject of ['[SPAM 9.1] hello', '=?utf-8?Q?=5BSPAM_12.0=5D?= hello', '[SPAM -1.0]'])
      expect(tagged(`Subject: ${subject}`, '[SPAM {score}]').edits).toEqual([]);
    expect(tagged('Subject: Re: [SPAM] hello').after.subject).toBe('[SPAM] Re: [SPAM] hello');
    expect(tagged('Subject: [SPAM high] hello', '[SPAM {score}]').after.subject).toBe('[SPAM 7.3] [SPAM high] hello');
  });

  it('comes once, also when the message goes through twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), fc.constantFrom('[SPAM]', '[垃圾]'), (text, tag) => {
        const header = `Subject: ${text.replace(/[\r\n]/g, ' ')}`;
        const once = tagged(header, tag).after;
        const again = tagSubject(once.headersNamed('Subject'), tag, NUMBERS);
        expect(once.headersNamed('Subject')).toHaveLength(1);
        expect(again).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('several subjects', () => {
  it('become one, tagged', () => {
    const { after, edits } = tagged('Subject: first\r\nFrom: a@b.test\r\nSUBJECT: second\r\nsubject: third');
    expect(after.headersNamed('Subject').map(({ value }) => value)).toEqual(['[SPAM] first']);
    expect(edits.filter(({ kind }) => kind === 'change-header')).toHaveLength(1);
  });

  it('also where the first has its tag', () => {
    const { after } = tagged('Subject: [SPAM] first\r\nSubject: second');
    expect(after.headersNamed('Subject').map(({ value }) => value)).toEqual(['[SPAM] first']);
  });
});

describe('what a signature covers', () => {
  const names = (value: string) =>
    signedNames(parseMessage(Buffer.from(`DKIM-Signature: ${value}\r\n\r\n`)).headersNamed('DKIM-Signature')[0]!);

  it.each([
    ['v=1; a=rsa-sha256; h=From : Subject:date; b=x', ['from', 'subject', 'date']],
    ['v=1; bh=h=no; h = to:\r\n\tSUBJECT', ['to', 'subject']],
    ['v=1; b=x', []],
    ['', []],
  ])('%j', (value, expected) => expect(names(value)).toEqual(expected));
});
