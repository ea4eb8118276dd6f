// The Received field that our own server will put on top of a message after it was judged, made from what is known of the
// transaction: rules written for delivered mail find the real client there, not what the client claims was before it.
import type { Transaction } from '../../message/envelope.js';
import { toBytes } from '../bytes.js';
import { MailHeader } from './header.js';
import { isPrivateIp } from './ip.js';
import { cleanField, cleanIp, type Relay } from './received-line.js';

/** Longest name taken from a client, bytes. */
const NAME_MAX = 255;

export interface OwnRelay {
  readonly relay: Relay;
  readonly header: MailHeader;
}

/** The handover of the message to our server; null where no client over a network is known. */
export function ownRelayOf(transaction: Transaction | null): OwnRelay | null {
  const connection = transaction?.connection;
  const address = connection?.clientAddress ?? null;
  if (transaction === null || connection === undefined || address === null || !connection.smtp) return null;
  const ip = cleanIp(toBytes(address));
  const rdns = nameOf(connection.clientName);
  const helo = nameOf(connection.helo);
  const by = nameOf(connection.mtaName) || 'localhost';
  const id = nameOf(transaction.queueId);
  const protocol = `ESMTP${connection.tls === null ? '' : 'S'}${transaction.login === null ? '' : 'A'}`;
  const auth = transaction.login === null ? '' : protocol;
  const literal = ip.includes(':') ? `IPv6:${ip}` : ip;
  const date = new Date(transaction.receivedAt).toUTCString().replace(/GMT$/, '+0000');
  const header = new MailHeader(
    'Received',
    ` from ${helo || literal} (${rdns || 'unknown'} [${literal}])\n\tby ${by} (Postfix) with ${protocol}` +
      `${id === '' ? '' : ` id ${id}`};\n\t${date}\n`,
  );
  const noReverseDns = rdns === '';
  const relay: Relay = {
    ip,
    rdns,
    helo,
    by,
    id,
    ident: '',
    envfrom: null,
    auth,
    noReverseDns,
    ipPrivate: isPrivateIp(ip),
  };
  return { relay, header };
}

function nameOf(name: string | null): string {
  const text = name === null || /^unknown$/i.test(name) ? '' : name;
  return cleanField(toBytes(text).slice(0, NAME_MAX));
}
