// What rules run over: paragraphs, chunks, addresses and header values as SpamAssassin derives them.
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../message/parse.js';
import { RuleMail } from '../../../rules/mail/rule-mail.js';
import { parseRules } from '../../../rules/language/reader.js';
import { inputsOf, run, namesOf } from '../run.js';
import { cpuMsSince } from '../../ground/cpu.js';

const texts = (mail: string | Buffer, input: 'body' | 'rawbody' | 'uri' | 'full') =>
  inputsOf(mail)
    .texts(input)
    .map(({ text }) => text);

describe('body', () => {
  it('is the subject, then paragraphs, the last one without a newline', () => {
    expect(texts('Subject: hi there\n\nfoo foo\nsecond foo http://x.com/\n', 'body')).toEqual([
      'hi there\n',
      'foo foo second foo http://x.com/ ',
    ]);
  });

  it('splits at empty lines and folds white space, Unicode blanks too', () => {
    expect(texts('Subject: s\nContent-Type: text/plain; charset=utf-8\n\na\xc2\xa0\t b\n \n\nc\n', 'body')).toEqual([
      's\n',
      'a b\n',
      'c ',
    ]);
  });

  it('starts with an empty element when there is no subject', () => {
    expect(texts('From: a@example.net\n\nx', 'body')).toEqual(['\n', 'x']);
  });

  it('is UTF-8 bytes whatever the charset', () => {
    expect(texts('Subject: s\nContent-Type: text/plain; charset=iso-8859-1\n\nGr\xfc\xdfe', 'body')).toEqual([
      's\n',
      'Gr\xc3\xbc\xc3\x9fe',
    ]);
    expect(texts('Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\n\nx', 'body')[0]).toBe('Gr\xc3\xbc\xc3\x9fe\n');
  });

  it('renders HTML: block tags give white space, inline tags none, script and style nothing, hidden text stays', () => {
    const html =
      '<p>a<b>b</b></p><div>c</div><script>x()</script><style>y{}</style><span style="display:none">hidden</span>';
    expect(texts(`Subject: s\nContent-Type: text/html\n\n${html}`, 'body').join('')).toBe('s\n\nab\nc hidden');
  });

  it('breaks long paragraphs after a blank', () => {
    const elements = texts(`Subject: s\n\n${'word '.repeat(1_000)}`, 'body').slice(1);
    expect(elements.map((text) => text.length)).toEqual([2045, 2045, 910]);
    expect(elements.every((text) => text.startsWith('word '))).toBe(true);
  });
});

describe('rawbody', () => {
  it('is decoded and unrendered, without subject', () => {
    const mail =
      'Subject: s\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<b>a=3Db</b>=\n!\n';
    expect(texts(mail, 'rawbody')).toEqual(['<b>a=b</b>!\n']);
  });

  it('is cut at line ends into chunks of two to four KB', () => {
    const line = `${'x'.repeat(255)}\n`;
    expect(texts(`Subject: s\n\n${line.repeat(20)}`, 'rawbody').map((text) => text.length)).toEqual([2304, 2816]);
  });
});

describe('full', () => {
  it('is the message as it came', () => {
    const mail = 'Subject: =?utf-8?Q?a?=\r\n\r\nb=3D\r\n';
    expect(texts(mail, 'full')).toEqual([mail]);
  });
});

describe('uri', () => {
  it('gives the forms behind encodings and redirectors', () => {
    const found = texts('Subject: s\n\nhttp://a.example/go?u=http%3A%2F%2Fb.example%2Fp&z=1\n', 'uri');
    expect(found).toContain('http://a.example/go?u=http%3A%2F%2Fb.example%2Fp&z=1');
    expect(found).toContain('http://b.example/p');
  });

  it('stays bounded on addresses in addresses', () => {
    expect(texts(`Subject: s\n\nhttp://a.example/?${'http://a.example/?'.repeat(300)}\n`, 'uri').length).toBeLessThan(
      200,
    );
  });
});

describe('header values', () => {
  const hit = (rule: string, mail: string) => namesOf(run(`header A ${rule}`, mail)).includes('A');

  it('join all instances, each with a newline', () => {
    const mail = 'X-A: one\nX-A: two\n\nx';
    expect(hit('X-A =~ /^one\\ntwo$/', mail)).toBe(true);
    expect(hit('X-A =~ /^two$/', mail)).toBe(false);
    expect(hit('X-A =~ /^two$/m', mail)).toBe(true);
    expect(hit('X-A =~ /two\\z/', mail)).toBe(false);
    expect(hit('X-A:first =~ /^one$/', mail)).toBe(true);
    expect(hit('X-A:last =~ /^two$/', mail)).toBe(true);
  });

  it('unfold, decode, and keep both undone with :raw', () => {
    const mail = 'Subject: =?utf-8?Q?hello?=\n world\n\nx';
    expect(hit('subject =~ /^hello world$/', mail)).toBe(true);
    expect(hit('Subject:raw =~ /^ =\\?utf-8\\?Q\\?hello\\?=\\n world$/', mail)).toBe(true);
  });

  it('do not decode what must not be', () => {
    expect(hit('Message-ID =~ /=\\?utf-8/', 'Message-ID: <=?utf-8?Q?a?=@b>\n\nx')).toBe(true);
  });

  it('give addresses, names and domains', () => {
    const mail = 'From: "Ada, Miller" <ada@www.example.co.uk>\nTo: a@example.net, b@example.org\n\nx';
    expect(hit('From:addr =~ /^ada\\@www\\.example\\.co\\.uk$/', mail)).toBe(true);
    expect(hit('From:name =~ /^Ada, Miller$/', mail)).toBe(true);
    expect(hit('From:addr:domain =~ /^example\\.co\\.uk$/', mail)).toBe(true);
    expect(hit('ToCc:addr =~ /^a\\@example\\.net\\nb\\@example\\.org$/', mail)).toBe(true);
  });

  it('of an absent field are empty for a pattern, hit for its negation, and what if-unset says', () => {
    expect(hit('X-A =~ /^$/', 'To: a\n\nx')).toBe(true);
    expect(hit('X-A !~ /b/', 'To: a\n\nx')).toBe(true);
    expect(hit('X-A =~ /^none$/ [if-unset: none]', 'To: a\n\nx')).toBe(true);
    expect(hit('exists:X-A', 'To: a\n\nx')).toBe(false);
    expect(hit('exists:X-A', 'X-A:\n\nx')).toBe(true);
  });

  it('know ALL, and nothing of verdicts that came with the mail', () => {
    const mail = 'Received: a\nX-Spam-Status: No, score=-99\nSubject: b\n\nx';
    expect(hit('ALL =~ /^Received: a\\nSubject: b\\n$/', mail)).toBe(true);
    expect(hit('exists:X-Spam-Status', mail)).toBe(false);
  });
});

describe('limits', () => {
  it('cut what is too large, and say so', () => {
    const raw = Buffer.from(`Subject: s\n\n${'word\n\n'.repeat(100_000)}`);
    const inputs = new RuleMail(parseMessage(raw), null, 20_000);
    for (const input of ['body', 'rawbody', 'full'] as const) {
      expect(inputs.texts(input).reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(25_000);
    }
    expect(inputs.cut).toBe(true);
  });

  it('are not reached by ordinary mail', () => {
    const inputs = inputsOf('Subject: s\n\nhello\n');
    inputs.texts('body');
    inputs.texts('full');
    expect(inputs.cut).toBe(false);
  });
});

describe('HTML', () => {
  const page = (html: string) => inputsOf(`Subject: s\nContent-Type: text/html\n\n${html}\n`);

  it('gives what evals and address rules need, of every part', () => {
    const mail = page('<p>mo<!-- -->ney</p><form action="https://y.example/"><input type=PASSWORD></form>');
    expect(mail.html()).toHaveLength(1);
    expect(mail.html()[0]).toMatchObject({ wordsSplit: 1, passwordFields: 1, formActions: ['https://y.example/'] });
    expect(mail.uris.list).toContain('https://y.example/');
  });

  it('stays quick when deep and broken', () => {
    const started = process.cpuUsage();
    for (const html of ['<div>'.repeat(150_000), '<a '.repeat(200_000), '&'.repeat(500_000)]) page(html).texts('body');
    expect(cpuMsSince(started)).toBeLessThan(3_000);
  });
});

describe('scan sizes', () => {
  const long = `Subject: s\n\n${'word '.repeat(40)}`;
  const inputsWith = (text: string) =>
    new RuleMail(parseMessage(Buffer.from(long)), null, 1_000_000, null, {
      settings: parseRules(text, 'a.cf').settings,
    });

  it('are those of the rule files, and 0 is none', () => {
    expect(inputsWith('body_part_scan_size 20').texts('body')[1]!.text).toBe('word '.repeat(5));
    expect(inputsWith('body_part_scan_size 0').texts('body')[1]!.text).toBe('word '.repeat(40));
    expect(inputsWith('rawbody_part_scan_size 12').texts('rawbody')[0]!.text).toBe('word '.repeat(3));
  });
});
