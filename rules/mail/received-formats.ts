// The ways in which mail servers write Received lines, in the order in which they are tried; the first that fits a line
// says what it means. The order is part of what rules see: several formats fit the same line and read it differently.
import { IP_SOURCE, isIp } from './ip.js';
import { format, tryFormat, type Handover, type ReceivedFormat } from './received-format.js';

/** The reverse name is said by the name of greeting when nothing else says one. */
function heloIsRdns(handover: Handover): void {
  handover.helo = handover.rdns;
}

/** `helo=… ident=…` in a comment. */
function readComment(handover: Handover, comment: string): void {
  const helo = /helo=([^ ]+)/.exec(comment);
  if (helo !== null) handover.helo = helo[1]!;
  const rest = helo === null ? comment : comment.slice(0, helo.index) + comment.slice(helo.index + helo[0].length);
  const ident = /ident=([^ ]*)/.exec(rest);
  if (ident !== null) handover.ident = ident[1]!;
}

function commentOf(handover: Handover, _: string, more: string): void {
  readComment(handover, more);
}

function unknownIsNone(handover: Handover): void {
  if (handover.rdns === 'unknown') handover.rdns = '';
}

/** Sendmail puts the login name of the sending machine before its name. */
function identBefore(handover: Handover): void {
  const marked = /^IDENT:([^@]*)@/.exec(handover.rdns);
  if (marked !== null) {
    handover.ident = marked[1]!;
    handover.rdns = handover.rdns.slice(marked[0].length);
  }
  const plain = handover.rdns.indexOf('@');
  if (plain >= 0) {
    handover.ident = handover.rdns.slice(0, plain);
    handover.rdns = handover.rdns.slice(plain + 1);
  }
}

/** A family of servers, known by a word in the line: where the word is, no other family is asked. */
interface Family {
  readonly mark: RegExp;
  readonly formats: readonly ReceivedFormat[];
  /** Line of the family that is no handover. */
  readonly ignored?: RegExp;
  readonly otherwise?: (line: string, handover: Handover) => boolean;
}

const FAMILIES: readonly Family[] = [
  {
    mark: / SMTPSVC/,
    formats: [format('^{helo*} \\(\\[{ip}\\][^)]{0,40}\\) by {by} with Microsoft SMTPSVC')],
    ignored: /^mail pickup service by [^ ]+ with Microsoft SMTPSVC$/,
  },
  {
    mark: / with (?:Microsoft SMTP Server|mapi id) (?:\([^)]+\) )?\d+\.\d+\.\d+\.\d+(?:$| )/,
    formats: [
      format('^{helo} \\(\\[?{ip}(?:%[A-Z0-9._~-]*)?\\]?\\) by {by} ', { then: (handover) => (handover.id = '') }),
    ],
  },
  {
    mark: /\[XMail /,
    formats: [format('^{helo} \\(\\[?{ip!}\\]?:\\d+\\) by {by}(?: \\({}\\))? with \\[XMail', { then: xmail })],
  },
  {
    mark: /\(ecelerity\b/,
    formats: [format('^\\(\\[{ip!}:\\d+\\] helo={helo}\\) by {by} '), format('^{} \\(\\[{ip!}:\\d+\\]\\) by {by} ')],
  },
  {
    mark: /Exim/,
    ignored: /\bwith local(?:-[^ ]+)? /,
    formats: [
      format('^\\[{ip}\\] \\({more=.*?}\\) by {by} ', { then: commentOf }),
      format('^{rdns} \\(\\[{ip}\\]{more=.*?}\\) by {by} ', {
        then: (handover, _, more) => {
          heloIsRdns(handover);
          readComment(handover, more);
        },
      }),
      format('^{rdns} \\[{ip}\\](?::\\d+)? by {by} ', { then: heloIsRdns }),
    ],
    otherwise: oddExim,
  },
  {
    mark: / \(Postfix\) with/,
    formats: [
      format('^{helo} \\({rdns} \\[{ip}\\]\\) by {by} ', { lookedUp: true, then: unknownIsNone }),
      format('^{helo} \\({rdns}\\[{ip}\\]\\) by {by} ', { lookedUp: true, then: unknownIsNone }),
    ],
  },
  { mark: /\(Scalix SMTP Relay/, formats: [format('^{helo} \\( ?{ip}\\) by {by}')] },
  { mark: / \(Lotus Domino /, formats: [format('^{helo} \\(\\[{ip}\\]\\) by {by} \\(Lotus')] },
];

function xmail(handover: Handover, line: string): void {
  const id = / id <([^ ]+)>/.exec(line);
  if (id !== null) handover.id = id[1]!;
  const from = / from <([^ ]+)>/.exec(line);
  if (from !== null) handover.envfrom = from[1]!;
}

const ODD_EXIM_IP = new RegExp(` \\[(${IP_SOURCE})(?:\\.\\d+)?\\] `);

/** Bits and pieces of what Exim may write; enough where there is an address and a server. */
function oddExim(line: string, handover: Handover): boolean {
  handover.rdns = /^([^ ]+) /.exec(line)?.[1] ?? handover.rdns;
  handover.helo = / \(([^ ]+)\) /.exec(line)?.[1] ?? handover.helo;
  handover.ip = ODD_EXIM_IP.exec(line)?.[1] ?? handover.ip;
  const by = /by ([^ ]+) /.exec(line);
  if (by !== null) handover.by = by[1]!;
  return by !== null && handover.ip !== '';
}

const MAIL = '(?:HELO|EHLO)';
const SENDER = '(?: \\(envelope-sender <{}>\\))?';

/** qmail and its patches: lines that match QMAIL are one of these, in this order. */
const QMAIL_FORMATS: readonly ReceivedFormat[] = [
  format(`^{rdns} \\(${MAIL} {helo=[^ ()]*}\\) \\({ident*}@\\[?{ip}\\]?\\)${SENDER} by {by}`),
  format(`^{rdns} \\(${MAIL} {helo=[^ ()]*}\\) \\(\\[?{ip}\\]?\\)${SENDER} by {by}`),
  format(`^{rdns} \\({ident*}@\\[?{ip}\\]?\\)${SENDER} by {by}`, { then: heloIsRdns }),
  format(`^{rdns} \\(\\[?{ip}\\]?\\)${SENDER} by {by}`, { then: heloIsRdns }),
];

const QMAIL = format(`^{}(?: \\(${MAIL} [^ ]*\\))? \\((?:{}@)?\\[?{ip}\\]?\\)${SENDER} by {}{more=.*}$`);

/** Whether what follows "by SERVER" is "(comment)… with … SMTP" and no queue id comes right behind it. */
function isQmailTail(tail: string): boolean {
  let rest: string;
  if (tail.startsWith(' with ')) rest = tail.slice(6);
  else {
    const end = tail.startsWith(' (') ? tail.indexOf(') with ', 3) : -1;
    if (end < 0) return false;
    rest = tail.slice(end + 7);
  }
  return /(?:^| )(?:SMTP|QMQP)(?! id )/.test(rest);
}

function tryQmail(line: string, handover: Handover): boolean {
  const gate = QMAIL.pattern.exec(line);
  if (gate === null || !isIp(gate[1]!) || !isQmailTail(gate[2]!)) return false;
  QMAIL_FORMATS.some((each) => tryFormat(each, line, handover));
  handover.lookedUp = handover.rdns !== 'unknown';
  unknownIsNone(handover);
  return true;
}

const BEFORE_FAMILIES: readonly ReceivedFormat[] = [
  format('{ip!}\\b(?![.-]).{10,80}by {by} with HTTP', { when: 'Mail authenticated user ' }),
  format('{ip!} by {by} \\({_ip!}\\) with HTTP \\(WebMailUI\\)', { when: 'aol.com' }),
];

const FORMATS_1: readonly ReceivedFormat[] = [
  format('^{ip} \\(\\[{_ip}\\]\\) by {by}(?=.*\\bwith HTTP\\b)', { when: 'with HTTP' }),
];

const SENDMAIL = format('^{helo} \\({rdns} \\[{ip}\\].*\\) by {by} \\(', { lookedUp: true, then: identBefore });

const FORMATS_2: readonly ReceivedFormat[] = [
  format('^{helo} \\({rdns} \\[{ip}\\]\\) by {by} with {} \\(', { lookedUp: true }),
  format('^{rdns} \\(\\[{ip}\\] helo={helo}\\) by {by} with '),
  format('^{helo} \\(<unknown[^ ]*>\\[{ip}\\]\\) by {by} '),
  format('^{helo} \\({rdns=[^ ]+\\.[^ ]+}\\[{ip}\\]\\) by {by} ', { lookedUp: true }),
  format('^{helo} \\({ident*}@\\[{ip}\\].*\\) by {by} \\(', { lookedUp: true }),
];

const HOTMAIL = /by ([^ ]+\.hotmail\.msn\.com) /;

const FORMATS_3: readonly ReceivedFormat[] = [
  format(`^{rdns} \\(${MAIL} {helo*}\\) \\({ip}\\) by {by} \\(qpsmtpd/{}\\) with (?:ESMTP|SMTP)`),
  format('^{rdns} \\(LHLO {helo*}\\) \\({ip}\\) by {by} with LMTP'),
  format(`^{rdns} \\(${MAIL} {helo*}\\) \\[{ip}\\] by {by} \\([^)]+\\) with (?:ESMTP|SMTP)`),
  format('^{helo} \\(\\[{ip}\\]\\) by {by} via smtpd \\(for {}\\) with SMTP\\('),
];

/** Couriertcpd says this for "no name found". */
function softError(handover: Handover): void {
  if (handover.rdns !== 'softdnserr') return;
  handover.lookedUp = false;
  handover.rdns = '';
}

const FORMATS_4: readonly ReceivedFormat[] = [
  format('^\\[{ip}\\] by {by} via HTTP$'),
  format('^{} \\( \\[{ip}\\]\\).*? by {by} '),
  format('^\\({helo} \\[{ip}\\]\\) by {by} '),
  format('^\\[{ip}\\] by {by} '),
  format('^\\(\\[?{ip}\\]?\\) by {by} '),
  format('^{helo} \\[{ip}\\] by {by} \\[{_ip}\\] with ', { lookedUp: true }),
  format('^{helo} \\[\\({ip}\\)\\] by {by} \\({_ip}\\) '),
  format('^{helo} \\(\\[{ip}\\]\\) by {by} \\(', { lookedUp: true }),
  format('^{helo} \\({rdns} \\[{ip}\\]\\).*? by {by}\\b', { lookedUp: true, then: softError }),
  format('^{helo} \\(\\[{ip!}(?:[.:]\\d+)?\\]\\).*? by {by} ', { lookedUp: true }),
  format('^{helo} \\({rdns} \\[{ip}\\]\\)(?: \\(authenticated bits=\\d+\\))? by {by} \\(', { lookedUp: true }),
];

const OBTUSE = format('^{rdns}\\({ip}\\)(?:, claiming to be "{helo}")? via {} by {by},', {
  then: (handover) => (handover.lookedUp = handover.rdns !== 'UNKNOWN'),
});

/** After those of fetching programs. */
const FORMATS_5: readonly ReceivedFormat[] = [
  format(`^{rdns} \\(${MAIL} {helo=[^)]*}\\) \\((?:{ident=[^ ]*}@)?\\[?{ip}\\]?\\).* by {by} `, { lookedUp: true }),
  format('^{rdns} \\((?:{ident=[^ ]*}@)?\\[?{ip}\\]?\\).* by {by} ', { lookedUp: true, then: heloIsRdns }),
  format('^\\[{ip}\\] by {by} with http for '),
  format('^{rdns}\\({ip}\\) by {by} via smap ', { lookedUp: true }),
  format(`^{rdns}\\({ip}, ${MAIL} {helo*}\\) by {by} via smap `, { lookedUp: true }),
  format('^\\[{ip}\\] by {by} \\(Post'),
  format('^\\[{ip}\\] by {by} \\(ArGoSoft'),
  format('^{ip} by {by} \\((?:SMTPL|InterScan)\\b'),
];

const FORMATS_6: readonly ReceivedFormat[] = [
  format('^{helo} \\({rdns} \\[{ip}\\]\\) by {by} with ', { lookedUp: true }),
  format(`^{rdns} \\(${MAIL} {helo*}\\) \\((?:{more}@)?{ip!}.*?\\) by {by} with `, {
    lookedUp: true,
    then: (handover, _, more) => {
      if (more !== '') handover.ident = more;
    },
  }),
  format(`^\\[{ip}\\] \\((?:account {} )?${MAIL} {helo*}\\) by {by} \\(`),
  format('^{rdns} \\(\\[{ip}\\] verified\\) by {by} \\(', {
    lookedUp: true,
    when: ' (CommuniGate Pro',
    then: heloIsRdns,
  }),
  format('^\\(\\[{ip}\\]\\) by {by} with '),
  format('^{helo=[^\\d ][^ ]+} \\({ip}\\) by {by} '),
];

const FORMATS_7: readonly ReceivedFormat[] = [
  format('^{helo} \\(\\[{ip}\\] \\[{}\\]\\) by {by} with '),
  format('^{ip} by {by} with '),
  format('^{helo} \\({rdns}\\[{ip}\\]\\) by {by} ', { lookedUp: true }),
  format(`^\\[{ip}\\]{} \\(${MAIL} {helo*}\\) by {by} `),
  format(`^{ip} \\(${MAIL} {helo*}\\) by {by} `),
  format('^{helo} \\[{ip}\\] by {by} '),
  format('^{rdns}\\({ip}\\) by {by} '),
  format('^\\[{ip}\\] by {by} \\(MailGate '),
  format('^{helo} \\(unverified \\[{ip}\\]\\) by {by} '),
  format('^{ip} \\([A-Za-z][^)]+\\) by {by} with '),
  format('^\\[{ip}\\] \\({more=[^)]+}\\) by {by} ', { then: commentOf }),
  format('^{rdns} \\((?:{}@)?{ip}\\) by {by} with '),
  OBTUSE,
  format('^{helo} \\({}@{ip} with login\\) by {by=[^ ]+}(?<=\\.yahoo\\.com) with SMTP'),
  format('^X-Originating-IP: {ip}$', { then: (handover) => (handover.by = '') }),
];

function anyOf(formats: readonly ReceivedFormat[], line: string, handover: Handover): boolean {
  return formats.some((each) => tryFormat(each, line, handover));
}

export type FormatResult = 'found' | 'ignored' | 'fetched' | 'none';

/**
 * Reads a line behind its `from `. `ignored` is a line known to be no handover; `fetched` one of a program that fetched the
 * mail from a mailbox; `none` one that nothing here fits, of which the handover may still hold parts.
 */
export function readFormats(line: string, handover: Handover): FormatResult {
  if (anyOf(BEFORE_FAMILIES, line, handover)) return 'found';
  const family = FAMILIES.find(({ mark }) => mark.test(line));
  if (family !== undefined) {
    if (family.ignored?.test(line) === true) return 'ignored';
    if (anyOf(family.formats, line, handover)) return 'found';
    if (family.otherwise?.(line, handover) === true) return 'found';
  }
  if (anyOf(FORMATS_1, line, handover)) return 'found';
  if (!/ by [^ ]+ \(qmail-[^ ]+\) with /.test(line) && tryFormat(SENDMAIL, line, handover)) return 'found';
  if (anyOf(FORMATS_2, line, handover)) return 'found';
  const hotmail = HOTMAIL.exec(line);
  if (hotmail !== null) {
    handover.by = hotmail[1]!;
    const first = line.slice(0, line.indexOf(' '));
    if (isIp(first)) handover.ip = first;
    return 'found';
  }
  if (anyOf(FORMATS_3, line, handover) || tryQmail(line, handover) || anyOf(FORMATS_4, line, handover)) return 'found';
  if (/with (?:POP3|IMAP)/.test(line)) return 'fetched';
  if (anyOf(FORMATS_5, line, handover)) return 'found';
  if (/^[^ ]+ by [^ ]+ with BSMTP/.test(line)) return 'ignored';
  if (anyOf(FORMATS_6, line, handover)) return 'found';
  if (/^[^ ]+ \([^ ]+\) by [^ ]+ \(Content Technologies /.test(line)) return 'ignored';
  return anyOf(FORMATS_7, line, handover) ? 'found' : 'none';
}
