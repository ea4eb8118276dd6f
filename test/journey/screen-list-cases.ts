// Clients that DNS lists speak of: weights, filters by range, allow lists, and lists that fail or lie.
import { deliver, toTheEnd, type ScreenCase } from './screen-scripts.js';

export const LIST_CASES: readonly ScreenCase[] = [
  {
    name: 'listed at the threshold, enforced',
    setup: 'enforce',
    listed: { plus: '127.0.0.2' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 550 5.7.1', 'QUIT 221 2.0.0'],
  },
  {
    name: 'listed, ignored',
    setup: 'ignore',
    listed: { plus: '127.0.0.2' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'listed, dropped',
    setup: 'drop',
    listed: { plus: '127.0.0.2' },
    run: toTheEnd(),
    sees: ['teaser, then 521 5.7.1 after the wait', 'closed'],
  },
  {
    name: 'listed by one, excused by another: 2 - 3',
    setup: 'enforce',
    listed: { plus: '127.0.0.2', minus: '127.0.0.2' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'within the range of a filter',
    setup: 'enforce',
    listed: { range: '127.0.0.4' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 550 5.7.1', 'QUIT 221 2.0.0'],
  },
  {
    name: 'outside the range of a filter',
    setup: 'enforce',
    listed: { range: '127.0.0.5' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'a list that fails',
    setup: 'enforce',
    listed: { broken: 'servfail' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'a list that is silent',
    setup: 'enforce',
    listed: { broken: 'silent' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
  {
    name: 'a list that refuses the question',
    setup: 'enforce',
    listed: { plus: '127.255.255.254' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 550 5.7.1', 'QUIT 221 2.0.0'],
    ours: {
      sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
      because: '127.255.255.0/24 says that the list refuses to answer, not that the client is listed',
    },
  },
  {
    name: 'an answer that no list gives',
    setup: 'enforce',
    listed: { plus: '203.0.113.9' },
    run: deliver,
    sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 550 5.7.1', 'QUIT 221 2.0.0'],
    ours: {
      sees: ['teaser, then 220 after the wait', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
      because: 'answers outside 127.0.0.0/8 come from a resolver that lies, or a list that died',
    },
  },
  {
    name: 'excused enough to skip wait and deep tests',
    setup: 'deep',
    listed: { minus: '127.0.0.2' },
    run: deliver,
    sees: ['teaser, then 220 at once', 'EHLO 250', 'MAIL 250 2.1.0', 'RCPT 250 2.1.5', 'QUIT 221 2.0.0'],
  },
];
