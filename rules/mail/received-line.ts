// Reads one Received line as SpamAssassin does: what handover of the mail it tells of, or that it tells of none, or that
// it cannot be read. Lines come from anybody: every step is linear in the line, and nothing in them is believed here.
import { IP_LOOSE_SOURCE, IP_SOURCE, isIp, isLocalhost, isPrivateIp } from './ip.js';
import type { Handover } from './received-format.js';
import { readFormats } from './received-formats.js';

/** One handover, cleaned. Names as written; '' where unknown. */
export interface Relay {
  readonly ip: string;
  readonly rdns: string;
  readonly helo: string;
  readonly by: string;
  readonly id: string;
  readonly ident: string;
  /** '' for the empty sender; null where the line names none. */
  readonly envfrom: string | null;
  /** How the client authenticated, '' where it did not. */
  readonly auth: string;
  /** The server looked the name up and there is none (rather than that it never looks). */
  readonly noReverseDns: boolean;
  readonly ipPrivate: boolean;
}

export type ReceivedLine =
  | { readonly kind: 'relay'; readonly relay: Relay }
  /** Known to be no handover over a network; `envfrom` belongs to the next line. */
  | { readonly kind: 'ignored'; readonly envfrom: string | null }
  /** Written by a program that fetched the mail from a mailbox. */
  | { readonly kind: 'fetched' }
  | { readonly kind: 'unparseable' };

const IGNORED: ReceivedLine = { kind: 'ignored', envfrom: null };
const UNPARSEABLE: ReceivedLine = { kind: 'unparseable' };
const HELO_CHARS = '[-A-Za-z0-9.^+_&:=?!@%*$\\\\/]+';
const HELO_IS = new RegExp(`\\bhelo=(${HELO_CHARS})`);
const HELO_SAID = new RegExp(`\\b(?:HELO|EHLO) (${HELO_CHARS})`);

/** Reads a decoded value, folds undone. */
export function readReceivedLine(value: string): ReceivedLine {
  let line = withoutFinalSemicolons(
    value
      .replace(/[ \t\n\r\f\v]+/g, ' ')
      .replace(/^ /, '')
      .replace(/ $/, ''),
  );
  if (!/^\(?from /i.test(line) || /\bwith local for\b/.test(line)) return IGNORED;
  const bare = /^from ([^ ]+) by [^ ;]+ ?;/i.exec(line);
  if (bare !== null && !/^\[[\d.]+\]$/.test(bare[1]!)) return IGNORED;
  line = withoutDate(line).replace(')by ', ') by ');

  const handover: Handover = {
    ip: '',
    rdns: '',
    helo: (HELO_IS.exec(line) ?? HELO_SAID.exec(line))?.[1] ?? '',
    by: / by ([^ ]+)/.exec(line)?.[1] ?? '',
    id: / id <?([^ <>;]{3,})/.exec(line)?.[1] ?? '',
    ident: '',
    envfrom: null,
    auth: readAuthentication(line),
    lookedUp: false,
  };
  if (line.startsWith('from ')) return readFrom(line.slice(5), handover);
  if (line.startsWith('FROM ')) {
    if (readSimta(line.slice(5), handover)) return relayOf(handover);
    line = line.slice(5);
  } else if (line.startsWith('(from ')) {
    line = line.slice(6);
    const bracketed = readBracketed(line, handover);
    if (bracketed !== null) return bracketed ? relayOf(handover) : IGNORED;
  }
  return readAnyhow(line, handover);
}

function readFrom(line: string, handover: Handover): ReceivedLine {
  const sender = /(?:return-path:? |envelope-(?:sender|from)[ =])([^ ]+)\b/i.exec(line);
  if (sender !== null) handover.envfrom = sender[1]!;
  switch (readFormats(line, handover)) {
    case 'found':
      return relayOf(handover);
    case 'ignored':
      return IGNORED;
    case 'fetched':
      return { kind: 'fetched' };
    case 'none':
  }
  if (USELESS.some((pattern) => pattern.test(line)) || isLocalHandover(line)) return IGNORED;
  if (/^[^ ]+ by [^ ]+ \(.{0,100}\) with qmail-scanner/.test(line))
    return { kind: 'ignored', envfrom: handover.envfrom === null ? null : cleanSender(handover.envfrom) };
  if (USELESS_TOO.some((pattern) => pattern.test(line)) || isMailEnable(line)) return IGNORED;
  if (handover.helo === '') handover.helo = /^([^ ]+)[^-A-Za-z0-9.]/.exec(line)?.[1] ?? '';
  return readAnyhow(line, handover);
}

/** Any address in brackets and a server are enough, where no format fits. */
function readAnyhow(line: string, handover: Handover): ReceivedLine {
  if (handover.ip === '') {
    for (const found of line.matchAll(BRACKETED_IP)) {
      if (!isIp(found[1]!)) continue;
      handover.ip = found[1]!;
      break;
    }
  }
  return handover.ip !== '' && handover.by !== '' ? relayOf(handover) : UNPARSEABLE;
}

const BRACKETED_IP = new RegExp(`\\[(${IP_LOOSE_SOURCE})\\]`, 'g');

function withoutFinalSemicolons(line: string): string {
  let end = line.length;
  while (end > 0 && line[end - 1] === ';') {
    end--;
    if (end > 0 && line[end - 1] === ' ') end--;
  }
  return line.slice(0, end);
}

const DATE =
  /[ ;](?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,20} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{1,20} \d{1,20}:\d{1,20}(?::\d{1,20})? [^ ]+$/;

function withoutDate(line: string): string {
  const date = DATE.exec(line);
  if (date === null) return line;
  let end = date.index;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === ';')) end--;
  return line.slice(0, end);
}

const GMX = new RegExp(
  `from [^ ]* \\((?:HELO|EHLO) [^ ]*\\) \\[${IP_SOURCE}\\] by (mail\\.gmx\\.(?:net|com)) \\([^)]+\\) with (ESMTP|SMTP)`,
);
const GOOGLE =
  / by mx\.google\.com with ESMTPS id [a-z0-9]{1,4}sm[0-9]{2,9}[a-z]{3}\.[0-9]{1,3}\.[0-9]{4}\.(?:[0-6][0-9]\.){4}[0-6][0-9]/;

/** How the client authenticated to the server that wrote the line; '' where nothing says that it did. */
function readAuthentication(line: string): string {
  const by = line.includes(' by ');
  const protocol = / with ((?:ES|L|UTF8S|UTF8L)MTPS?A|ASMTP|HTTP[SU]?)(?: |;|$)/i.exec(line);
  if (by && protocol !== null) return protocol[1]!;
  const cipher = GOOGLE.test(line) ? /\(version=([^ ]+) cipher=([^)]+)\)/.exec(line) : null;
  if (cipher !== null) return `GMail - transport=${cipher[1]} cipher=${cipher[2]}`;
  const from = line.startsWith('from ');
  const courier = from
    ? /(?:\]\)|\)\]) \(AUTH: (LOGIN|PLAIN|DIGEST-MD5|CRAM-MD5) [^ ]+(?:, .*?)?\) by /.exec(line)
    : null;
  if (courier !== null) return courier[1]!;
  if (from && line.includes('authenticated') && isSendmailAuthenticated(line)) return 'Sendmail';
  const gmx = line.includes('mail.gmx.') ? GMX.exec(line) : null;
  if (gmx !== null) return `GMX (${gmx[2]} / ${gmx[1]})`;
  if (line.includes(' (authenticated as ') && isCriticalPath(line)) return 'CriticalPath';
  const postfix = line.includes(') (Authenticated sender: ')
    ? /\) \(Authenticated sender: [^ ]+\) by [^ ]+ \(([^)]+)\) with /.exec(line)
    : null;
  if (postfix !== null) return postfix[1] === 'Postfix' ? 'Postfix' : `Postfix (${postfix[1]})`;
  if (/CommuniGate Pro (?:HTTP|SMTP|XIMSS|IMAP)/.test(line) && line.includes(' (account ')) return 'Communigate';
  if (/ with Microsoft Exchange Server HTTP-DAV\b/.test(line)) return 'HTTP-DAV';
  const via = by ? / \(via (HTTP.?)\)(?: |;|$)/i.exec(line) : null;
  return via === null ? '' : via[1]!;
}

/** `from … ]) … ( … authenticated … ) … by`: each as early as can be, which finds them all if any order does. */
function isSendmailAuthenticated(line: string): boolean {
  const address = /(?:\](?: \([^)]*\))?\)|\)\]) /.exec(line);
  if (address === null) return false;
  let at = address.index + address[0].length;
  for (const next of ['(', 'authenticated', ')', ' by']) {
    at = line.indexOf(next, at);
    if (at < 0) return false;
    at += next.length;
  }
  return true;
}

function isCriticalPath(line: string): boolean {
  const by = line.indexOf(') by ');
  if (by < 0) return false;
  const version = / \(\d{1,2}\.\d\.\d{3}(?:\.\d{1,3})?\) \(authenticated as /g;
  version.lastIndex = by + 6;
  const found = version.exec(line);
  return found !== null && line.includes(') id ', version.lastIndex + 1);
}

const SIMTA = new RegExp(
  `^([^ ]+) \\(([^ ]+) \\[(${IP_LOOSE_SOURCE})\\]\\) BY ([^ ]+) (?:\\([^)]+\\) WITH SMTP )?ID <?([^ ]+?)>?(?: FOR <[^>]+>)?$`,
);

function readSimta(line: string, handover: Handover): boolean {
  const found = SIMTA.exec(line);
  if (found === null || !isIp(found[3]!)) return false;
  const [, helo, rdns, ip, by, id] = found;
  Object.assign(handover, { helo, ip, by, id, rdns: rdns === 'unverified' ? '' : rdns, lookedUp: true });
  return true;
}

const NORTON = new RegExp(`^([^ ]*) \\[(${IP_LOOSE_SOURCE})\\]\\) by ([^ ]+) \\(NAVGW .*?\\) with `);

/** Lines that begin with a bracket: a handover, none (false), or nothing known (null). */
function readBracketed(line: string, handover: Handover): boolean | null {
  const norton = NORTON.exec(line);
  if (norton !== null && isIp(norton[2]!)) {
    Object.assign(handover, { helo: norton[1], ip: norton[2], by: norton[3] });
    return true;
  }
  const local = /^[^ ]+@localhost\) by [^ ]+ /.test(line);
  return local || /^[^ @]+@[^)]+\) by [^ ]+\(jqueuemail\) id [^ ;]+/.test(line) ? false : null;
}

/** Lines known to tell of no handover that can be used: local ones, and servers that write too little. */
const USELESS: readonly RegExp[] = [
  /^[^ ]+ [^ ]+ by [^ ]+ with local-e?smtp /,
  /^127\.0\.0\.1 \(AVG SMTP [^ ]+ \[[^ ]+\]\)/,
  /^[^ ]+@[^ ]+ by [^ ]+ by uid [^ ]+ /,
  /^[^ ]+@[^ ]+ by [^ ]+ /,
  /^Unknown\/Local \(/,
  /^\(AUTH: [^ ]+\) by [^ ]+ with /,
  /^localhost \(localhost \[\[UNIX: localhost\]\]\) by /,
  /^[^ ]+\.amazon\.com by [^ ]+\.amazon\.com with ESMTP \(peer crosscheck: /,
  /^[^.]+ by [^ ]+ with Novell_GroupWise/,
  /^no\.name\.available by [^ ]+ via smtpd \(for /,
];
const USELESS_TOO: readonly RegExp[] = [
  /^[^ ]+ by [^ ]+ with local/,
  /^[^ ]+ \(\[unix socket\]\) by [^ ]+ \(Cyrus v[0-9]*?\.[0-9]*?\.[0-9]*?\) with LMTPA/,
  /^[^ ]+ by [^ ]+ (?:with|via|for|\()/,
  /^[^ ]+ (?:(?:with|via|for) [^ ]+|\(unverified\)) by\b/,
  /^[^ ]+ \(unknown\) by [^ ]+ \(SG\) with \b/,
  /^[^ ]+ \([^ ]+ \[local\]\) by [^ ]+ \(OpenSMTPD\) with \b/,
  /\(LSMTP for/,
  /^facebook\.com \([^)]+\) by facebook\.com with Thrift id [^ ]+$/,
  /^[^ ]+ named [^ ]+ by gmailapi\.google\.com with HTTPREST$/,
  /^[^ ]+ id [^ ]+$/,
  /^\[<.*? \(Jetsend/,
];

function isLocalHandover(line: string): boolean {
  const mailbox = /^[^ ]+ \([^ @]+@([^ ()@]+)\) by [^ ]+ \(/.exec(line);
  if (mailbox !== null && isLocalhost(mailbox[1]!)) return true;
  const both = /^([^ ]+) \((?:[^ ]+@)?([^ ()@[\]]+)[)[]/.exec(line);
  if (both !== null && isLocalhost(both[1]!) && isLocalhost(both[2]!)) return true;
  const second = /^[^ ]+ \((?:[^ ]+@)?([^ ()@[\]]+)\) /.exec(line);
  if (second !== null && isLocalhost(second[1]!)) return true;
  const bracketed = /^[^ ]+ \([^ ]+@[^ ]+ \[([^ [\]]+)\]\) /.exec(line);
  return bracketed !== null && isLocalhost(bracketed[1]!);
}

function isMailEnable(line: string): boolean {
  const found = /^\(\[([^ [\]]+)\]\) with MailEnable /.exec(line);
  return found !== null && isLocalhost(found[1]!);
}

/** Characters that would break the string rules read are marked by `!`. */
export function cleanField(text: string): string {
  return text.replace(/[ \t\n\r\f\v\x00#[\]()<>|]/g, '!');
}

function cleanSender(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '>') end--;
  return cleanField(text.slice(0, end).replace(/^<+/, ''));
}

function relayOf(found: Handover): ReceivedLine {
  const ip = cleanIp(found.ip);
  let end = found.rdns.length;
  while (end > 0 && found.rdns[end - 1] === '.') end--;
  const named = found.rdns.slice(0, end);
  const rdns = /^unknown$/i.test(named) || named.startsWith('[') ? '' : cleanField(named);
  const relay: Relay = {
    ip,
    rdns,
    helo: cleanField(found.helo),
    by: cleanField(found.by.replace(/;$/, '')),
    id: found.id,
    ident: cleanField(found.ident),
    envfrom: found.envfrom === null ? null : cleanSender(found.envfrom),
    auth: found.auth,
    noReverseDns: rdns === '' && found.lookedUp,
    ipPrivate: isPrivateIp(ip),
  };
  return { kind: 'relay', relay };
}

/** An address without prefix, brackets and zone; IPv4 out of its IPv6 wrapping. */
export function cleanIp(text: string): string {
  const bare = text
    .replace(/^ipv6:/i, '')
    .replace(/^\[/, '')
    .replace(/\]$/, '')
    .replace(/%[A-Za-z0-9._~-]*$/, '')
    .replace(/^0{0,40}:0{0,40}:(?:0{0,40}:){0,10}ffff:(\d+\.\d+\.\d+\.\d+)$/i, '$1');
  return cleanField(bare);
}
