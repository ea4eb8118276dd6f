// Received lines, one of each way of writing them, by invented hosts: what is read of them.
import { describe, expect, it } from 'vitest';
import { readReceivedLine, type Relay } from '../../../rules/mail/received-line.js';
import { cpuMsSince } from '../../ground/cpu.js';

/** The parts of a relay that are not empty; or what the line is instead. */
function read(line: string): Partial<Record<keyof Relay, unknown>> | string {
  const found = readReceivedLine(`${line}\n`);
  if (found.kind !== 'relay') return found.kind;
  const { ipPrivate, ...rest } = found.relay;
  const filled = Object.entries(rest).filter(([, value]) => value !== '' && value !== null && value !== false);
  return Object.fromEntries(ipPrivate ? [...filled, ['ipPrivate', true]] : filled);
}

const IP = '192.0.2.7';
const BASE = { ip: IP, by: 'mx.example' };

describe('a Received line is read as written by', () => {
  it.each<[string, string, object]>([
    [
      'SquirrelMail',
      `from ${IP} (SquirrelMail authenticated user ada) by mx.example with HTTP; x`,
      { ...BASE, auth: 'HTTP' },
    ],
    [
      "AOL's web mail",
      `from ${IP} by web.aol.com (198.51.100.1) with HTTP (WebMailUI); x`,
      { ip: IP, by: 'web.aol.com', auth: 'HTTP' },
    ],
    ['Microsoft SMTPSVC', `from pc ([${IP}]) by mx.example with Microsoft SMTPSVC(5.0); x`, { ...BASE, helo: 'pc' }],
    [
      'Exchange, with a zone in the address',
      'from a.example ([fe80::1%6]) by mx.example ([fe80::2%6]) with mapi id 15.20.1.2',
      { ip: 'fe80::1', by: 'mx.example', helo: 'a.example', ipPrivate: true },
    ],
    [
      'XMail',
      `from a.example (${IP}:23198) by mx.example with [XMail 1.20 ESMTP Server] id <S72E> for <b@c.example> from <d@e.example>; x`,
      { ...BASE, helo: 'a.example', id: 'S72E', envfrom: 'd@e.example' },
    ],
    [
      'Ecelerity',
      `from ([${IP}:49601] helo=a.example) by mx.example (ecelerity 2.1) with ESMTP id 52/92; x`,
      { ...BASE, helo: 'a.example', id: '52/92' },
    ],
    [
      'Exim, an address alone',
      `from [${IP}] (helo=a.example ident=bob) by mx.example with smtp (Exim 4.9) id 1a-2b; x`,
      { ...BASE, helo: 'a.example', ident: 'bob', id: '1a-2b' },
    ],
    [
      'Exim, a name first',
      `from a.example ([${IP}] helo=pc) by mx.example with esmtp (Exim 4.9) id 1a-2b; x`,
      { ...BASE, rdns: 'a.example', helo: 'pc', id: '1a-2b' },
    ],
    [
      'Exim, an old way',
      `from a.example [${IP}] by mx.example with esmtp (Exim 3) id 1a-2b; x`,
      { ...BASE, rdns: 'a.example', helo: 'a.example', id: '1a-2b' },
    ],
    [
      'Exim, an odd way',
      `from a.example (b.example) [${IP}.4711] (mail) by mx.example with esmtp (Exim 3) id 1a-2b; x`,
      { ...BASE, rdns: 'a.example', helo: 'b.example', id: '1a-2b' },
    ],
    [
      'Postfix',
      `from pc (a.example [${IP}]) by mx.example (Postfix) with ESMTP id A96E for <b@c.example>; Thu, 13 Mar 2003 15:23:15 -0500`,
      { ...BASE, helo: 'pc', rdns: 'a.example', id: 'A96E' },
    ],
    [
      'Postfix, no name found',
      `from pc (unknown [${IP}]) by mx.example (Postfix) with ESMTPSA id A96E; x`,
      { ...BASE, helo: 'pc', id: 'A96E', auth: 'ESMTPSA', noReverseDns: true },
    ],
    ['Scalix', `from PC ( ${IP}) by mx.example (Scalix SMTP Relay 10.0) via ESMTP; x`, { ...BASE, helo: 'PC' }],
    [
      'Domino',
      `from pc ([${IP}]) by mx.example (Lotus Domino Release 8) with ESMTP id 20-1; x`,
      { ...BASE, helo: 'pc', id: '20-1' },
    ],
    [
      'sendmail, with the login of the sending machine',
      `from pc (IDENT:bob@a.example [${IP}] (may be forged)) by mx.example (8.11.6/8.11.6) with ESMTP id h2F; x`,
      { ...BASE, helo: 'pc', rdns: 'a.example', ident: 'bob', id: 'h2F' },
    ],
    [
      'sendmail, authenticated',
      `from pc (a.example [${IP}] (may be forged)) (authenticated) by mx.example (8.11.4/8.11.4) with SMTP id h0K; x`,
      { ...BASE, helo: 'pc', rdns: 'a.example', id: 'h0K', auth: 'Sendmail' },
    ],
    [
      'qpsmtpd',
      `from a.example (HELO pc) (${IP}) by mx.example (qpsmtpd/0.27) with SMTP; x`,
      { ...BASE, rdns: 'a.example', helo: 'pc' },
    ],
    [
      'Zimbra',
      `from a.example (LHLO pc) (${IP}) by mx.example with LMTP; x`,
      { ...BASE, rdns: 'a.example', helo: 'pc' },
    ],
    [
      'qmail',
      `from a.example (HELO pc) (bob@${IP}) by mx.example with SMTP; x`,
      { ...BASE, rdns: 'a.example', helo: 'pc', ident: 'bob' },
    ],
    [
      'qmail, greeted by its name',
      `from a.example (${IP}) by mx.example with SMTP; x`,
      { ...BASE, rdns: 'a.example', helo: 'a.example' },
    ],
    [
      'qmail-ldap, no name known',
      `from unknown (HELO pc) (bob@[${IP}]) (envelope-sender <b@c.example>) by mx.example (qmail-ldap-1.03) with SMTP for <d@e.example>; x`,
      { ...BASE, helo: 'pc', ident: 'bob', envfrom: 'b@c.example' },
    ],
    ['an address in brackets', `from [${IP}] by mx.example (MessageWall 1.1) with SMTP; x`, BASE],
    [
      'MDaemon',
      `from pc [${IP}] by mx.example [198.51.100.1] with SMTP (MDaemon) for <b@c.example>; x`,
      {
        ...BASE,
        helo: 'pc',
        noReverseDns: true,
      },
    ],
    [
      'Courier, where the look-up failed',
      `from pc (softdnserr [::ffff:${IP}]) by mx.example with esmtp; x`,
      { ...BASE, helo: 'pc' },
    ],
    [
      'smap',
      `from a.example(${IP}) by mx.example via smap (V1.3) id xma0; x`,
      { ...BASE, rdns: 'a.example', id: 'xma0' },
    ],
    [
      'CommuniGate',
      `from [${IP}] (account bob HELO pc) by mx.example (CommuniGate Pro SMTP 3.5) with ESMTP id 208; x`,
      { ...BASE, helo: 'pc', id: '208', auth: 'Communigate' },
    ],
    [
      'F-Secure',
      `from [${IP}]:50999 (HELO pc) by mx.example ([198.51.100.1]:25) (F-Secure) with SMTP; x`,
      { ...BASE, helo: 'pc' },
    ],
    [
      'Obtuse smtpd',
      `from a.example(${IP}), claiming to be "pc" via SMTP by mx.example, id smtpd1; x`,
      { ...BASE, rdns: 'a.example', helo: 'pc', id: 'smtpd1' },
    ],
    [
      'simta',
      `FROM pc (a.example [${IP}]) BY mx.example ID 434B.1`,
      { ...BASE, helo: 'pc', rdns: 'a.example', id: '434B.1' },
    ],
    ['a header that holds nothing but an address', `from X-Originating-IP: ${IP}`, { ip: IP }],
    [
      'somebody unknown, with an address and a server',
      `from a thing, [${IP}], by mx.example quickly; x`,
      {
        ...BASE,
        by: 'mx.example',
        helo: 'a',
      },
    ],
  ])('%s', (_, line, expected) => {
    expect(read(line)).toEqual(expected);
  });
});

describe('a Received line tells of no handover', () => {
  it.each([
    ['when it does not begin with from', '(qmail 27981 invoked by uid 225); 14 Mar 2003 07:24:34 -0000'],
    ['when a program handed the mail in', 'from www-data by mx.example (Exim 4.50) with local for b@c.example'],
    ['when it names two servers and no address', 'from a.example by mx.example ; Thu, 20 Feb 2003 23:32:58 +0100'],
    [
      'when it comes from the machine itself',
      'from localhost (bob@localhost) by mx.example (8.12.6/8.9.3) with SMTP id h2; x',
    ],
    ['when a user is named in place of a host', 'from bob@a.example by mx.example (mail_out_v34) id 7.53; x'],
    ['when a virus scanner wrote it', 'from 127.0.0.1 (AVG SMTP 7.0 [265]); x'],
    ['when it went through a socket', 'from a.example ([unix socket]) by mx.example (Cyrus v2.3.14) with LMTPA; x'],
    ['when it went from list software', 'from a.example by mx.example with BSMTP (rsmtp) for b@c.example; x'],
  ])('%s', (_, line) => {
    expect(read(line)).toBe('ignored');
  });

  it('when it was fetched from a mailbox', () => {
    expect(read('from pop.example [192.0.2.9] by localhost with IMAP (fetchmail-5.9.0) for b@localhost')).toBe(
      'fetched',
    );
  });

  it('when it cannot be read', () => {
    expect(read('from nowhere in particular')).toBe('unparseable');
  });
});

describe('what is read', () => {
  it('cannot break out of the string that rules match', () => {
    const found = read(`from [192.0.2.1] (a.example [${IP}]) by mx.example (Postfix) with ESMTP id A; x`);
    expect(found).toMatchObject({ helo: '!192.0.2.1!' });
  });

  it('is what a hand-made sign of authentication says, by server', () => {
    const auth = (line: string) => (read(line) as { auth?: string }).auth;
    const from = `from pc (a.example [${IP}]) `;
    expect(auth(`${from}(Authenticated sender: bob) by mx.example (Postfix) with ESMTP id A; x`)).toBe('Postfix');
    expect(auth(`${from}(Authenticated sender: bob) by mx.example (MyMail) with ESMTP id A; x`)).toBe(
      'Postfix (MyMail)',
    );
    expect(auth(`from pc ([${IP}]) (AUTH: PLAIN bob, SSL) by mx.example with esmtp; x`)).toBe('PLAIN');
    expect(auth(`from pc ([${IP}]) by mx.example (7.0.016) (authenticated as bob) id 4F; x`)).toBe('CriticalPath');
    expect(auth(`from [${IP}] by mx.example (mrweb) (via HTTP); x`)).toBe('HTTP');
  });
});

describe('hostile lines', () => {
  const SIZE = 8_192;
  const repeated = (unit: string) => unit.repeat(Math.ceil(SIZE / unit.length)).slice(0, SIZE);

  it.each([
    ['semicolons', ';'],
    ['blanks and semicolons', ' ;'],
    ['brackets', '(['],
    ['comments', ' (a)'],
    ['servers', ') by a ('],
    ['signs of authentication', ']) (AUTH: PLAIN x, '],
    ['more of them', ']) (authenticated) by '],
    ['signs of another server', ') by x (1.2.345) (authenticated as '],
    ['greetings', ' (HELO a) ('],
    ['digits', '1'],
    ['dates', ' 1 Jan 1 1:1 '],
    ['colons', '::'],
    ['addresses', '[1.2.3.4]'],
    ['equal signs', 'helo=envelope-from='],
    ['high bytes', '\xff\x80'],
    ['dots', '.'],
    ['bounds', '>'],
  ])('of 8 KB are read at once: %s', (_, unit) => {
    const starts = [
      'from ',
      `from a (b [${IP}]`,
      `from a (HELO b) (${IP}) by c`,
      'from a ([1.2.3.4]',
      'FROM a',
      '(from a',
    ];
    const ends = ['', ' (Exim', ' (Postfix) with', ' authenticated', ' with SMTP id ', ' SMTPSVC', ' (CommuniGate Pro'];
    const start = process.cpuUsage();
    for (const begin of starts) for (const end of ends) readReceivedLine(`${begin}${repeated(unit)}${end}`);
    expect(cpuMsSince(start) / (starts.length * ends.length)).toBeLessThan(30);
  });
});
