// The handover to our own server, where a transaction tells it: first among the relays, and a Received field for rules.
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../message/parse.js';
import { ownRelayOf } from '../../../rules/mail/own-relay.js';
import { readReceivedLine } from '../../../rules/mail/received-line.js';
import { RuleMail } from '../../../rules/mail/rule-mail.js';
import { makeTransaction } from '../../ground/transaction.js';

type Fields = Parameters<typeof makeTransaction>[1];
const MAIL =
  'Received: from x (y.example [192.0.2.9]) by z.example (Postfix) with ESMTP id A123\nReturn-Path: <r@r.example>\n\nb\n';
const TLS = { version: 'TLSv1.3', cipher: 'x', bits: 256, certSubject: null, certIssuer: null };

const mailOf = (fields: Fields) =>
  new RuleMail(parseMessage(Buffer.from(MAIL)), makeTransaction(MAIL, fields), 100_000);

describe('the handover to our own server', () => {
  it('is the newest relay, untrusted like any other client', () => {
    const { relays } = mailOf({ queueId: 'QUEUE1', connection: { helo: 'pc' } });
    expect(relays.untrustedText).toMatch(
      /^\[ ip=203\.0\.113\.5 rdns=client\.example helo=pc by=mx\.house\.test ident= envfrom= intl=0 id=QUEUE1 auth= msa=0 \] \[ ip=192\.0\.2\.9 /,
    );
  });

  it('is trusted when the client logged in', () => {
    const { relays } = mailOf({ login: 'ada', connection: { tls: TLS } });
    expect(relays.trusted.map(({ ip, auth }) => [ip, auth])).toEqual([['203.0.113.5', 'ESMTPSA']]);
  });

  it('is the first Received field, and what is read of it is what is known', () => {
    const { headers } = mailOf({ queueId: 'QUEUE1', login: 'ada', receivedAt: Date.UTC(2024, 0, 2, 3, 4, 5) });
    const [first = '', second = ''] = headers.values('Received');
    expect(first).toContain('; Tue, 02 Jan 2024 03:04:05 +0000\n');
    expect(second).toContain('192.0.2.9');
    expect(headers.get('ALL:raw')).toMatch(/^Received: from client\.example /);
    const own = ownRelayOf(makeTransaction(MAIL, { queueId: 'QUEUE1', login: 'ada' }))!;
    expect(readReceivedLine(`${own.header.decoded()}\n`)).toEqual({ kind: 'relay', relay: own.relay });
  });

  it('tells the sender of the envelope, whatever the header says', () => {
    expect(mailOf({ mailFrom: 'e@e.example' }).headers.get('EnvelopeFrom')).toBe('e@e.example');
    expect(mailOf({ mailFrom: '' }).headers.get('EnvelopeFrom')).toBe('');
  });

  it('cannot be forged by a greeting', () => {
    const helo = 'a (b [10.0.0.1])\r\nReceived: from c';
    const { relays, headers } = mailOf({ connection: { helo, clientName: null } });
    expect(relays.untrusted[0]).toMatchObject({ ip: '203.0.113.5', noReverseDns: true });
    expect(relays.untrusted[0]?.helo).not.toMatch(/[\s()[\]]/);
    expect(headers.values('Received')).toHaveLength(2);
  });

  it.each<[string, Fields]>([
    ['a local program', { connection: { smtp: false } }],
    ['an unknown client', { connection: { clientAddress: null } }],
  ])('is left out for %s', (_, fields) => {
    expect(mailOf(fields).relays.untrusted.map(({ ip }) => ip)).toEqual(['192.0.2.9']);
  });
});
