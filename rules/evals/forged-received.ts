// Evals on mail that claims to come from one of the large mail services: its Received fields look as that service writes
// them, or not.
import { firstIp, IP_LOOSE_SOURCE, IP_SOURCE, isIp } from '../mail/ip.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, type Eval, type EvalResult } from './eval.js';

/** Longest word of a field that is looked at: what is longer is no host name. */
const WORD_MAX = 512;

/** A header's text with long words cut, so that no pattern below works long. */
function tame(text: string): string {
  return text.replace(/[^ \t\n\r\f\v]{513,}/g, (word) => word.slice(0, WORD_MAX));
}

/** The same with all white space as one blank. */
function onOneLine(text: string): string {
  return tame(text.replace(/[ \t\n\r\f\v]+/g, ' '));
}

/** What is looked at of all Received fields together, bytes. */
const RECEIVED_MAX = 262_144;

/** All Received fields. What a test wants is looked for here first: `tame` costs, and adds nothing. */
function receivedText(mail: RuleMail): string {
  return mail.headers.text('Received').slice(0, RECEIVED_MAX);
}

const IN_BRACKETS = new RegExp(`[[(](${IP_LOOSE_SOURCE})[\\])]`, 'g');

/** Whether the patterns (global ones) match one after the other in the text, as early as each can. */
function standInOrder(text: string, patterns: readonly RegExp[]): boolean {
  let at = 0;
  for (const pattern of patterns) {
    pattern.lastIndex = at;
    let found = pattern.exec(text);
    while (found?.[1] !== undefined && !isIp(found[1])) found = pattern.exec(text);
    if (found === null) return false;
    at = pattern.lastIndex;
  }
  return true;
}

function anyLine(text: string, patterns: readonly RegExp[]): boolean {
  return text.split('\n').some((line) => standInOrder(line, patterns));
}

/** The message went through something that removes Received fields. */
export function lostReceived(mail: RuleMail): boolean {
  const { headers } = mail;
  const received = headers.get('Received')?.slice(0, RECEIVED_MAX) ?? null;
  const list = headers.get('Mailing-List');
  if (list !== null && /^contact [^ \n]+@[^ \n]+; run by ezmlm$/m.test(tame(list)))
    if (/^mailing list [^ \n]+@[^ \n]+/m.test(tame(headers.text('Delivered-To'))))
      if (/qmail \d+ invoked (?:from network|by .{3,20})\); \d+ ... \d+/.test(received ?? '')) return true;
  if (received === null) return true;
  return (
    received.includes('from groups.msn.com (') && /from groups\.msn\.com \([^ \n]+\.msn\.com /.test(tame(received))
  );
}

function isFromMsnGroups(mail: RuleMail): boolean {
  const { headers } = mail;
  const to = headers.text('To');
  if (!/@groups\.msn\.com>/i.test(to)) return false;
  const list = /<([^ \n]+)@groups\.msn\.com>/i.exec(tame(to))?.[1];
  const server = /from mail pickup service by (p\d\d\.groups\.msn\.com)\b/.exec(receivedText(mail))?.[1];
  if (list === undefined || server === undefined) return false;
  const id = headers.text('Message-Id');
  if (list === 'notifications') return id.startsWith('<') && id.includes(`@${server}`, 2);
  if (!id.startsWith(`<${list}-`) || !id.includes('@groups.msn.com>', list.length + 3)) return false;
  return headers.text('EnvelopeFrom:addr').includes(`${list}-bounce@groups.msn.com`);
}

const OUTLOOK_INNER = new RegExp(`from [^ ]*\\.(?:eur|nam)prd\\d+\\.prod\\.outlook\\.com \\(${IP_SOURCE}\\)`);
const HOTMAIL_NUMERIC = new RegExp(`from [^ ]*\\.hotmail.com \\(\\[${IP_SOURCE}\\][ ):]`);

/** Whether the message says hotmail: with forged fields, with none of that service, or as the service writes them. */
function judgeHotmail(mail: RuleMail): 'forged' | 'absent' | 'fine' {
  const { headers } = mail;
  const written = receivedText(mail);
  const isFromHotmail = /\bhotmail\.com$/i.test(headers.text('From:addr'));
  if (!isFromHotmail && !written.includes('hotmail.com')) return 'fine';
  const received = onOneLine(written);
  if (received.includes('from mail pickup service by hotmail.com with Microsoft SMTPSVC;')) return 'fine';
  if (isFromMsnGroups(mail)) return 'fine';
  const ip = firstIp(headers.text('X-Originating-Ip')) !== null;
  const organisation = /hotmail\.com|msonline-outlook/.test(headers.text('X-OriginatorOrg'));
  if (lostReceived(mail)) return 'fine';
  const byIp = [
    /from (?:[^ ]*\.)?hotmail.com \([^ ]+\.hotmail(?:\.msn)?\.com[ )]/,
    HOTMAIL_NUMERIC,
    /from [^ ]+ by [^ ]+\.hotmail(?:\.msn)?\.com with HTTP;/,
    /from \[66\.218.[^ ]+\] by [^ ]+\.yahoo\.com/,
  ];
  const byOrganisation = [
    /from [^ ]*\.outbound\.protection\.outlook\.com \([^ ]+\.outbound\.protection\.outlook\.com[ )]/,
    OUTLOOK_INNER,
  ];
  if (ip && byIp.some((pattern) => pattern.test(received))) return 'fine';
  if (organisation && byOrganisation.some((pattern) => pattern.test(received))) return 'fine';
  if (/(?:from |HELO |helo=)[^ ]*hotmail\.com\b/.test(received)) return 'forged';
  return isFromHotmail ? 'absent' : 'fine';
}

const HOTMAIL = new WeakMap<RuleMail, 'forged' | 'absent' | 'fine'>();

function hotmail(mail: RuleMail): 'forged' | 'absent' | 'fine' {
  let found = HOTMAIL.get(mail);
  if (found === undefined) HOTMAIL.set(mail, (found = judgeHotmail(mail)));
  return found;
}

function forgedEudora(mail: RuleMail): EvalResult {
  const { headers } = mail;
  if (!/\beudoramail\.com$/i.test(headers.text('From:addr')) || lostReceived(mail)) return holds(false);
  const genuine = /by [^ ]*whowhere.com;/.test(onOneLine(receivedText(mail)));
  return holds(!(genuine && firstIp(headers.text('X-Sender-Ip')) !== null));
}

const YAHOO_GROUPS = new RegExp(`from \\[${IP_SOURCE}\\] by [^ ]+\\.(?:groups|scd|dcn)\\.yahoo\\.com with NNFMP`);
const YAHOO: readonly RegExp[] = [
  /by web[^ ]+\.mail[^ ]*\.yahoo\.com via HTTP/,
  /by sonic[^ ]+\.consmr\.mail[^ ]*\.yahoo\.com with HTTP/,
  /by smtp[^ ]+\.yahoo\.com with SMTP/,
  YAHOO_GROUPS,
  /by \w+\.\w+\.yahoo\.com \(\d+\.\d+\.\d+\/\d+\.\d+\.\d+\)(?: with ESMTP)? id \w+/,
];

function forgedYahoo(mail: RuleMail): EvalResult {
  const { headers, relays } = mail;
  const from = headers.text('From:addr');
  if (!/\byahoo\.com$/i.test(from)) return holds(false);
  let received = receivedText(mail);
  if (headers.text('Resent-From') !== '' && headers.text('Resent-To') !== '')
    received = headers.text('X-Received').slice(0, RECEIVED_MAX) || received;
  received = onOneLine(received);
  const isYahoo = ({ rdns }: { rdns: string }) => rdns.length > 10 && rdns.endsWith('.yahoo.com');
  if (lostReceived(mail) || relays.trusted.some(isYahoo) || relays.untrusted.slice(0, 1).some(isYahoo))
    return holds(false);
  if (/\bmailer\d+\.bulk\.scd\.yahoo\.com\b/.test(received) && /@reply\.yahoo\.com$/i.test(from)) return holds(false);
  return holds(!YAHOO.some((pattern) => pattern.test(received)));
}

function forgedJuno(mail: RuleMail): EvalResult {
  const { headers } = mail;
  if (!/\bjuno\.com$/i.test(headers.text('From:addr')) || lostReceived(mail)) return holds(false);
  const mailer = headers.text('X-Mailer');
  const received = tame(receivedText(mail));
  if (headers.text('X-Originating-IP') !== '') {
    const direct = anyLine(received, [/from/g, /\b(?:juno|untd)\.com/g, IN_BRACKETS, /by/g]);
    return holds((!direct && !/ cookie\.(?:juno|untd)\.com /.test(received)) || !mailer.includes('Juno '));
  }
  // Every way below ends with the lack of X-Originating-IP, which is what forgeries lack.
  return holds(true);
}

/** Lengths that the values of that service's own fields have at least. */
const GOOGLE_VALUE_MIN = 60;

function forgedGmail(mail: RuleMail): EvalResult {
  const { headers } = mail;
  if (!/\bgmail\.com$/i.test(headers.text('From:addr'))) return holds(false);
  const passed = tame(headers.text('X-Received').slice(0, RECEIVED_MAX));
  if (/by 10\.[^ \n]+ with SMTP id [^ \n]+/.test(passed)) return holds(false);
  if (/by 2002:a\d\d:\w+:[^ \n]+ with SMTP id [^ \n]+/.test(passed)) return holds(false);
  if (/by smtp\.googlemail\.com with ESMTPSA id [^ \n]+/.test(headers.text('Received'))) return holds(false);
  const own = ['X-Gm-Message-State', 'X-Google-Smtp-Source'];
  return holds(!own.every((name) => headers.text(name).length >= GOOGLE_VALUE_MIN));
}

function fakeAol(mail: RuleMail): EvalResult {
  const written = receivedText(mail);
  if (!/\srly-/i.test(written)) return holds(false);
  const received = onOneLine(written);
  if (!/ rly-[a-z][a-z]\d\d\./i.test(received)) return holds(false);
  return holds(!/\/AOL-\d+\.\d+\.\d+\)/.test(received) && !/ESMTP id (?:RELAY|MAILRELAY|MAILIN)/.test(received));
}

/** A field that ends the header, `from A by B`, where B has no dot. */
function forgedGw05(mail: RuleMail): EvalResult {
  const line = mail.headers.values('Received').slice(1).at(-1);
  const found =
    line === undefined
      ? null
      : /^from\s([^ \n]+)\sby\s([^ \n]+)\swith\sESMTP;\s+[^ \n]{3},\s+\d+\s+[^ \n]{3}\s+\d{4}\s+\d\d:\d\d:\d\d\s+[-+]*\d{4}\n$/.exec(
          line,
        );
  return holds(found !== null && !found[2]!.includes('.'));
}

function simple(summary: string, run: (mail: RuleMail) => EvalResult): Eval {
  return { summary, argsMin: 0, argsMax: 0, run };
}

export const FORGED_RECEIVED_EVALS: readonly (readonly [string, Eval])[] = [
  ['check_for_fake_aol_relay_in_rcvd', simple('A relay calls itself one of AOL and does not write like one.', fakeAol)],
  [
    'check_for_forged_hotmail_received_headers',
    simple('Received fields name Hotmail and do not look as Hotmail writes them.', (mail) =>
      holds(hotmail(mail) === 'forged'),
    ),
  ],
  [
    'check_for_no_hotmail_received_headers',
    simple('From is at Hotmail, and no Received field is.', (mail) => holds(hotmail(mail) === 'absent')),
  ],
  ['check_for_msn_groups_headers', simple('Sent through MSN Groups.', (mail) => holds(isFromMsnGroups(mail)))],
  [
    'check_for_forged_eudoramail_received_headers',
    simple('From is at Eudoramail, and the fields are not.', forgedEudora),
  ],
  [
    'check_for_forged_yahoo_received_headers',
    simple('From is at Yahoo, and the Received fields are not.', forgedYahoo),
  ],
  ['check_for_forged_juno_received_headers', simple('From is at Juno, and the fields are not.', forgedJuno)],
  ['check_for_forged_gmail_received_headers', simple('From is at Gmail, and the fields are not.', forgedGmail)],
  [
    'check_for_forged_gw05_received_headers',
    simple('The last Received field names a server without a dot.', forgedGw05),
  ],
  [
    'gated_through_received_hdr_remover',
    simple('Went through something that removes Received fields.', (mail) => holds(lostReceived(mail))),
  ],
];
