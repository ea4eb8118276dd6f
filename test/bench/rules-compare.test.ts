// The comparison with the real SpamAssassin at small size: what it counts as a difference; and a few messages made here on
// which both must say the same.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareHits, openStock, readOracle, runOracle } from '../../bench/rules-compare.js';
import { openRules } from '../../programs/rules/engine.js';
import { requirePackage } from '../ground/packages.js';
import { makeDir } from '../logs/fixtures.js';

describe('a comparison', () => {
  it('tells scored rules, sub-rules and totals apart, each with a message', async () => {
    const dir = await makeDir();
    const rules = join(dir, 'site.cf');
    writeFileSync(rules, 'body ONE /one/\nscore ONE 1\nbody TWO /two/\nscore TWO 2\nbody __SUB /one/\n');
    const mail = (text: string) => Buffer.from(`Subject: x\n\n${text}\n`);
    const lines = [
      { file: 'same', score: 1, hits: { ONE: 1 }, counts: { ONE: 1, __SUB: 1 } },
      { file: 'more', score: 1, hits: { ONE: 1 }, counts: { ONE: 1, __SUB: 1 } },
      { file: 'less', score: 3, hits: { ONE: 1, TWO: 2 }, counts: { ONE: 1, TWO: 1, __SUB: 1 } },
    ];
    const texts: Readonly<Record<string, string>> = { same: 'one', more: 'one two', less: 'two' };
    const found = compareHits(openRules([rules]), lines, (file) => mail(texts[file] ?? ''));
    expect(found).toMatchObject({ messages: 3, sameHits: 1, sameTotals: 1, theirsCpuMs: null });
    expect(found.scored).toEqual([
      { rule: 'TWO', ours: 1, theirs: 0, oursExample: 'more', theirsExample: '' },
      { rule: 'ONE', ours: 0, theirs: 1, oursExample: '', theirsExample: 'less' },
    ]);
    expect(found.subRules).toEqual([{ rule: '__SUB', ours: 0, theirs: 1, oursExample: '', theirsExample: 'less' }]);
  });

  it('reads what an oracle wrote that was cut off', () => {
    expect(readOracle('{"file":"a","score":1,"hits":{},"counts":{}}\n{"file":"b')).toHaveLength(1);
    expect(readOracle('')).toEqual([]);
  });
});

const MESSAGES: Readonly<Record<string, string>> = {
  plain: `Received: from mail.example.net (mail.example.net [192.0.2.1]) by mx.example.org; Tue, 3 Jan 2023 10:00:05 +0000
From: Ben Carter <ben@example.net>
To: Ada Miller <ada@example.org>
Subject: Tuesday
Date: Tue, 3 Jan 2023 10:00:00 +0000
Message-ID: <1@mail.example.net>

See you on Tuesday.
`,
  bare: 'Subject: WIN CASH NOW!!!\n\nClick here http://198.51.100.7/%77in and earn $1,000,000 now\n',
  html: `From: "Bank" <a@freemail.test>
To: undisclosed-recipients:;
Reply-To: winner77@gmail.com
Subject: =?utf-8?B?WW91ciBwcml6ZQ==?=
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: quoted-printable

Dear friend, I am the next of kin of a late million=65r.
--b1
Content-Type: text/html; charset=utf-8

<html><body bgcolor="#ffffff"><font color="#fefefe" size=1>hidden</font><p>Claim <a href="http://evil.test/x?u=http://other.test/">https://bank.test/</a>
<img src="http://pix.test/a.gif" width=600 height=400></body></html>
--b1--
`,
  broken: `From nobody Tue Jan  3 10:00:00 2023
Received: from [10.0.0.1] by mx with local for x
From: ""
Date: 45 Foo 2099
Content-Type: text/html
no colon here

<a href="HTTP:\\\\evil.test">x</a><script>if (a<b) {}</script><td>un<!-- -->closed
`,
};

const ready = requirePackage('spamassassin');

describe.skipIf(!ready)('the stock rules', () => {
  it('hit what they hit in SpamAssassin, on mail made here', { timeout: 120_000 }, async () => {
    const dir = join(await makeDir(), 'mail');
    mkdirSync(dir);
    const texts = new Map(Object.entries(MESSAGES).map(([name, text]) => [join(dir, name), Buffer.from(text)]));
    for (const [file, text] of texts) writeFileSync(file, text);
    const lines = await runOracle([...texts.keys()]);
    expect(lines).toHaveLength(texts.size);
    expect(lines.flatMap(({ hits }) => Object.keys(hits)).length).toBeGreaterThan(10);
    const found = compareHits(openStock(), lines, (file) => texts.get(file) ?? Buffer.alloc(0));
    expect([...found.scored, ...found.subRules]).toEqual([]);
    expect(found).toMatchObject({ sameHits: texts.size, sameTotals: texts.size });
  });
});
