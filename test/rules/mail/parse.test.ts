// A message taken apart as SpamAssassin 4.0.1 does; what is expected here was asked of it with these or like texts.
import { describe, expect, it } from 'vitest';
import { parseMail, type ParsedMail } from '../../../rules/mail/parse.js';
import { cpuMsSince } from '../../ground/cpu.js';

const tree = (mail: ParsedMail) => mail.parts.map((part) => (part.isLeaf ? `${part.type}=${part.bytes()}` : part.type));
const fields = (mail: ParsedMail) => mail.headers.map((header) => [header.name, header.decoded()]);

describe('the header', () => {
  it('unfolds values and keeps them raw beside', () => {
    const { root } = parseMail('Subject: one\n\ttwo  \nX-A : b\n\nbody');
    expect(root.headers.map(({ name, raw }) => [name, raw])).toEqual([
      ['Subject', ' one\n\ttwo  \n'],
      ['X-A', ' b\n'],
    ]);
    expect(root.value('subject')).toBe('one two');
  });

  it('lets three odd lines pass and takes the fourth for the body', () => {
    const mail = parseMail('A: 1\nodd one\nodd: two?\n\xe9 three\nodd four\nodd five\nB: 2\n\nx');
    expect(mail.flags.has('missing_head_body_separator')).toBe(true);
    expect(mail.bodyText).toBe('odd five\nB: 2\n\nx');
  });

  it('keeps what an odd line with a colon says', () => {
    expect(fields(parseMail('two words: x\nTo: a\n\n'))).toEqual([
      ['two words', 'x'],
      ['To', 'a'],
    ]);
  });

  it('ends at a boundary line and at the end of the text, and says so', () => {
    for (const text of ['A: 1\n--b\nx', 'A: 1\n'])
      expect(parseMail(text).flags.has('missing_head_body_separator')).toBe(true);
    expect(parseMail('A: 1\n\n').flags.size).toBe(0);
  });

  it('drops an mbox line and verdicts of filters', () => {
    const mail = parseMail('From a@example.net Mon\nX-Spam-Flag: YES\nTo: b\n\nx');
    expect(fields(mail)).toEqual([['To', 'b']]);
    expect(mail.mboxLine).toBe('From a@example.net Mon\n');
    expect(mail.pristine).toBe('X-Spam-Flag: YES\nTo: b\n\nx');
  });

  it('is bounded in names and values', () => {
    const mail = parseMail(`${'n'.repeat(300)}: ${'v'.repeat(9_000)}\n\nx`);
    expect(mail.headers[0]!.name).toHaveLength(256);
    expect(mail.headers[0]!.raw).toHaveLength(8_192);
    expect(mail.flags.has('truncated_header')).toBe(true);
  });

  it('decodes words, joining neighbours of one charset as bytes', () => {
    const mail = parseMail('Subject: =?utf-8?Q?a_=C3?=\n =?UTF-8?Q?=A9?= b =?iso-8859-1*fr?B?6Q==?= c\nX: \xe9\n\n');
    expect(mail.root.value('subject')).toBe('a \xc3\xa9 b \xc3\xa9 c');
    expect(mail.root.value('x')).toBe('\xc3\xa9');
  });

  it('reads Japanese words', () => {
    expect(parseMail('Subject: =?ISO-2022-JP?B?GyRCJDMbKEI=?=\n\n').root.value('subject')).toBe('\xe3\x81\x93');
  });
});

describe('the body', () => {
  it('loses blank lines of a run over twenty, and CRs of CRLF', () => {
    const mail = parseMail(`A: 1\r\n\r\nx\r\n${'\r\n'.repeat(30)}y\r\n`);
    expect(mail.root.bytes()).toBe(`x\n${'\n'.repeat(20)}y\n`);
    expect(mail.bodyText).toContain('\r\n'.repeat(31));
  });
});

describe('parts', () => {
  const multipart = (body: string, type = 'multipart/mixed; boundary="b"') =>
    parseMail(`Content-Type: ${type}\n\n${body}`);

  it('lie between boundaries, without the line end before each', () => {
    const mail = multipart('dropped\n--b\n\none\n\n--b \nContent-Type: text/html\n\ntwo\n--b--\n');
    expect(tree(mail)).toEqual(['multipart/mixed', 'text/plain=one\n', 'text/html=two']);
    expect([...mail.flags]).toEqual(['missing_mime_headers']);
    expect([...mail.boundaries]).toEqual([['b', 0]]);
  });

  it('without any boundary line are one, and without an end are told', () => {
    expect(tree(multipart('Content-Type: text/html\n\nall'))).toEqual([
      'multipart/mixed',
      'text/plain=Content-Type: text/html\n\nall',
    ]);
    expect([...multipart('--b\n\nx').boundaries]).toEqual([['b', 1]]);
  });

  it('need a boundary', () => {
    expect(tree(multipart('x', 'multipart/mixed'))).toEqual(['text/plain=x']);
  });

  it('in a digest are messages, and messages are read', () => {
    const mail = multipart('--b\n\nSubject: in\n\nx\n--b--\n', 'multipart/digest; boundary=b');
    expect(tree(mail)).toEqual(['multipart/digest', 'message/rfc822', 'text/plain=x']);
    expect(mail.parts[2]!.value('subject')).toBe('in');
  });

  it('that repeat the boundary of the part above are taken on one level', () => {
    const inner = 'Content-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n';
    expect(tree(multipart(`--b\n${inner}--b--\n`))).toEqual([
      'multipart/mixed',
      'multipart/alternative',
      'text/plain=one',
      'text/plain=two',
    ]);
  });

  it('count as text/plain when the kind of text is unknown, and as HTML by their name', () => {
    const mail = multipart(
      '--b\nContent-Type: text/enriched\n\nx\n--b\nContent-Type: application/x; name="a.shtml"\n\ny\n--b--\n',
    );
    expect(mail.parts.slice(1).map(({ type, effectiveType }) => [type, effectiveType])).toEqual([
      ['text/plain', 'text/plain'],
      ['application/x', 'text/html'],
    ]);
  });

  it('have their long lines broken', () => {
    expect(
      multipart(`--b\n\n${'x'.repeat(5_000)}\n--b--\n`)
        .parts[1]!.lines()
        .map((line) => line.length),
    ).toEqual([2_049, 2_049, 904]);
  });

  it('are bounded in number and in depth', () => {
    expect(multipart('--b\n\nx\n'.repeat(1_500)).parts).toHaveLength(1_001);
    const deep = `${'Content-Type: message/rfc822\n\n'.repeat(100)}x`;
    expect(parseMail(deep).parts.length).toBeLessThan(25);
  });
});

describe('encodings', () => {
  const decoded = (encoding: string, content: string, type = 'text/plain') =>
    parseMail(`Content-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${content}`).root.bytes();

  it('quoted-printable is lenient', () => {
    expect(decoded('Quoted-Printable', 'a=3d=\nb \t\nc=ZZ=\n=41 =')).toBe('a=b\nc=ZZA =');
  });

  it('base64 skips what is foreign, and reads padding in the midst as bits', () => {
    expect(decoded('base64', 'aGVs\nbG8=\n')).toBe('hello');
    expect(decoded('BASE64', 'aG*Vsb\nG8')).toBe('hello');
    expect(decoded('base64', 'aGVs=G8h')).toBe('hel\x00o!');
  });

  it('any other leaves the content as it is', () => {
    expect(decoded('x-uuencode', 'a=3D')).toBe('a=3D');
  });
});

it('takes hostile messages in time', () => {
  const started = process.cpuUsage();
  parseMail(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\n'.repeat(500_000)}`);
  parseMail(`A: 1\n${' \n'.repeat(500_000)}x`);
  parseMail(`Content-Type: text/plain;${' charset'.repeat(1_000)}\n\n${'= \t'.repeat(500_000)}`).root.bytes();
  parseMail(`Content-Transfer-Encoding: quoted-printable\n\n${' '.repeat(1_000_000)}x=`).root.bytes();
  expect(cpuMsSince(started)).toBeLessThan(5_000);
});
