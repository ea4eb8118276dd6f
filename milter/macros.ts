// Macros: which ones we ask the MTA for, and those it has sent, per stage. A stage's list replaces the one before it;
// values live as long as what they describe. Hostile lists are bounded in bytes and count and otherwise ignored.
import { MACRO_STAGE, SMFIC } from './codes.js';
import { strings } from './packet.js';
import { decodeText } from './text.js';

/** What we ask for by SETSYMLIST (Sendmail takes at most 50 names a stage). An empty list would mean "the default". */
export const REQUESTED_MACROS: readonly { readonly stage: number; readonly names: string }[] = [
  {
    stage: MACRO_STAGE.CONNECT,
    names:
      'j _ v {daemon_name} {daemon_addr} {daemon_port} {client_addr} {client_name} {client_ptr} {client_port} {client_resolve}',
  },
  { stage: MACRO_STAGE.HELO, names: '{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}' },
  {
    stage: MACRO_STAGE.MAIL,
    names: 'i {auth_type} {auth_authen} {auth_author} {auth_ssf} {mail_addr} {mail_host} {mail_mailer}',
  },
  { stage: MACRO_STAGE.RCPT, names: 'i {rcpt_addr} {rcpt_host} {rcpt_mailer}' },
  { stage: MACRO_STAGE.DATA, names: 'i {auth_authen} {auth_type}' },
  { stage: MACRO_STAGE.EOM, names: 'i {auth_authen} {auth_type}' },
  { stage: MACRO_STAGE.EOH, names: 'i {auth_authen} {auth_type}' },
];

/** Bytes of macros kept per stage, and names; a longer list is ignored whole, further names are left out. */
export const MACRO_BYTES_MAX = 8_192;
export const MACRO_COUNT_MAX = 100;

const SESSION_STAGES = [SMFIC.CONNECT, SMFIC.HELO];
const TRANSACTION_STAGES = [
  SMFIC.MAIL,
  SMFIC.RCPT,
  SMFIC.DATA,
  SMFIC.HEADER,
  SMFIC.EOH,
  SMFIC.BODY,
  SMFIC.BODYEOB,
  SMFIC.UNKNOWN,
];
const KNOWN = new Set<number>([...SESSION_STAGES, ...TRANSACTION_STAGES]);

/** The macros one connection has been sent. Raw lists are kept and read only when asked for. */
export class Macros {
  readonly #lists = new Map<number, Buffer>();

  /** Takes the data of one SMFIC_MACRO. Unknown stages, empty packets and over-long lists are ignored. */
  receive(data: Buffer): void {
    const stage = data[0];
    if (stage === undefined || !KNOWN.has(stage) || data.length > MACRO_BYTES_MAX) return;
    const list = this.#lists.get(stage);
    if (list !== undefined && list.equals(data)) return;
    this.#lists.set(stage, Buffer.from(data));
  }

  /** What was sent for connect and helo, later over earlier; braces stripped. */
  session(): Map<string, string> {
    return this.#merged(SESSION_STAGES);
  }

  /** What was sent for the transaction, later stages over earlier; braces stripped. */
  transaction(): Map<string, string> {
    return this.#merged(TRANSACTION_STAGES);
  }

  /** What was sent for one stage (an SMFIC code). */
  stage(code: number): Map<string, string> {
    return this.#merged([code]);
  }

  /** A new transaction began: drops what belongs to an earlier one, keeps what MAIL brought. */
  beginTransaction(): void {
    for (const code of TRANSACTION_STAGES) if (code !== SMFIC.MAIL) this.#lists.delete(code);
  }

  /** The transaction is over. */
  endTransaction(): void {
    for (const code of TRANSACTION_STAGES) this.#lists.delete(code);
  }

  /** The SMTP session is over (QUIT_NC). */
  endSession(): void {
    this.#lists.clear();
  }

  #merged(stages: readonly number[]): Map<string, string> {
    const merged = new Map<string, string>();
    let before: Buffer | null = null;
    for (const code of stages) {
      const list = this.#lists.get(code);
      if (list === undefined) continue;
      // The MTA repeats the same list for stage after stage: read it once.
      if (before === null || list.compare(before, 1, undefined, 1) !== 0) readList(list, merged);
      before = list;
    }
    return merged;
  }
}

/** Reads name and value pairs after the stage byte; an odd last name is ignored. */
function readList(list: Buffer, into: Map<string, string>): void {
  const fields = strings(list.subarray(1), MACRO_COUNT_MAX * 2);
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = bareName(decodeText(fields[i] ?? list.subarray(0, 0)));
    if (name !== '') into.set(name, decodeText(fields[i + 1] ?? list.subarray(0, 0)));
  }
}

function bareName(name: string): string {
  return name.length > 2 && name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name;
}
