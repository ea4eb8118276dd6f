// The first packet both ways: the MTA offers version, actions and protocol bits; we answer with a subset (reference:
// sendmail mfdef.h, libmilter engine.c). A bit is asked for only when it was offered; nothing is assumed.
import { SMFIC, SMFIF, SMFIF_ALL, SMFIP, SMFIR, VERSION_MAX, VERSION_MIN } from './codes.js';
import { REQUESTED_MACROS } from './macros.js';
import type { EarlyMoment } from '../pipeline/stage.js';
import { packet } from './packet.js';

/**
 * Which events without a verdict go unanswered: all of them, or only header fields and their end. Silence before a pause
 * of the MTA costs 44 ms over TCP (its Nagle algorithm waits for our delayed acknowledgement); header fields are followed
 * at once by something that is answered.
 */
export type Silence = 'all' | 'header' | 'none';

/** What the filter would like, worked out from settings, socket kind and the handler. */
export interface Wishes {
  readonly silence: Silence;
  /** Verdicts are given at these events, so they always get a reply. */
  readonly verdictAt: readonly EarlyMoment[];
}

/** What was agreed. */
export interface Agreement {
  readonly version: number;
  /** SMFIF bits we may use. */
  readonly actions: number;
  /** SMFIP bits in force. */
  readonly protocol: number;
  /** Header values carry what follows the colon, both ways. */
  readonly leadingSpace: boolean;
  /** SMFIR_SKIP may be sent to a body chunk. */
  readonly skip: boolean;
  /** SMFIC codes that must get no reply at all. */
  readonly silent: ReadonlySet<number>;
  /** The OPTNEG packet to send. */
  readonly reply: Buffer;
}

/** Bits a peer of that version knows (Postfix masks by `milter_protocol` the same way). */
const BITS_BY_VERSION: readonly number[] = [0, 0, 0x7f, 0x7f | SMFIP.NOUNKNOWN, 0x7f | SMFIP.NOUNKNOWN | SMFIP.NODATA];
const ACTIONS_V2 = 0x3f;

const SILENT_BY_BIT: readonly (readonly [number, number])[] = [
  [SMFIP.NR_CONN, SMFIC.CONNECT],
  [SMFIP.NR_HELO, SMFIC.HELO],
  [SMFIP.NR_MAIL, SMFIC.MAIL],
  [SMFIP.NR_RCPT, SMFIC.RCPT],
  [SMFIP.NR_DATA, SMFIC.DATA],
  [SMFIP.NR_HDR, SMFIC.HEADER],
  [SMFIP.NR_EOH, SMFIC.EOH],
  [SMFIP.NR_BODY, SMFIC.BODY],
  [SMFIP.NR_UNKN, SMFIC.UNKNOWN],
];

/** Agreements remembered: an MTA offers the same each time, there are few MTAs, and wishes change with the settings only. */
const REMEMBERED_MAX = 16;

/** Negotiates for all connections of one server and remembers what it worked out. */
export class Negotiator {
  readonly #known = new Map<string, Agreement | null>();

  /** As `negotiate`. */
  negotiate(data: Buffer, wishes: Wishes): Agreement | null {
    const key = `${wishes.silence} ${wishes.verdictAt.join()} ${data.toString('latin1', 0, 12)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const agreement = negotiate(data, wishes);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(key, agreement);
    return agreement;
  }
}

/** Answers the data of an SMFIC_OPTNEG, or null when the peer cannot be talked to (under 12 bytes, version under 2). */
export function negotiate(data: Buffer, wishes: Wishes): Agreement | null {
  if (data.length < 12) return null;
  const offeredVersion = data.readUInt32BE(0);
  if (offeredVersion < VERSION_MIN) return null;
  const version = Math.min(VERSION_MAX, offeredVersion);
  const actions = actionsFor(version, data.readUInt32BE(4));
  const protocol = protocolFor(version, data.readUInt32BE(8), wishes);
  return {
    version,
    actions,
    protocol,
    leadingSpace: (protocol & SMFIP.HDR_LEADSPC) !== 0,
    skip: (protocol & SMFIP.SKIP) !== 0,
    silent: new Set(SILENT_BY_BIT.filter(([bit]) => (protocol & bit) !== 0).map(([, command]) => command)),
    reply: encodeReply(version, actions, protocol),
  };
}

function actionsFor(version: number, offered: number): number {
  const known = version < VERSION_MAX ? SMFIF_ALL & ~SMFIF.SETSYMLIST : SMFIF_ALL;
  return offered & (version === VERSION_MIN ? ACTIONS_V2 : known);
}

function protocolFor(version: number, offered: number, wishes: Wishes): number {
  let wanted: number = SMFIP.HDR_LEADSPC | SMFIP.RCPT_REJ;
  if (wishes.silence !== 'none') wanted |= SMFIP.NR_HDR | SMFIP.NR_EOH;
  if (wishes.silence === 'all') {
    wanted |= SMFIP.NR_DATA | SMFIP.NR_UNKN | SMFIP.NR_BODY;
    if (!wishes.verdictAt.includes('connect')) wanted |= SMFIP.NR_CONN;
    if (!wishes.verdictAt.includes('helo')) wanted |= SMFIP.NR_HELO;
    if (!wishes.verdictAt.includes('mail')) wanted |= SMFIP.NR_MAIL;
    if (!wishes.verdictAt.includes('rcpt')) wanted |= SMFIP.NR_RCPT;
  }
  const agreed = wanted & offered & (BITS_BY_VERSION[version] ?? 0xffffffff);
  // SKIP is an answer to a body chunk: it can be asked for only where chunks are answered.
  const skip = (agreed & SMFIP.NR_BODY) === 0 && version >= 6 ? SMFIP.SKIP & offered : 0;
  return agreed | skip;
}

function encodeReply(version: number, actions: number, protocol: number): Buffer {
  const words = Buffer.allocUnsafe(12);
  words.writeUInt32BE(version, 0);
  words.writeUInt32BE(actions, 4);
  words.writeUInt32BE(protocol, 8);
  if ((actions & SMFIF.SETSYMLIST) === 0) return packet(SMFIR.OPTNEG, words);
  return packet(SMFIR.OPTNEG, words, ...REQUESTED_MACROS.map(encodeList));
}

function encodeList(list: { readonly stage: number; readonly names: string }): Buffer {
  const names = Buffer.from(`${list.names}\0`, 'latin1');
  const bytes = Buffer.allocUnsafe(4 + names.length);
  bytes.writeUInt32BE(list.stage, 0);
  names.copy(bytes, 4);
  return bytes;
}
