// Clients before the greeting is over: patient ones, early talkers, those that leave, those that are known or on a list of
// networks, and too many at once.
import { Caller } from '../ground/caller.js';
import {
  call,
  deliver,
  early,
  EARLY_MS,
  EHLO,
  MAIL,
  pause,
  politely,
  RCPT,
  toTheEnd,
  CLIENT_CONNECTIONS_MAX,
  type ScreenCase,
} from './screen-scripts.js';

export const EARLY_CASES: readonly ScreenCase[] = [
  {
    name: 'a silent good client',
    setup: 'enforce',
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'a talker, enforced',
    setup: 'enforce',
    run: early(`${EHLO}\r\n`, MAIL, RCPT, 'DATA'),
    sees: ['250', 'MAIL 250 2.1.0', 'RCPT 550 5.5.1', 'DATA 554 5.5.1'],
  },
  {
    name: 'a talker, ignored: its bytes reach the mail server',
    setup: 'ignore',
    run: (door, from) =>
      call(door, from, async (caller) => {
        await pause(EARLY_MS);
        caller.send(`${EHLO}\r\n`);
        return [await caller.greeting(), await caller.reply(), ...(await caller.talk(MAIL, RCPT, 'QUIT'))];
      }),
    sees: ['teaser, then 220 at once', '250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'a talker, dropped',
    setup: 'drop',
    run: (door, from) =>
      call(door, from, async (caller) => {
        await pause(EARLY_MS);
        caller.send(`${EHLO}\r\n`);
        return [await caller.greeting(), await caller.closed()];
      }),
    sees: ['teaser, then 521 5.5.1 at once', 'closed'],
  },
  {
    name: 'hangs up in the wait, comes again',
    setup: 'enforce',
    run: async (door, from) => {
      await call(door, from, async () => {
        await pause(EARLY_MS);
        return [];
      });
      return deliver(door, from);
    },
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'half-closes in the wait',
    setup: 'enforce',
    run: (door, from) =>
      call(door, from, async (caller) => {
        await pause(EARLY_MS);
        caller.halfClose();
        return [await caller.closed(door.waitMs * 3)];
      }),
    sees: ['closed'],
  },
  {
    name: 'half-closes after its last command',
    setup: 'enforce',
    run: (door, from) =>
      call(door, from, async (caller) => {
        const greeting = await caller.greeting();
        const said = await caller.talk(EHLO);
        caller.send('QUIT\r\n');
        caller.halfClose();
        return [greeting, ...said, await caller.reply(), await caller.closed()];
      }),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', '221 2.0.0', 'closed'],
  },
  {
    name: 'comes again: no teaser, no wait',
    setup: 'enforce',
    run: async (door, from) => [...(await deliver(door, from)), ...(await deliver(door, from))],
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 250 2.1.5',
      'QUIT 221 2.0.0',
      '220 at once',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 250 2.1.5',
      'QUIT 221 2.0.0',
    ],
  },
  {
    name: 'two at once: both wait',
    setup: 'enforce',
    run: async (door, from) => (await Promise.all([deliver(door, from), deliver(door, from)])).flat(),
    sees: [
      'teaser, then 220 after the wait',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 250 2.1.5',
      'QUIT 221 2.0.0',
      'teaser, then 220 after the wait',
      'EHLO 250',
      'MAIL 250 2.1.0',
      'RCPT 250 2.1.5',
      'QUIT 221 2.0.0',
    ],
  },
  {
    name: 'one connection too many',
    setup: 'enforce',
    run: async (door, from) => {
      const callers = await Promise.all(Array.from({ length: CLIENT_CONNECTIONS_MAX }, () => Caller.open(door, from)));
      await pause(EARLY_MS);
      const last = await toTheEnd()(door, from);
      for (const caller of callers) caller.hangUp();
      return last;
    },
    sees: ['421 4.7.0 at once', 'closed'],
  },
  {
    name: 'the mail server is down',
    setup: 'unmanned',
    run: toTheEnd(EHLO, MAIL, RCPT),
    sees: ['teaser, then 220 after the wait', 'EHLO 421 4.3.2', 'MAIL closed', 'closed'],
    ours: {
      sees: ['teaser, then 421 4.3.2 after the wait', 'EHLO closed', 'closed'],
      because: 'postscreen ends the greeting and refuses the first command; ours refuses in place of the greeting',
    },
  },
  {
    name: 'on the access list as good',
    setup: 'enforce',
    access: 'permit',
    run: deliver,
    sees: ['220 at once', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'on the access list as bad, enforced',
    setup: 'enforce',
    access: 'reject',
    run: politely(EHLO, MAIL, RCPT, 'QUIT'),
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 550 5.3.2', 'QUIT 221 2.0.0'],
  },
  {
    name: 'on the access list as bad, dropped',
    setup: 'drop',
    access: 'reject',
    run: toTheEnd(),
    sees: ['521 5.3.2 at once', 'closed'],
  },
];
