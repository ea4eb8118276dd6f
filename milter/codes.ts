// The milter protocol's numbers and their names (sendmail 8.17 mfdef.h), so that code and logs speak of SMFIC_RCPT, not 0x52.
// Data only: nothing here reads or writes a socket.

/** Commands MTA -> server, as byte values. */
export const SMFIC = {
  ABORT: 0x41,
  BODY: 0x42,
  CONNECT: 0x43,
  MACRO: 0x44,
  BODYEOB: 0x45,
  HELO: 0x48,
  QUIT_NC: 0x4b,
  HEADER: 0x4c,
  MAIL: 0x4d,
  EOH: 0x4e,
  OPTNEG: 0x4f,
  QUIT: 0x51,
  RCPT: 0x52,
  DATA: 0x54,
  UNKNOWN: 0x55,
} as const;

/** Replies server -> MTA, as byte values. */
export const SMFIR = {
  ADDRCPT: 0x2b,
  DELRCPT: 0x2d,
  ADDRCPT_PAR: 0x32,
  SHUTDOWN: 0x34,
  ACCEPT: 0x61,
  REPLBODY: 0x62,
  CONTINUE: 0x63,
  DISCARD: 0x64,
  CHGFROM: 0x65,
  CONN_FAIL: 0x66,
  ADDHEADER: 0x68,
  INSHEADER: 0x69,
  CHGHEADER: 0x6d,
  OPTNEG: 0x4f,
  PROGRESS: 0x70,
  QUARANTINE: 0x71,
  REJECT: 0x72,
  SKIP: 0x73,
  TEMPFAIL: 0x74,
  REPLYCODE: 0x79,
} as const;

/** Actions a filter may ask leave for (second word of OPTNEG). */
export const SMFIF = {
  ADDHDRS: 0x1,
  CHGBODY: 0x2,
  ADDRCPT: 0x4,
  DELRCPT: 0x8,
  CHGHDRS: 0x10,
  QUARANTINE: 0x20,
  CHGFROM: 0x40,
  ADDRCPT_PAR: 0x80,
  SETSYMLIST: 0x100,
} as const;
export const SMFIF_ALL = 0x1ff;

/** Protocol bits (third word of OPTNEG): events to leave out, events answered by silence, extras. */
export const SMFIP = {
  NOCONNECT: 0x1,
  NOHELO: 0x2,
  NOMAIL: 0x4,
  NORCPT: 0x8,
  NOBODY: 0x10,
  NOHDRS: 0x20,
  NOEOH: 0x40,
  NR_HDR: 0x80,
  NOUNKNOWN: 0x100,
  NODATA: 0x200,
  SKIP: 0x400,
  RCPT_REJ: 0x800,
  NR_CONN: 0x1000,
  NR_HELO: 0x2000,
  NR_MAIL: 0x4000,
  NR_RCPT: 0x8000,
  NR_DATA: 0x10000,
  NR_UNKN: 0x20000,
  NR_EOH: 0x40000,
  NR_BODY: 0x80000,
  HDR_LEADSPC: 0x100000,
} as const;
export const SMFIP_ALL = 0x1fffff;

/** Stages of the macro lists in our OPTNEG (SETSYMLIST). */
export const MACRO_STAGE = { CONNECT: 0, HELO: 1, MAIL: 2, RCPT: 3, DATA: 4, EOM: 5, EOH: 6 } as const;

/** The version spoken here. */
export const VERSION_MAX = 6;
export const VERSION_MIN = 2;

const COMMAND_NAMES = new Map<number, string>(Object.entries(SMFIC).map(([name, code]) => [code, `SMFIC_${name}`]));
const REPLY_NAMES = new Map<number, string>(Object.entries(SMFIR).map(([name, code]) => [code, `SMFIR_${name}`]));

/** `SMFIC_RCPT` for 0x52; `0x7a` in hex for a number that is no command. */
export function commandName(code: number): string {
  return COMMAND_NAMES.get(code) ?? `0x${code.toString(16).padStart(2, '0')}`;
}

/** `SMFIR_CONTINUE` for 0x63; hex for a number that is no reply. */
export function replyName(code: number): string {
  return REPLY_NAMES.get(code) ?? `0x${code.toString(16).padStart(2, '0')}`;
}

/** Names of the bits set in an actions or protocol word, e.g. `SKIP NR_HDR`; unknown bits are left out. */
export function bitNames(table: Readonly<Record<string, number>>, word: number): string {
  return Object.keys(table)
    .filter((name) => (word & (table[name] ?? 0)) !== 0)
    .join(' ');
}
