// SMFIC_CONNECT and SMFIC_HELO into the facts of a Connection. Pure: bytes and macros in, plain data out; never throws.
import { isIP } from 'node:net';
import type { Connection, Tls } from '../message/envelope.js';
import { decodeText } from './text.js';

/** What SMFIC_CONNECT says. */
export interface ConnectEvent {
  readonly hostname: string;
  readonly address: string | null;
  /** 0 = unknown. */
  readonly port: number;
  readonly family: '4' | '6' | 'L' | 'U';
}

const NAME_MAX_CHARS = 1_024;

/** Reads the data of SMFIC_CONNECT; null when it is malformed (unknown family, address cut off or not an address). */
export function parseConnect(data: Buffer): ConnectEvent | null {
  const nul = data.indexOf(0);
  if (nul < 0 || nul + 1 >= data.length) return null;
  const hostname = decodeText(data.subarray(0, nul));
  const family = String.fromCharCode(data[nul + 1] ?? 0);
  if (family === 'U') return { hostname, address: null, port: 0, family };
  if ((family !== '4' && family !== '6' && family !== 'L') || data.length < nul + 4) return null;
  const port = data.readUInt16BE(nul + 2);
  const end = data.indexOf(0, nul + 4);
  const given = decodeText(data.subarray(nul + 4, end < 0 ? data.length : end));
  if (family === 'L') return { hostname, address: null, port: 0, family };
  const address = canonicalAddress(given);
  return address === null ? null : { hostname, address, port, family };
}

/** An IP address without brackets and `IPv6:` prefix, IPv4-mapped IPv6 unwrapped; null when it is none. */
export function canonicalAddress(given: string): string | null {
  let address = given.replace(/^\[|\]$/g, '');
  if (/^ipv6:/i.test(address)) address = address.slice(5);
  const mapped = /^::ffff:(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i.exec(address);
  if (mapped?.[1] !== undefined && isIP(mapped[1]) === 4) return mapped[1];
  return isIP(address) === 0 ? null : address.toLowerCase();
}

/** The connection as SMFIC_CONNECT and its macros tell it; `helo` and TLS come later. `startedAt` in ms since the epoch. */
export function describeConnection(
  event: ConnectEvent,
  macros: ReadonlyMap<string, string>,
  startedAt: number,
): Connection {
  const confirmed = event.hostname.startsWith('[') ? null : nameOrNull(event.hostname);
  const resolve = resolveWord(macros, confirmed !== null);
  return {
    id: `[${event.address ?? 'unknown'}]:${event.port}@${startedAt}`,
    clientAddress: event.address,
    clientPort: event.port,
    country: null,
    clientName: resolve === 'ok' || resolve === 'unknown' ? confirmed : null,
    clientPtr: nameOrNull(macros.get('client_ptr')) ?? confirmed,
    clientResolve: resolve,
    helo: null,
    tls: null,
    mtaName: nameOrNull(macros.get('j')),
    daemonName: nameOrNull(macros.get('daemon_name')),
    daemonAddress: nameOrNull(macros.get('daemon_addr')),
    daemonPort: portOrNull(macros.get('daemon_port')),
    smtp: !(event.port === 0 && event.hostname === 'localhost'),
    macros,
    startedAt,
  };
}

/** The connection after SMFIC_HELO. TLS, once up, stays up: a later HELO without its macros does not take it away. */
export function withHelo(connection: Connection, helo: string, macros: ReadonlyMap<string, string>): Connection {
  return { ...connection, helo: helo.slice(0, NAME_MAX_CHARS), tls: tlsFrom(macros) ?? connection.tls, macros };
}

function tlsFrom(macros: ReadonlyMap<string, string>): Tls | null {
  const version = nameOrNull(macros.get('tls_version'));
  if (version === null) return null;
  const bits = Number(macros.get('cipher_bits') ?? '');
  return {
    version,
    cipher: macros.get('cipher') ?? '',
    bits: Number.isInteger(bits) && bits > 0 ? bits : null,
    certSubject: nameOrNull(macros.get('cert_subject')),
    certIssuer: nameOrNull(macros.get('cert_issuer')),
  };
}

const RESOLVE_WORDS = new Map<string, Connection['clientResolve']>([
  ['OK', 'ok'],
  ['FORGED', 'forged'],
  ['FAIL', 'fail'],
  ['TEMP', 'temp'],
]);

/** `{client_resolve}` where the MTA has it (Postfix, Sendmail); else what `_` and the host name let on. */
function resolveWord(macros: ReadonlyMap<string, string>, named: boolean): Connection['clientResolve'] {
  const word = RESOLVE_WORDS.get((macros.get('client_resolve') ?? '').toUpperCase());
  if (word !== undefined) return word;
  if ((macros.get('_') ?? '').includes('(may be forged)')) return 'forged';
  return named ? 'ok' : 'unknown';
}

function nameOrNull(name: string | undefined): string | null {
  return name === undefined || name === '' || name.toLowerCase() === 'unknown' ? null : name.slice(0, NAME_MAX_CHARS);
}

function portOrNull(text: string | undefined): number | null {
  const port = Number(text ?? '');
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}
