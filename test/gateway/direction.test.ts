// Received, sent, internal; and the client behind a trusted relay.
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { createDirections } from '../../gateway/direction.js';
import { directionsSection, type DirectionsSettings } from '../../gateway/settings.js';
import { parseMessage } from '../../message/parse.js';
import { receivedFrom } from '../../message/received.js';
import { makeConnection, makeTransaction } from '../ground/transaction.js';

const defaults = Value.Default(directionsSection.schema, {}) as DirectionsSettings;
const directions = createDirections({ ...defaults, trustedRelays: ['192.0.2.0/24', '2001:db8::1'] }, [
  'house.test',
  '*.house.test',
  'bücher.test',
]);
const of = (fields: Parameters<typeof makeTransaction>[1]) => directions.of(makeTransaction('', fields));

describe('direction', () => {
  it('is received from a stranger, whatever the recipient', () => {
    expect(of({ rcptTo: ['b@house.test', 'c@else.test'] })).toEqual(['received', 'received']);
  });

  it.each([
    ['a login', { login: 'bob' }],
    ['an own network', { connection: { clientAddress: '127.0.0.1' } }],
    ['an own network over IPv6', { connection: { clientAddress: '::1' } }],
    ['an IPv4-mapped own address', { connection: { clientAddress: '::ffff:127.0.0.1' } }],
    ['a submission listener', { connection: { daemonName: 'ORIGINATING' } }],
    ['a local program', { connection: { smtp: false } }],
  ])('is sent or internal from %s', (_, fields) => {
    const rcptTo = ['x@house.test', 'x@SUB.House.Test.', 'x@xn--bcher-kva.test', 'x@else.test', 'postmaster'];
    expect(of({ ...fields, rcptTo })).toEqual(['internal', 'internal', 'internal', 'sent', 'internal']);
  });

  it('refuses a network that is none', () => {
    expect(() => createDirections({ ...defaults, ownNetworks: ['10.0.0.0/33'] }, [])).toThrow(/10\.0\.0\.0\/33/);
  });
});

describe('client behind trusted relays', () => {
  const mail = (received: readonly string[]) =>
    parseMessage(Buffer.from([...received.map((line) => `Received: ${line}`), '', ''].join('\r\n')));
  const client = (address: string, ...received: string[]) =>
    directions.client(makeConnection({ clientAddress: address }), mail(received)).clientAddress;

  it('is the peer itself when it is no relay of ours', () => {
    expect(client('203.0.113.9', 'from x (x [198.51.100.1]) by y')).toBe('203.0.113.9');
  });

  it('is read from the lines the relays wrote, down to the first stranger', () => {
    const lines = [
      'from r2 (r2 [192.0.2.7]) by r1',
      'from c (c [198.51.100.1]) by r2',
      'from forged (f [203.0.113.1]) by c',
    ];
    expect(client('192.0.2.1', ...lines)).toBe('198.51.100.1');
    expect(client('2001:db8::1', 'from c (c [IPv6:2001:db8:5::9]) by r1')).toBe('2001:db8:5::9');
  });

  it('has no HELO name then: the relay gave its own', () => {
    const relayed = directions.client(
      makeConnection({ clientAddress: '192.0.2.1', helo: 'relay.house.test' }),
      mail(['from c (c [198.51.100.1]) by r1']),
    );
    expect(relayed).toMatchObject({ clientAddress: '198.51.100.1', helo: null, clientName: null });
  });

  it('stays with the relay when its line names nobody', () => {
    expect(client('192.0.2.1', 'by localhost with local')).toBe('192.0.2.1');
  });

  it('takes the address of the from clause alone', () => {
    expect(receivedFrom('from [198.51.100.1] (helo) by [192.0.2.1] with SMTP')).toBe('198.51.100.1');
    expect(receivedFrom('from helo by [192.0.2.1] with SMTP')).toBeNull();
  });
});

describe('further names of a domain', () => {
  const domainAliases = [
    { domain: 'House.test', names: ['haus.test', 'MAISON.test.'] },
    { domain: 'bücher.test', names: ['livres.test'] },
    { domain: 'else.test', names: ['other.test'] },
  ];
  const named = createDirections({ ...defaults, domainAliases }, ['house.test', '*.house.test', 'bücher.test']);
  const rename = (...addresses: string[]) => {
    const given = makeTransaction('', { rcptTo: addresses }).rcptTo;
    return named.underMainNames(given).map(({ address }) => address);
  };

  it('are ours where the main name is', () => {
    for (const address of ['a@haus.test', 'a@maison.test', 'A@LIVRES.test'])
      expect(named.isOwnDomain(address)).toBe(true);
    for (const address of ['a@other.test', 'a@sub.haus.test']) expect(named.isOwnDomain(address)).toBe(false);
  });

  it('are written as the main name where settings are looked up, the local part untouched', () => {
    expect(rename('Ann+x@HAUS.test', '"a@haus.test"@maison.test', 'b@livres.test')).toEqual([
      'Ann+x@house.test',
      '"a@haus.test"@house.test',
      'b@xn--bcher-kva.test',
    ]);
  });

  it('leave other mail, and what the MTA sent, as they are', () => {
    const { rcptTo } = makeTransaction('', { rcptTo: ['a@house.test', 'postmaster', 'b@outside.test'] });
    expect(named.underMainNames(rcptTo)).toBe(rcptTo);
    const [one] = named.underMainNames(makeTransaction('', { rcptTo: ['a@haus.test'] }).rcptTo);
    expect(one).toMatchObject({ address: 'a@house.test', given: '<a@haus.test>' });
  });

  it('belong to one domain each, and are main names of none', () => {
    const check = (entries: typeof domainAliases) =>
      directionsSection.check?.({ ...defaults, domainAliases: entries }, undefined as never);
    expect(check(domainAliases)).toEqual([]);
    const wrong = [
      { domain: 'a.test', names: ['x.test', 'b.test'] },
      { domain: 'b.test', names: ['X.test.'] },
    ];
    expect(check(wrong)).toEqual([
      {
        path: ['domainAliases', '1', 'names', '2'],
        expected: 'a name that is not the main name of an entry',
      },
      { path: ['domainAliases', '2', 'names', '1'], expected: 'a name that no other entry has' },
    ]);
  });
});
