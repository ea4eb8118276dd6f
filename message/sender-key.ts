// The part of an envelope sender that stays the same from mail to mail: what greylisting and reputation take for the
// sender. Tags that change with every message (BATV, SRS, VERP, tokens) are folded. Pure; never throws on an address.
import { domainToASCII } from 'node:url';

/** Longest key, characters; what is longer is cut (RFC 5321 §4.5.3.1: 64 + 1 + 255). */
export const SENDER_KEY_MAX_CHARS = 320;
/** Words of letters and digits from this length on are taken for tokens; of hexadecimal digits from the second on. */
const TOKEN_CHARS_MIN = 16;
const HEX_TOKEN_CHARS_MIN = 8;

/** What stands for a part that changes. */
const ANY = '#';

/**
 * The key of a sender, lower case, `''` for the null sender. `prvs=4e21a3b9c0=ann@a.example` and `ann@a.example` have one
 * key, and so have `list-return-7-bob=b.example@l.example` and `list-return-8-eve=c.example@l.example`.
 */
export function senderKey(address: string): string {
  const cut = address.slice(0, SENDER_KEY_MAX_CHARS);
  const at = cut.lastIndexOf('@');
  if (at < 0) return cut.toLowerCase();
  const folded = foldLocalPart(withoutBatv(cut.slice(0, at).toLowerCase()));
  return `${folded}@${domainKey(cut.slice(at + 1))}`.slice(0, SENDER_KEY_MAX_CHARS);
}

/** A recipient as a key: lower case, domain in A-labels. */
export function recipientKey(address: string): string {
  const cut = address.slice(0, SENDER_KEY_MAX_CHARS).toLowerCase();
  const at = cut.lastIndexOf('@');
  return at < 0 ? cut : `${cut.slice(0, at)}@${domainKey(cut.slice(at + 1))}`;
}

/** Lower-case A-labels without a final dot (behaviour of every comparison of domains); as given where it is no name. */
export function domainKey(domain: string): string {
  const lower = domain.toLowerCase().replace(/\.$/, '');
  return /^[\x21-\x7e]*$/.test(lower) ? lower : domainToASCII(lower) || lower;
}

/** BATV: `prvs=tag=local`, and `prvs=local/tag` of older drafts; Sendmail's and others' `btv1==tag==local`. */
function withoutBatv(local: string): string {
  if (local.startsWith('btv1==')) {
    const end = local.indexOf('==', 6);
    return end < 0 ? local : local.slice(end + 2);
  }
  if (!local.startsWith('prvs=')) return local;
  const rest = local.slice(5);
  const tagged = /^[0-9a-z]{10}=/.exec(rest);
  if (tagged !== null) return rest.slice(tagged[0].length);
  const slash = rest.lastIndexOf('/');
  return slash > 0 ? rest.slice(0, slash) : local;
}

function foldLocalPart(local: string): string {
  const srs = foldSrs(local);
  if (srs !== null) return srs;
  const plus = local.indexOf('+', 1);
  return foldWords(foldEncodedRecipient(plus < 0 ? local : local.slice(0, plus)));
}

/** SRS: `SRS0=hash=time=domain=local` and `SRS1=hash=relay==hash=time=domain=local` keep what they were made of. */
function foldSrs(local: string): string | null {
  const first = /^srs0[=+-][^=]*=[^=]*=([^=]+=.+)$/.exec(local);
  if (first?.[1] !== undefined) return `srs0=${first[1]}`;
  const again = /^srs1[=+-][^=]*=([^=]+)==[^=]*=[^=]*=([^=]+=.+)$/.exec(local);
  return again === null ? null : `srs1=${again[1] ?? ''}==${again[2] ?? ''}`;
}

/** VERP: a recipient in the sender, `news-return-12-ann.lee=a.example`: from the number before it, or the last dash, on. */
function foldEncodedRecipient(local: string): string {
  const equals = local.indexOf('=');
  if (equals < 0) return local;
  const before = local.slice(0, equals);
  const number = /^(.*-[0-9]+)-/.exec(before)?.[1];
  if (number !== undefined) return `${number}-${ANY}`;
  const dash = before.lastIndexOf('-');
  return dash <= 0 ? ANY : `${before.slice(0, dash)}-${ANY}`;
}

/** Numbers and tokens between separators, and UUIDs. */
function foldWords(local: string): string {
  return local
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, ANY)
    .split(/([-._~/])/)
    .map((word) => (changes(word) ? ANY : word))
    .join('');
}

function changes(word: string): boolean {
  if (!/[0-9]/.test(word) || !/^[0-9a-z]+$/.test(word)) return false;
  if (/^[0-9]+$/.test(word) || word.length >= TOKEN_CHARS_MIN) return true;
  return word.length >= HEX_TOKEN_CHARS_MIN && /^[0-9a-f]+$/.test(word);
}
