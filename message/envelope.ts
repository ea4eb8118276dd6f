// Who talks to us and what they say before the content: the facts of one SMTP connection and one mail transaction, as
// the MTA reports them. Plain immutable data; any protocol folder can make one, every stage can read it.

/** TLS facts of the client's session, or null where it is in the clear. */
export interface Tls {
  readonly version: string;
  readonly cipher: string;
  readonly bits: number | null;
  /** Only when the MTA verified the client certificate. */
  readonly certSubject: string | null;
  readonly certIssuer: string | null;
}

/** One client's connection to the MTA. Addresses are canonical (IPv4-mapped IPv6 unwrapped, no `IPv6:` prefix, no brackets). */
export interface Connection {
  /** `[address]:port@milliseconds`: names one session in every log. */
  readonly id: string;
  /** Client address, or null when unknown (family U or a local path). */
  readonly clientAddress: string | null;
  /** Country of the client's address, two capital letters; null until the gateway filled it in, and where unknown. */
  readonly country: string | null;
  /** 0 = unknown. */
  readonly clientPort: number;
  /** Forward-confirmed reverse name, or null. */
  readonly clientName: string | null;
  /** Reverse name as found, not confirmed, or null. */
  readonly clientPtr: string | null;
  /** Whether the reverse name resolves back: RFC 8601 `iprev` in the MTA's words. */
  readonly clientResolve: 'ok' | 'forged' | 'fail' | 'temp' | 'unknown';
  readonly helo: string | null;
  readonly tls: Tls | null;
  /** The name the MTA calls itself (milter macro `j`). */
  readonly mtaName: string | null;
  /** The listener's name (milter macro `{daemon_name}`). */
  readonly daemonName: string | null;
  readonly daemonAddress: string | null;
  readonly daemonPort: number | null;
  /** False for mail handed in by a local program (milter: client `localhost`, port 0). */
  readonly smtp: boolean;
  /** Every macro the MTA sent for connect and helo, braces stripped. */
  readonly macros: ReadonlyMap<string, string>;
  /** ms since the epoch. */
  readonly startedAt: number;
}

/** One envelope address as it was given: without angle brackets and source route, case and bytes untouched. Empty for `<>`. */
export interface EnvelopeAddress {
  readonly address: string;
  /** ESMTP parameters, keyword upper-cased, value as typed ('' where none). */
  readonly params: ReadonlyMap<string, string>;
  /** Exactly what the MTA sent, brackets and all: what a DELRCPT must name. */
  readonly given: string;
}

/** One mail transaction: envelope and exact content. */
export interface Transaction {
  readonly connection: Connection;
  /** The MTA's queue id, or null before it has one. */
  readonly queueId: string | null;
  readonly mailFrom: EnvelopeAddress;
  readonly rcptTo: readonly EnvelopeAddress[];
  /** The login that sent it (SASL), or null. */
  readonly login: string | null;
  /** RFC 5321 content: header, empty line, body; the very bytes the MTA gave, nothing synthesised. */
  readonly content: Buffer;
  /** True when the content went over the size limit and was not kept whole. */
  readonly truncated: boolean;
  /** Size of the content as the MTA sent it, bytes, even where it was not kept. */
  readonly sizeBytes: number;
  readonly macros: ReadonlyMap<string, string>;
  /** ms since the epoch, when the content was complete. */
  readonly receivedAt: number;
}
