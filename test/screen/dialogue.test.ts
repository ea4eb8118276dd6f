// The dummy engine alone: every command of it, the deep tests and what follows, torn and hostile bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Dialogue, type DialogueOptions } from '../../screen/dialogue.js';
import type { DeepTest, TestAction } from '../../screen/settings.js';

const OPTIONS: DialogueOptions = {
  hostName: 'front.test',
  tests: new Map(),
  offersTls: false,
  foreignVerbs: ['CONNECT', 'GET', 'POST'],
  commandsMax: 20,
  lineMaxBytes: 2_048,
  sizeOfferedMaxBytes: 10_240_000,
};

interface Heard {
  said: string;
  hasLeft: boolean;
  tls: number;
  readonly told: string[];
}

const ALL: ReadonlyMap<DeepTest, TestAction> = new Map([
  ['pipelining', 'enforce'],
  ['nonSmtp', 'drop'],
  ['bareNewline', 'ignore'],
]);

function converse(
  options: Partial<DialogueOptions> = {},
  refusal: string | null = null,
): { dialogue: Dialogue; heard: Heard } {
  const heard: Heard = { said: '', hasLeft: false, tls: 0, told: [] };
  const leave = (text: string): void => {
    if (heard.hasLeft) throw new Error('left twice');
    heard.said += text;
    heard.hasLeft = true;
  };
  const dialogue = new Dialogue(
    { ...OPTIONS, ...options },
    {
      say: (text) => {
        if (heard.hasLeft) throw new Error('spoke after the end');
        heard.said += text;
      },
      leave,
      startTls: () => void (heard.tls += 1),
      failed: (test, action, text) =>
        void heard.told.push(`failed ${test} ${action} ${text.toString('latin1').trim()}`),
      passed: (tests) => void heard.told.push(`passed ${tests.join(' ')}`),
      refused: (at, reply, rcptTo) => void heard.told.push(`refused ${at} ${reply} ${rcptTo ?? '-'}`),
      limited: (limit) => void heard.told.push(`limited ${limit}`),
    },
    refusal,
  );
  return { dialogue, heard };
}

/** One line at a time, as a good client sends them; the replies to the last. */
function say(lines: readonly string[], options: Partial<DialogueOptions> = {}, refusal: string | null = null) {
  const { dialogue, heard } = converse(options, refusal);
  let last = '';
  for (const line of lines) {
    const before = heard.said.length;
    dialogue.feed(Buffer.from(`${line}\r\n`));
    last = heard.said.slice(before);
  }
  return { dialogue, heard, last };
}

describe('the dummy engine', () => {
  it('offers what Postfix does, but neither pipelining nor AUTH', () => {
    expect(say(['EHLO client.test']).last).toBe(
      '250-front.test\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n',
    );
    expect(say(['EHLO client.test'], { offersTls: true, sizeOfferedMaxBytes: 0 }).last).toMatch(
      /250-SIZE\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n/,
    );
    expect(say(['HELO client.test']).last).toBe('250 front.test\r\n');
  });

  it.each([
    [['NOOP'], '250 2.0.0 Ok'],
    [['noop with words'], '250 2.0.0 Ok'],
    [['RSET'], '250 2.0.0 Ok'],
    [['ETRN example.test'], '458 4.3.0 Unable to queue messages'],
    [['EHLO'], '501 Syntax: EHLO hostname'],
    [['AUTH PLAIN AAAA'], '502 5.5.2 Error: command not recognized'],
    [['XCLIENT ADDR=127.0.0.1'], '502 5.5.2 Error: command not recognized'],
    [[''], '502 5.5.2 Error: command not recognized'],
    [['STARTTLS'], '502 5.5.1 Error: command not implemented'],
    [['VRFY'], '501 5.5.4 Syntax: VRFY address'],
    [['VRFY somebody'], '450 4.3.2 Service currently unavailable'],
    [['MAIL FROM:<a@b.test>'], '250 2.1.0 Ok'],
    [['MAIL FROM: <a@b.test> SIZE=100 BODY=8BITMIME'], '250 2.1.0 Ok'],
    [['MAIL FROM:<>'], '250 2.1.0 Ok'],
    [['MAIL a@b.test'], '501 5.5.4 Syntax: MAIL FROM:<address>'],
    [['MAIL FROM:'], '501 5.5.4 Syntax: MAIL FROM:<address>'],
    [['MAIL FROM:<a@b.test'], '501 5.5.4 Syntax: MAIL FROM:<address>'],
    [['MAIL FROM:<a@b.test>', 'MAIL FROM:<c@d.test>'], '503 5.5.1 Error: nested MAIL command'],
    [['RCPT TO:<a@b.test>'], '503 5.5.1 Error: need MAIL command'],
    [['MAIL FROM:<a@b.test>', 'RCPT a@b.test'], '501 5.5.4 Syntax: RCPT TO:<address>'],
    [['MAIL FROM:<a@b.test>', 'RCPT TO:<c@d.test>'], '450 4.3.2 Service currently unavailable'],
    [['MAIL FROM:<a@b.test>', 'RSET', 'RCPT TO:<c@d.test>'], '503 5.5.1 Error: need MAIL command'],
  ])('answers %j with %s', (lines, reply) => {
    const { last, heard } = say(lines);
    expect(last).toBe(`${reply}\r\n`);
    expect(heard.hasLeft).toBe(false);
  });

  it.each([
    [['QUIT'], '221 2.0.0 Bye'],
    [['DATA'], '554 5.5.1 Error: no valid recipients'],
    [['BDAT 100 LAST'], '554 5.5.1 Error: no valid recipients'],
  ])('ends after %j with %s', (lines, reply) => {
    const { last, heard } = say(lines);
    expect(last).toBe(`${reply}\r\n`);
    expect(heard.hasLeft).toBe(true);
  });

  it('turns every recipient away with the refusal, and tells of each', () => {
    const refusal = '550 5.7.1 Service unavailable; client [203.0.113.7] blocked using black.test';
    const { heard } = say(
      ['EHLO z', 'MAIL FROM:<a@z.test>', 'RCPT TO:<b@own.test>', 'RCPT TO:<c@own.test>'],
      {},
      refusal,
    );
    expect(heard.told).toEqual(['passed ', `refused rcpt ${refusal} b@own.test`, `refused rcpt ${refusal} c@own.test`]);
  });

  it('keeps what clients say from reaching logs as it is', () => {
    const { dialogue, heard } = say(['EHLO evil\x1b[2J\x00', 'MAIL FROM:<a\x07@z.test>', 'RCPT TO:<b\x9b@own.test>']);
    expect(dialogue.helo).toBe('evil?[2J?');
    expect(dialogue.mailFrom).toBe('a?@z.test');
    expect(heard.told.join('')).not.toMatch(/\p{Cc}/u);
    expect(say(['EHLO '.concat('x'.repeat(2_000))]).dialogue.helo).toHaveLength(320);
  });

  it('ends with too many commands, and with a line too long', () => {
    const { heard, last } = say(Array<string>(21).fill('NOOP'));
    expect(last).toBe('421 4.7.0 front.test Error: too many commands\r\n');
    expect(heard.told).toEqual(['limited commands']);
    const long = converse();
    long.dialogue.feed(Buffer.alloc(2_047, 'x'));
    expect(long.heard.hasLeft).toBe(false);
    long.dialogue.feed(Buffer.from('xx'));
    expect(long.heard).toMatchObject({ hasLeft: true, told: ['limited line'] });
    const whole = converse();
    whole.dialogue.feed(Buffer.from(`${'x'.repeat(4_000)}\r\n`));
    expect(whole.heard.told).toEqual(['limited line']);
  });
});

describe('deep tests', () => {
  it('are passed at RCPT by whoever behaves', () => {
    const { heard } = say(['EHLO good.test', 'MAIL FROM:<a@b.test>', 'RCPT TO:<c@d.test>', 'RCPT TO:<e@f.test>'], {
      tests: ALL,
    });
    expect(heard.told[0]).toBe('passed pipelining nonSmtp bareNewline');
    expect(heard.told.filter((told) => told.startsWith('passed'))).toHaveLength(1);
  });

  it('see commands sent in one go, and refuse recipients from then on', () => {
    const { dialogue, heard } = converse({ tests: ALL });
    dialogue.feed(Buffer.from('EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n'));
    expect(heard.told).toEqual([
      'failed pipelining enforce MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA',
      'passed nonSmtp bareNewline',
      'refused rcpt 550 5.5.1 Protocol error c@d.test',
    ]);
    expect(heard.said).toMatch(/554 5\.5\.1 Error: no valid recipients\r\n$/);
  });

  it.each([
    'GET / HTTP/1.1',
    'CONNECT mail.test:25 HTTP/1.0',
    'post /x',
    'Host: mail.test',
    'Subject : x',
    'X-Y:z',
    '\xff\xfe\x00',
  ])('see another protocol in %j', (line) => {
    const { dialogue, heard } = converse({ tests: ALL });
    dialogue.feed(Buffer.from(`${line}\r\n`, 'latin1'));
    expect(heard.said).toBe('521 5.7.0 Error: I can break rules, too. Goodbye.\r\n');
    expect(heard.told[0]).toContain('failed nonSmtp drop');
    expect(heard.told[1]).toContain('refused command 521');
  });

  it('take SMTP for SMTP', () => {
    const { heard } = say(['EHLO a', 'MAIL FROM:<a@b.test>', 'RCPT TO:<"c:d"@e.test>'], { tests: ALL });
    expect(heard.told[0]).toBe('passed pipelining nonSmtp bareNewline');
    expect(say(['MAIL FROM:<jörg@b.test> SMTPUTF8'], { tests: ALL }).last).toBe('250 2.1.0 Ok\r\n');
  });

  it('see lines that end in LF alone', () => {
    const { dialogue, heard } = converse({ tests: ALL });
    dialogue.feed(Buffer.from('HELO a\n'));
    expect(heard.told).toEqual(['failed bareNewline ignore HELO a']);
    expect(heard.said).toBe('250 front.test\r\n');
    const drop = converse({ tests: new Map([['bareNewline', 'drop']]) });
    drop.dialogue.feed(Buffer.from('HELO a\n'));
    expect(drop.heard.said).toBe('521 5.5.1 Protocol error\r\n');
    const enforce = converse({ tests: new Map([['bareNewline', 'enforce']]) });
    enforce.dialogue.feed(Buffer.from('HELO a\n'));
    enforce.dialogue.feed(Buffer.from('MAIL FROM:<a@b.test>\r\n'));
    enforce.dialogue.feed(Buffer.from('RCPT TO:<a@b.test>\r\n'));
    expect(enforce.heard.said).toMatch(/550 5\.5\.1 Protocol error\r\n$/);
  });
});

describe('STARTTLS', () => {
  it('throws away what was sent in the clear behind it, and begins again', () => {
    const { dialogue, heard } = converse({ offersTls: true });
    dialogue.feed(Buffer.from('EHLO a\r\n'));
    dialogue.feed(Buffer.from('STARTTLS\r\nMAIL FROM:<injected@z.test>\r\nRCPT TO:<c@d.test>\r\n'));
    expect(heard).toMatchObject({ tls: 1 });
    expect(heard.said).toMatch(/220 2\.0\.0 Ready to start TLS\r\n$/);
    dialogue.secured();
    expect(dialogue).toMatchObject({ helo: null, mailFrom: null, isTls: true });
    dialogue.feed(Buffer.from('RCPT TO:<c@d.test>\r\n'));
    expect(heard.said).toMatch(/503 5\.5\.1 Error: need MAIL command\r\n$/);
    dialogue.feed(Buffer.from('EHLO a\r\n'));
    expect(heard.said.slice(heard.said.lastIndexOf('250-front'))).not.toContain('STARTTLS');
    dialogue.feed(Buffer.from('STARTTLS\r\n'));
    expect(heard.said).toMatch(/554 5\.5\.1 Error: TLS already active\r\n$/);
  });

  it('with pipelining behind it fails that test', () => {
    const { dialogue, heard } = converse({ offersTls: true, tests: ALL });
    dialogue.feed(Buffer.from('STARTTLS\r\nEHLO a\r\n'));
    expect(heard.told[0]).toContain('failed pipelining');
  });
});

describe('torn and hostile bytes', () => {
  it('mean the same however they are cut', () => {
    const line = fc.constantFrom(
      'EHLO a',
      'MAIL FROM:<a@b.test>',
      'RCPT TO:<c@d.test>',
      'NOOP',
      'RSET',
      'GET /',
      'XX',
      '',
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((text) => `${text}\r\n`).join(''));
          const whole = converse();
          whole.dialogue.feed(bytes);
          const torn = converse();
          for (let at = 0, index = 0; at < bytes.length; index += 1) {
            const length = cuts[index % cuts.length] ?? 1;
            torn.dialogue.feed(bytes.subarray(at, at + length));
            at += length;
          }
          expect(torn.heard).toEqual(whole.heard);
        },
      ),
    );
  });

  it('never throw, never make it speak after the end, never fill it', () => {
    const tests = fc.constantFrom(new Map(), ALL);
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 8 }), tests, (chunks, on) => {
        const { dialogue, heard } = converse({ tests: on, offersTls: true });
        for (const chunk of chunks) dialogue.feed(Buffer.from(chunk));
        expect(heard.said.length).toBeLessThan(10_000);
      }),
      { numRuns: 300 },
    );
  });
});
