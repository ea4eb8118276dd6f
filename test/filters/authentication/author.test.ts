// Whose mail a message is: one From field with one address, by the grammar, or nobody's. Every way to have two authors, and
// every spelling of one domain.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignmentOf } from '../../../filters/authentication/alignment.js';
import { fromDomain } from '../../../filters/authentication/author.js';
import { canonicalDomain, organisationalDomain } from '../../../filters/authentication/domain.js';
import { parseMessage } from '../../../message/parse.js';
import { cpuMsSince } from '../../ground/cpu.js';

/** Of a message with these header lines; text goes as latin1 bytes. */
function author(...lines: string[]) {
  return fromDomain(parseMessage(Buffer.from([...lines, '', 'Hello.', ''].join('\r\n'), 'latin1')));
}
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

describe('one author', () => {
  it.each([
    ['a@good.test', 'good.test'],
    ['<a@good.test>', 'good.test'],
    ['Ann <a@good.test>', 'good.test'],
    ['Ann A. Bee <a@good.test>', 'good.test'],
    ['"Bee, Ann" <a@good.test>', 'good.test'],
    ['"a@bank.test" <b@good.test>', 'good.test'],
    ['"Ann <a@bank.test>" <b@good.test>', 'good.test'],
    ['"Ann \\" <a@bank.test>" <b@good.test>', 'good.test'],
    ['=?utf-8?q?a=40bank.test?= <b@good.test>', 'good.test'],
    ['=?utf-8?q?Ann=2C_Bob?= <b@good.test>', 'good.test'],
    ['a@good.test (Ann)', 'good.test'],
    ['b@good.test (a@bank.test)', 'good.test'],
    ['(a@bank.test) b@good.test', 'good.test'],
    ['Ann <a (at home) @ (the) good (one) . test>', 'good.test'],
    ['a@good.test <a@good.test>', 'good.test'],
    ['me@www.good.test <b@good.test>', 'good.test'],
    ['"a b"@good.test', 'good.test'],
    ['"a@bank.test"@good.test', 'good.test'],
    ['<"a@bank.test>, <c"@good.test>', 'good.test'],
    ['"a".b."c"@good.test', 'good.test'],
    ['a..b.@good.test', 'good.test'],
    ['<A@GOOD.Test>', 'good.test'],
    ['a@good.test.', 'good.test'],
    ['a@good', 'good'],
    ['a@xn--bcher-kva.test', 'xn--bcher-kva.test'],
    [utf8('a@bücher.test'), 'xn--bcher-kva.test'],
    [utf8('a@BÜCHER。test'), 'xn--bcher-kva.test'],
    [utf8('ä@good.test'), 'good.test'],
    [utf8('Änn <a@good.test>'), 'good.test'],
    ['\xc4nn <a@good.test>', 'good.test'],
    ['a@under_score.good.test', 'under_score.good.test'],
    ['Ann\r\n <a@good.test>', 'good.test'],
    ['Ann\r\n\t<a@good.test>\r\n (work)', 'good.test'],
  ])('%s', (value, domain) => {
    expect(author(`From: ${value}`, 'To: c@house.test')).toEqual({ domain, problem: null });
  });

  it('under a name in any case, blanks before the colon', () => {
    for (const name of ['FROM', 'fRoM', 'from ', 'From\t'])
      expect(author(`${name}: a@good.test`).domain).toBe('good.test');
  });

  it('beside fields whose names only hold the word', () => {
    const lines = ['Resent-From: x@bank.test', 'X-From: x@bank.test', 'From-Line: x@bank.test', 'Sender: x@bank.test'];
    expect(author(...lines, 'From: a@good.test', 'Subject: x\r\n From: y@bank.test')).toEqual({
      domain: 'good.test',
      problem: null,
    });
  });

  it('whatever the body says', () => {
    const message = parseMessage(
      Buffer.from('From: a@good.test\r\n\r\nFrom: b@bank.test\r\n\r\nFrom: c@bank.test\r\n'),
    );
    expect(fromDomain(message).domain).toBe('good.test');
  });
});

describe('no author', () => {
  it.each([
    ['a@good.test, b@good.test', 'several'],
    ['a@good.test, b@bank.test', 'several'],
    ['a@good.test; b@bank.test', 'several'],
    ['<a@good.test>, <b@bank.test>', 'several'],
    ['<a@good.test> <b@bank.test>', 'several'],
    ['<a@good.test><b@bank.test>', 'several'],
    ['<a@good.test> b@bank.test', 'several'],
    ['Bee, Ann <a@good.test>', 'several'],
    ['a@good.test,', 'several'],
    [',a@good.test', 'several'],
    ['friends: a@good.test;', 'group'],
    ['friends: a@good.test, b@bank.test;', 'group'],
    ['undisclosed:;', 'group'],
    ['friends:Ann <a@good.test>;', 'group'],
    ['a@good.test:b@bank.test', 'group'],
    ['', 'no-domain'],
    ['Ann', 'no-domain'],
    ['<>', 'no-domain'],
    ['Ann <>', 'no-domain'],
    ['<a>', 'no-domain'],
    ['a@', 'no-domain'],
    ['a@.', 'no-domain'],
    ['a@[192.0.2.1]', 'no-domain'],
    ['a@192.0.2.1', 'no-domain'],
    ['a@good..test', 'no-domain'],
    ['a@.good.test', 'no-domain'],
    ['a@good.test..', 'no-domain'],
    [`a@${'x'.repeat(64)}.test`, 'no-domain'],
    [`a@${'x.'.repeat(130)}test`, 'no-domain'],
    ['a@go*od.test', 'no-domain'],
    ['a@good.test/x', 'no-domain'],
    ['=?utf-8?q?a=40good.test?=', 'no-domain'],
    ['a@=?utf-8?q?good?=.test', 'broken'],
    ['=?utf-8?q?x=40bank.test=3E?=@good.test', 'broken'],
    ['a@b\xfccher.test', 'no-domain'],
    ['<@good.test,@any.test:b@bank.test>', 'broken'],
    ['<@good.test:b@bank.test>', 'broken'],
    ['<a@good.test(@bank.test)>', 'broken'],
    ['<a@good.test(<b@bank.test>)>', 'broken'],
    ['a@bank.test <b@good.test>', 'broken'],
    ['a@bank . test <b@good.test>', 'broken'],
    ['a@good.test b@bank.test', 'broken'],
    ['a b@good.test', 'broken'],
    ['a@good.test b', 'broken'],
    ['a@good.test@bank.test', 'broken'],
    ['a@bank.test\\@good.test', 'broken'],
    ['"a"b@good.test', 'broken'],
    ['@good.test', 'broken'],
    ['a@good.test>', 'no-domain'],
    ['<a@good.test', 'broken'],
    ['<<a@good.test>>', 'broken'],
    ['"Ann <a@good.test>', 'broken'],
    ['Ann (work <a@good.test>', 'broken'],
    ['a@"good.test"', 'broken'],
    ['a@good.test "b@bank.test"', 'broken'],
    [`${'('.repeat(40)}${')'.repeat(40)} a@good.test`, 'broken'],
    ['a@good.test\0', 'broken'],
    ['a@bank.test\0@good.test', 'broken'],
    ['a@good.test\x07', 'broken'],
    ['a@good.test\rX', 'broken'],
    [`${'x'.repeat(20_000)} <a@good.test>`, 'broken'],
  ])('%s', (value, problem) => {
    expect(author(`From: ${value}`)).toMatchObject({ domain: null, problem });
  });

  it('without a From field', () => {
    expect(author('Subject: x', 'Sender: a@good.test')).toEqual({ domain: null, problem: 'missing' });
    expect(fromDomain(parseMessage(Buffer.alloc(0)))).toEqual({ domain: null, problem: 'missing' });
  });

  it.each([
    ['twice', ['From: a@good.test', 'From: b@bank.test']],
    ['twice the same', ['From: a@good.test', 'From: a@good.test']],
    ['in another case', ['From: a@good.test', 'fRoM: b@bank.test']],
    ['with a blank before the colon', ['From: a@good.test', 'From : b@bank.test']],
    ['with a tab before the colon', ['From\t: b@bank.test', 'From: a@good.test']],
    ['with a NUL in the name', ['From: a@good.test', 'Fr\0om: b@bank.test']],
    ['with bytes some readers drop', ['\xef\xbb\xbfFrom: b@bank.test', 'From: a@good.test']],
    ['with a control in the name', ['From: a@good.test', 'From\x08: b@bank.test']],
    ['behind a bare CR', ['From: a@good.test', 'Subject: x\rFrom: b@bank.test']],
    ['behind a line that is no field', ['From: a@good.test', 'no field', 'From: b@bank.test']],
    ['as a continuation at the top', [' From: b@bank.test', 'From: a@good.test']],
    ['one of them empty', ['From:', 'From: a@good.test']],
    [
      'far below',
      ['From: a@good.test', ...Array.from({ length: 1_000 }, (_, at) => `X-N: ${at}`), 'From: b@bank.test'],
    ],
    ['beyond the parser', ['From: a@good.test', ...Array.from({ length: 5_000 }, () => 'X: y'), 'From: b@bank.test']],
    ['beyond its bytes', ['From: a@good.test', `X: ${'y'.repeat(1_100_000)}`, 'From: b@bank.test']],
  ])('%s', (_what, lines) => {
    expect(author(...lines)).toMatchObject({ domain: null, problem: 'repeated' });
  });

  it('where the only field lies beyond what was read', () => {
    expect(author(...Array.from({ length: 5_000 }, () => 'X: y'), 'From: a@good.test').domain).toBeNull();
  });

  it('with bare line ends of each kind', () => {
    for (const end of ['\n', '\r']) {
      const text = ['From: a@good.test', 'From: b@bank.test', '', 'Hello'].join(end);
      expect(fromDomain(parseMessage(Buffer.from(text))).domain).toBeNull();
    }
  });
});

describe('what a field without an author claims', () => {
  it.each([
    ['a@good.test, b@bank.test', ['good.test', 'bank.test']],
    ['a@good.test, b@GOOD.test.', ['good.test']],
    ['Ann , <a@bank.test>', ['bank.test']],
    ['"x@other.test", (y@other.test) <a@bank.test>', ['bank.test']],
    ['friends: a@bank.test;', ['bank.test']],
    ['a@good.test b@bank.test', ['good.test', 'bank.test']],
    ['<@good.test:b@bank.test>', ['good.test', 'bank.test']],
    ['<a@bank.test@good.test>', ['bank.test', 'good.test']],
    ['"Ann <a@bank.test>', ['bank.test']],
    ['a@bank.test\0@good.test', ['bank.test', 'good.test']],
    ['Ann', []],
    ['a@[192.0.2.1]', []],
    [`"${'x'.repeat(20_000)}" <a@bank.test>`, ['bank.test']],
    [
      Array.from({ length: 50 }, (_, at) => `a@d${at}.test`).join(', '),
      ['d0.test', 'd1.test', 'd2.test', 'd47.test', 'd48.test', 'd49.test'],
    ],
  ])('%s', (value, claimed) => {
    expect(author(`From: ${value}`)).toMatchObject({ domain: null, claimed });
  });

  it('over several fields', () => {
    expect(author('From: a@good.test', 'From: b@bank.test')).toMatchObject({ claimed: ['good.test', 'bank.test'] });
    const many = Array.from({ length: 50 }, (_, at) => `From: a@d${at}.test`);
    expect(author(...many)).toMatchObject({ claimed: ['d0.test', 'd1.test', 'd48.test', 'd49.test'] });
  });
});

describe('any header', () => {
  const piece = fc.constantFrom(
    'From',
    'fRoM',
    ':',
    ' ',
    '\r\n',
    '\n',
    '\r',
    '\t',
    'a@good.test',
    'b@bank.test',
    '<',
    '>',
    '"',
    '(',
    ')',
    ',',
    ';',
    '@',
    '\\',
    '\0',
    '=?utf-8?q?a?=',
    'x',
  );
  it('gives a domain or a problem, never both, and no domain that two From lines hold', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        const found = fromDomain(parseMessage(Buffer.from(text, 'latin1')));
        expect(found.domain === null).toBe(found.problem !== null);
        const header = text.split(/\r?\n\r?\n/)[0] as string;
        const lines = header.split(/[\r\n]+/).filter((line) => /^from[ \t]*:/i.test(line));
        if (lines.length > 1) expect(found.domain).toBeNull();
      }),
      { numRuns: 3_000 },
    );
  });

  it('is read in linear time', () => {
    const before = process.cpuUsage();
    for (const unit of ['(', '"', '<', '@', 'a@b.', ',', '\\', '=?', '\r\n ', 'From:\r'])
      author(`From: ${unit.repeat(Math.floor(2_000_000 / unit.length))}`);
    expect(cpuMsSince(before)).toBeLessThan(3_000);
  });
});

describe('names', () => {
  it.each([
    ['good.test', 'good.test', 'strict'],
    ['GOOD.test.', 'good.test', 'strict'],
    ['mail.good.test', 'good.test', 'relaxed'],
    ['good.test', 'a.b.good.test', 'relaxed'],
    ['a.good.test', 'b.good.test', 'relaxed'],
    ['good.test', 'notgood.test', null],
    ['good.test.bad.test', 'good.test', null],
    ['one.co.uk', 'two.co.uk', null],
    ['www.one.co.uk', 'one.co.uk', 'relaxed'],
    ['co.uk', 'one.co.uk', null],
    ['co.uk', 'co.uk', 'strict'],
    ['one.github.io', 'two.github.io', null],
    ['github.io', 'one.github.io', null],
    ['x.one.github.io', 'one.github.io', 'relaxed'],
    ['test', 'good.test', null],
    ['a.b.kawasaki.jp', 'b.kawasaki.jp', null],
    ['bücher.test', 'xn--bcher-kva.test', 'strict'],
    ['', '', null],
    ['', 'good.test', null],
    ['[192.0.2.1]', '[192.0.2.1]', null],
    ['192.0.2.1', '192.0.2.1', null],
    ['good.test\0', 'good.test', null],
    ['good..test', 'good..test', null],
  ])('%s and %s: %s', (left, right, alignment) => {
    expect(alignmentOf(left, right)).toBe(alignment);
    expect(alignmentOf(right, left)).toBe(alignment);
  });

  it('have one canonical form, whose organisation is its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
        const once = canonicalDomain(text);
        if (once === null) return;
        expect(once).toMatch(/^[a-z0-9_.-]{1,253}$/);
        expect(canonicalDomain(once)).toBe(once);
        const organisation = organisationalDomain(once);
        expect(organisationalDomain(organisation)).toBe(organisation);
        expect(`.${once}`.endsWith(`.${organisation}`)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
