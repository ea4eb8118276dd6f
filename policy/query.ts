// A policy request as the house sees it: the client's connection, the envelope as far as it is known, and which step of
// the dialogue asks. Pure: attributes in, plain data out; never throws on a value.
import type { Connection, EnvelopeAddress, Tls } from '../message/envelope.js';
import { canonicalAddress } from '../milter/connect.js';
import type { Attributes } from './request.js';

/** Steps of the dialogue at which Postfix may ask (`protocol_state`). */
const STEPS = ['CONNECT', 'EHLO', 'HELO', 'MAIL', 'RCPT', 'DATA', 'END-OF-MESSAGE', 'VRFY', 'ETRN'] as const;
export type PolicyStep = (typeof STEPS)[number];

export interface PolicyQuery {
  readonly step: PolicyStep;
  /** One string for all requests of a message. */
  readonly instance: string;
  /** `startedAt` and `id` are those of this request: whoever keeps the session gives them the time of its first. */
  readonly connection: Connection;
  /** Null before MAIL. */
  readonly mailFrom: EnvelopeAddress | null;
  /** Null before RCPT, and at DATA and later where there are several. */
  readonly rcptTo: EnvelopeAddress | null;
  readonly login: string | null;
  readonly queueId: string | null;
  /** Label of the `check_policy_service` that asks; '' where none. */
  readonly context: string;
}

const NAME_MAX_CHARS = 1_024;
const PORT_MAX = 65_535;

/** Reads a request; null for a step that Postfix does not have. `nowMs` since the epoch. */
export function readQuery(attributes: Attributes, nowMs: number): PolicyQuery | null {
  const get = (name: string): string => attributes.get(name) ?? '';
  const word = get('protocol_state');
  const step = STEPS.find((one) => one === (word === 'BDAT' ? 'DATA' : word));
  if (step === undefined) return null;
  const hasSender = step === 'MAIL' || step === 'RCPT' || step === 'DATA' || step === 'END-OF-MESSAGE';
  const recipient = get('recipient');
  return {
    step,
    instance: get('instance').slice(0, NAME_MAX_CHARS),
    connection: connectionOf(get, nowMs),
    mailFrom: hasSender ? addressOf(get('sender'), sizeParam(get('size'))) : null,
    rcptTo: recipient === '' || !hasSender || step === 'MAIL' ? null : addressOf(recipient, new Map()),
    login: nameOrNull(get('sasl_username')),
    queueId: nameOrNull(get('queue_id')),
    context: get('policy_context').slice(0, NAME_MAX_CHARS),
  };
}

type Get = (name: string) => string;

function connectionOf(get: Get, nowMs: number): Connection {
  const clientAddress = canonicalAddress(get('client_address'));
  const clientPort = portOf(get('client_port'));
  const confirmed = nameOrNull(get('client_name'));
  return {
    id: `[${clientAddress ?? 'unknown'}]:${clientPort}@${nowMs}`,
    clientAddress,
    country: null,
    clientPort,
    clientName: confirmed,
    clientPtr: nameOrNull(get('reverse_client_name')) ?? confirmed,
    // Postfix tells no more here: a name that is not confirmed may be forged, or its look-up may have failed.
    clientResolve: confirmed === null ? 'unknown' : 'ok',
    helo: get('helo_name') === '' ? null : get('helo_name').slice(0, NAME_MAX_CHARS),
    tls: tlsOf(get),
    mtaName: null,
    // The label stands for the listener's name: the milter's macro {daemon_name} is not told here.
    daemonName: nameOrNull(get('policy_context')),
    daemonAddress: nameOrNull(get('server_address')),
    daemonPort: portOf(get('server_port')) || null,
    smtp: true,
    macros: new Map(),
    startedAt: nowMs,
  };
}

function tlsOf(get: Get): Tls | null {
  const version = nameOrNull(get('encryption_protocol'));
  if (version === null) return null;
  const bits = Number(get('encryption_keysize'));
  return {
    version,
    cipher: get('encryption_cipher'),
    bits: Number.isInteger(bits) && bits > 0 ? bits : null,
    certSubject: nameOrNull(fromXtext(get('ccert_subject'))),
    certIssuer: nameOrNull(fromXtext(get('ccert_issuer'))),
  };
}

/** RFC 3461 §4: `+XX` stands for a byte. */
function fromXtext(text: string): string {
  const bytes = text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return bytes.slice(0, NAME_MAX_CHARS);
}

function addressOf(address: string, params: ReadonlyMap<string, string>): EnvelopeAddress {
  return { address, params, given: `<${address}>` };
}

/** SIZE= of MAIL; 0 where the client gave none. */
function sizeParam(text: string): ReadonlyMap<string, string> {
  return /^[1-9][0-9]{0,14}$/.test(text) ? new Map([['SIZE', text]]) : new Map();
}

function nameOrNull(name: string): string | null {
  return name === '' || name.toLowerCase() === 'unknown' ? null : name.slice(0, NAME_MAX_CHARS);
}

function portOf(text: string): number {
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port <= PORT_MAX ? port : 0;
}
