// Transactions and connections for tests: a plain outside client, with what a test wants otherwise.
import type { Connection, EnvelopeAddress, Transaction } from '../../message/envelope.js';

export const envelopeAddress = (address: string): EnvelopeAddress => ({
  address,
  params: new Map(),
  given: `<${address}>`,
});

export function makeConnection(fields: Partial<Connection> = {}): Connection {
  return {
    id: '[203.0.113.5]:40000@0',
    clientAddress: '203.0.113.5',
    country: null,
    clientPort: 40_000,
    clientName: 'client.example',
    clientPtr: 'client.example',
    clientResolve: 'ok',
    helo: 'client.example',
    tls: null,
    mtaName: 'mx.house.test',
    daemonName: 'smtpd',
    daemonAddress: null,
    daemonPort: null,
    smtp: true,
    macros: new Map(),
    startedAt: 0,
    ...fields,
  };
}

/** A transaction from a@outside.test to b@house.test unless said otherwise. */
export function makeTransaction(
  content: string | Buffer,
  fields: Partial<Omit<Transaction, 'mailFrom' | 'rcptTo' | 'content' | 'connection'>> & {
    readonly mailFrom?: string;
    readonly rcptTo?: readonly string[];
    readonly connection?: Partial<Connection>;
  } = {},
): Transaction {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const { mailFrom, rcptTo, connection, ...rest } = fields;
  return {
    connection: makeConnection(connection),
    queueId: 'Q1',
    mailFrom: envelopeAddress(mailFrom ?? 'a@outside.test'),
    rcptTo: (rcptTo ?? ['b@house.test']).map(envelopeAddress),
    login: null,
    content: bytes,
    truncated: false,
    sizeBytes: bytes.length,
    macros: new Map(),
    receivedAt: 0,
    ...rest,
  };
}
