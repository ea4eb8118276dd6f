// X-Relay-Countries: the client first, hops as claimed, nothing of a header that calls itself so.
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../message/parse.js';
import type { Countries } from '../../outside/countries.js';
import { RuleMail } from '../../rules/mail/rule-mail.js';
import { makeTransaction } from '../ground/transaction.js';

const TABLE = new Map([
  ['193.0.6.139', 'NL'],
  ['130.59.1.1', 'CH'],
  ['2001:67c:2e8:22::c100:68b', 'NL'],
]);
const countries: Countries = { countryOf: (address) => TABLE.get(address) ?? null };

function valueOf(client: string | null, received: readonly string[], database: Countries | null = countries) {
  const fields = received.map((from) => `Received: ${from}\r\n`).join('');
  const raw = Buffer.from(`${fields}X-Relay-Countries: CN\r\nSubject: x\r\n\r\ny\r\n`);
  const transaction = makeTransaction(raw, { connection: { clientAddress: client } });
  const { headers } = new RuleMail(parseMessage(raw), transaction, 10_000, database);
  const value = headers.subject('X-Relay-Countries')?.text ?? null;
  expect(headers.exists('x-relay-countries')).toBe(value !== null);
  return value;
}

describe('X-Relay-Countries', () => {
  it.each<[string, string | null, readonly string[], string]>([
    ['the client alone', '193.0.6.139', [], 'NL'],
    ['hops below it', '193.0.6.139', ['from a (a [130.59.1.1]) by b', 'from c ([10.0.0.1]) by a'], 'NL CH **'],
    ['IPv6 and the unknown', '2001:67c:2e8:22::c100:68b', ['from a ([198.51.100.7]) by b'], 'NL XX'],
    [
      'the client once, behind a relay of ours',
      '193.0.6.139',
      ['from a ([193.0.6.139]) by ours', 'from b ([130.59.1.1]) by a'],
      'NL CH',
    ],
    ['what has no address, left out', '193.0.6.139', ['from local by b', 'by c', 'from x ([999.1.1.1]) by y'], 'NL'],
    ['no client', null, ['from a ([130.59.1.1]) by b'], 'CH'],
  ])('holds %s', (_, client, received, expected) => {
    expect(valueOf(client, received)).toBe(expected);
  });

  it('is absent without a database, whatever the message says', () => {
    expect(valueOf('193.0.6.139', [], null)).toBeNull();
  });

  it('is bounded', () => {
    const many = Array.from({ length: 1_000 }, () => 'from a ([130.59.1.1]) by b');
    expect(valueOf('193.0.6.139', many)?.split(' ')).toHaveLength(51);
  });
});
