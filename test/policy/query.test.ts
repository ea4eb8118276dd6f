// What is read from a request: connection, envelope, step.
import { describe, expect, it } from 'vitest';
import { readQuery, type PolicyQuery } from '../../policy/query.js';
import { RequestReader } from '../../policy/request.js';
import { requestText } from './client.js';

function read(fields: Readonly<Record<string, string>> = {}): PolicyQuery | null {
  const [attributes] = [...new RequestReader().push(Buffer.from(requestText(fields), 'utf8'))];
  return attributes === undefined ? null : readQuery(attributes, 1_700_000_000_000);
}

describe('a request', () => {
  it('tells client, envelope and step', () => {
    expect(read({ size: '1234', sasl_username: 'ann', queue_id: '4XYZ', policy_context: 'outer' })).toMatchObject({
      step: 'RCPT',
      instance: '1c2.5f.3a.0',
      login: 'ann',
      queueId: '4XYZ',
      context: 'outer',
      mailFrom: { address: 'a@away.test', given: '<a@away.test>', params: new Map([['SIZE', '1234']]) },
      rcptTo: { address: 'b@house.test' },
      connection: {
        id: '[192.0.2.7]:40000@1700000000000',
        clientAddress: '192.0.2.7',
        clientPort: 40_000,
        clientName: 'mx.away.test',
        clientResolve: 'ok',
        helo: 'mx.away.test',
        daemonName: 'outer',
        daemonAddress: '198.51.100.1',
        daemonPort: 25,
        tls: null,
        smtp: true,
      },
    });
  });

  it.each([
    ['CONNECT', false, false],
    ['EHLO', false, false],
    ['MAIL', true, false],
    ['RCPT', true, true],
    ['DATA', true, true],
    ['END-OF-MESSAGE', true, true],
    ['BDAT', true, true],
  ])('at %s', (state, hasSender, hasRecipient) => {
    const query = read({ protocol_state: state });
    expect([query?.mailFrom !== null, query?.rcptTo !== null]).toEqual([hasSender, hasRecipient]);
  });

  it('knows the null sender, names that are not confirmed, and several recipients', () => {
    const query = read({
      sender: '',
      client_name: 'unknown',
      protocol_state: 'DATA',
      recipient: '',
      recipient_count: '3',
    });
    expect(query?.mailFrom?.address).toBe('');
    expect(query?.rcptTo).toBeNull();
    expect(query?.connection).toMatchObject({ clientName: null, clientPtr: 'mx.away.test', clientResolve: 'unknown' });
  });

  it.each([
    ['2001:DB8::7', '2001:db8::7'],
    ['::ffff:192.0.2.9', '192.0.2.9'],
    ['unknown', null],
    ['', null],
  ])('reads the address %s', (given, expected) => {
    expect(read({ client_address: given })?.connection.clientAddress).toBe(expected);
  });

  it('reads TLS and a certificate in xtext', () => {
    const tls = { encryption_protocol: 'TLSv1.3', encryption_cipher: 'AES', encryption_keysize: '256' };
    expect(read({ ...tls, ccert_subject: 'Ann+20Lee' })?.connection.tls).toEqual({
      version: 'TLSv1.3',
      cipher: 'AES',
      bits: 256,
      certSubject: 'Ann Lee',
      certIssuer: null,
    });
  });

  it('takes addresses in UTF-8', () => {
    expect(read({ sender: 'bø@å.test' })?.mailFrom?.address).toBe('bø@å.test');
  });

  it.each(['-1', 'x', '70000', ''])('takes %s for no port', (port) => {
    expect(read({ client_port: port })?.connection.clientPort).toBe(0);
  });
});
