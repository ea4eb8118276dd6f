// Clients in the dummy SMTP engine: deep tests, commands in and out of order, STARTTLS, and every bound.
import {
  call,
  deliver,
  early,
  EHLO,
  LINE_TOO_LONG,
  MAIL,
  politely,
  RCPT,
  toTheEnd,
  COMMANDS_MAX,
  type ScreenCase,
} from './screen-scripts.js';

export const DEEP_CASES: readonly ScreenCase[] = [
  {
    name: 'a good client meets the dummy engine, then comes again',
    setup: 'deep',
    run: async (door, from) => [...(await deliver(door, from)), ...(await deliver(door, from))],
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 450 4.3.2',
      'QUIT 221 2.0.0',
      '220 at once',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 250 2.1.5',
      'QUIT 221 2.0.0',
    ],
  },
  {
    name: 'pipelines',
    setup: 'deep',
    run: (door, from) =>
      call(door, from, async (caller) => {
        const said = [await caller.greeting(), ...(await caller.talk(EHLO))];
        caller.send(`${MAIL}\r\n${RCPT}\r\n`);
        return [...said, await caller.reply(), await caller.reply(), ...(await caller.talk('QUIT'))];
      }),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', '250 2.1.0', '550 5.5.1', 'QUIT 221 2.0.0'],
  },
  {
    name: 'GET',
    setup: 'deep',
    run: toTheEnd('GET / HTTP/1.1'),
    sees: ['teaser, then 220 after the wait', 'GET 521 5.7.0', 'closed'],
  },
  {
    name: 'CONNECT',
    setup: 'deep',
    run: toTheEnd('CONNECT mx.test:25 HTTP/1.0'),
    sees: ['teaser, then 220 after the wait', 'CONNECT 521 5.7.0', 'closed'],
  },
  {
    name: 'a header line',
    setup: 'deep',
    run: toTheEnd('Subject: cheap'),
    sees: ['teaser, then 220 after the wait', 'Subject 521 5.7.0', 'closed'],
  },
  {
    name: 'bytes that are no UTF-8',
    setup: 'deep',
    run: toTheEnd('EHLO \xff\xfe.test', MAIL, RCPT),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 450 4.3.2', 'open'],
    ours: {
      sees: ['teaser, then 220 after the wait', 'EHLO 521 5.7.0', 'MAIL closed', 'closed'],
      because: 'a command that is no UTF-8 is no SMTP',
    },
  },
  {
    name: 'bare newlines',
    setup: 'deep',
    run: (door, from) =>
      call(door, from, async (caller) => {
        const said = [await caller.greeting()];
        caller.send(`${EHLO}\n`);
        return [...said, await caller.reply(), ...(await caller.talk(MAIL, RCPT, 'QUIT'))];
      }),
    sees: ['teaser, then 220 after the wait', '250', 'MAIL 250 2.1.0', 'RCPT 550 5.5.1', 'QUIT 221 2.0.0'],
  },
  {
    name: 'HELO and no mail',
    setup: 'deep',
    run: politely('HELO client.test', 'NOOP', 'RSET', 'QUIT'),
    sees: ['teaser, then 220 after the wait', 'HELO 250', 'NOOP 250 2.0.0', 'RSET 250 2.0.0', 'QUIT 221 2.0.0'],
  },
  {
    name: 'asks who is there',
    setup: 'deep',
    run: politely(EHLO, 'VRFY ben', 'EXPN all', 'HELP', 'ETRN house.test'),
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      'VRFY 450 4.3.2',
      'EXPN 502 5.5.2',
      'HELP 502 5.5.2',
      'ETRN 458',
    ],
    ours: {
      sees: [
        'teaser, then 220 after the wait',
        'EHLO 250',
        'VRFY 450 4.3.2',
        'EXPN 502 5.5.2',
        'HELP 502 5.5.2',
        'ETRN 458 4.3.0',
      ],
      because: 'an enhanced status is announced and therefore given',
    },
  },
  {
    name: 'asks for what is not offered',
    setup: 'deep',
    run: politely(EHLO, 'STARTTLS', 'AUTH PLAIN AGEAYg=='),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'STARTTLS 220 2.0.0', 'AUTH closed'],
  },
  {
    name: 'an unknown command',
    setup: 'deep',
    run: politely(EHLO, 'FROB it'),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'FROB 502 5.5.2'],
  },
  {
    name: 'out of order',
    setup: 'deep',
    run: politely(MAIL, RCPT, EHLO, RCPT, MAIL, MAIL),
    sees: [
      'teaser, then 220 after the wait',
      'MAIL 250 2.1.0',
      'RCPT 450 4.3.2',
      'EHLO 250',
      'RCPT 503 5.5.1',
      'MAIL 250 2.1.0',
      'MAIL 503 5.5.1',
    ],
  },
  {
    name: 'DATA without a recipient',
    setup: 'deep',
    run: toTheEnd(EHLO, MAIL, RCPT, 'DATA'),
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 450 4.3.2',
      'DATA 554 5.5.1',
      'closed',
    ],
  },
  {
    name: 'BDAT without a recipient',
    setup: 'deep',
    run: toTheEnd(EHLO, MAIL, 'BDAT 3 LAST'),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'BDAT 554 5.5.1', 'closed'],
  },
  {
    name: 'malformed addresses',
    setup: 'deep',
    run: politely(EHLO, 'MAIL', 'MAIL FROM:', MAIL, 'RCPT TO:'),
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      'MAIL 501 5.5.4',
      'MAIL 250 2.1.0',
      'MAIL 503 5.5.1',
      'RCPT 450 4.3.2',
    ],
    ours: {
      sees: [
        'teaser, then 220 after the wait',
        'EHLO 250',
        'MAIL 501 5.5.4',
        'MAIL 501 5.5.4',
        'MAIL 250 2.1.0',
        'RCPT 501 5.5.4',
      ],
      because: 'postscreen takes an empty path for an address',
    },
  },
  {
    name: 'too many commands',
    setup: 'deep',
    run: toTheEnd(EHLO, ...Array.from({ length: COMMANDS_MAX + 2 }, () => 'NOOP')),
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 250 2.0.0',
      'NOOP 421',
      'NOOP closed',
      'closed',
    ],
    ours: {
      sees: [
        'teaser, then 220 after the wait',
        'EHLO 250',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 250 2.0.0',
        'NOOP 421 4.7.0',
        'NOOP closed',
        'closed',
      ],
      because: 'an enhanced status is announced and therefore given',
    },
  },
  {
    name: 'a line without end',
    setup: 'deep',
    run: toTheEnd(`EHLO ${LINE_TOO_LONG}`),
    sees: ['teaser, then 220 after the wait', 'EHLO 421', 'closed'],
    ours: {
      sees: ['teaser, then 220 after the wait', 'EHLO 421 4.3.0', 'closed'],
      because: 'an enhanced status is announced and therefore given',
    },
  },
  {
    name: 'a talker sees everything refused and logged',
    setup: 'deep',
    run: early(`${EHLO}\r\n`, MAIL, RCPT, 'RCPT TO:<cleo@house.test>', 'QUIT'),
    sees: ['250', 'MAIL 250 2.1.0', 'RCPT 550 5.5.1', 'RCPT 550 5.5.1', 'QUIT 221 2.0.0'],
  },
  {
    name: 'STARTTLS, then comes again with it',
    setup: 'deep',
    run: async (door, from) => {
      const once = (): Promise<string[]> =>
        call(door, from, async (caller) => {
          const said = [await caller.greeting(), ...(await caller.talk(EHLO)), await caller.startTls()];
          return [...said, ...(await caller.talk(EHLO, MAIL, RCPT, 'QUIT'))];
        });
      return [...(await once()), ...(await once())];
    },
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      '220 2.0.0 and TLSv1.3',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 450 4.3.2',
      'QUIT 221 2.0.0',
      '220 at once',
      'EHLO 250',
      '220 2.0.0 and TLSv1.3',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 250 2.1.5',
      'QUIT 221 2.0.0',
    ],
  },
  {
    name: 'commands smuggled in front of TLS are not heard in it',
    setup: 'deep',
    run: (door, from) =>
      call(door, from, async (caller) => {
        const said = [await caller.greeting(), ...(await caller.talk(EHLO))];
        const tls = await caller.startTls(`RSET\r\n${EHLO}\r\n`);
        return [...said, tls, ...(await caller.talk(MAIL, RCPT))];
      }),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', '220 2.0.0 and TLSv1.3', 'MAIL 250 2.1.0', 'RCPT 550 5.5.1'],
  },
  {
    name: 'what EHLO offers',
    setup: 'deep',
    run: (door, from) =>
      call(door, from, async (caller) => {
        await caller.greeting();
        await caller.command(EHLO);
        const offered = caller.transcript.split('\r\n').filter((line) => /^250[ -]/.test(line));
        return offered
          .slice(1)
          .map((line) => line.slice(4))
          .sort();
      }),
    sees: [
      '8BITMIME',
      'CHUNKING',
      'DSN',
      'ENHANCEDSTATUSCODES',
      'ETRN',
      'SIZE 10240000',
      'SMTPUTF8',
      'STARTTLS',
      'VRFY',
    ],
  },
];
