// Evals on header fields, of SpamAssassin's plugin HeaderEval: illegal characters, recipients in order, subjects, message
// ids. Those on dates and on forged Received fields stand in files of their own.
import { isUtf8 } from 'node:buffer';
import { isDomainValid, trimDomain } from '../mail/registry.js';
import { readMailDate } from '../mail/mail-date.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, NO, numbersOnly, type Eval, type EvalResult } from './eval.js';
import { FORGED_RECEIVED_EVALS, lostReceived } from './forged-received.js';
import { HEADER_DATE_EVALS } from './header-dates.js';
import { isCharsetOfLocales } from './locales.js';

/** Recipients that are compared. */
const RECIPIENTS_MAX = 256;
const SORTED_MIN = 7;
const SIMILAR_MIN = 5;
const SIMILAR_LENGTH = 2;
/** Longest local part looked for in a subject. */
const LOCAL_PART_MAX = 320;

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

function countOf(text: string, characters: RegExp): number {
  return text.match(characters)?.length ?? 0;
}

function illegalChars(mail: RuleMail, [header = '', ratio = '0', least = '0']: readonly string[]): EvalResult {
  const selector = header.endsWith(':raw') ? header : `${header}:raw`;
  const text = mail.headers.text(selector);
  if (!/[^ \t\n\r\f\v]/.test(text)) return NO;
  if (/[\x80-\xff]/.test(text) && isUtf8(Buffer.from(text, 'latin1')) && !/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(text))
    return NO;
  let illegal = countOf(text, /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]/g);
  // One pound, cent or registered sign is let pass.
  if (illegal > 0 && selector.toLowerCase() === 'subject:raw' && countOf(text, /[\xa2\xa3\xae]/g) === 1) illegal--;
  return holds(illegal / text.length >= Number(ratio) && illegal >= Number(least));
}

/** Recipients shown, neighbours that are the same once. */
function recipients(mail: RuleMail): readonly string[] {
  let given = mail.headers.values('ToCc:addr');
  if (given.length < SIMILAR_MIN) given = [...given, ...mail.headers.values('Bcc:addr')];
  const found: string[] = [];
  for (const address of given) {
    if (found.length >= RECIPIENTS_MAX) break;
    if (address.toLowerCase() !== (found.at(-1) ?? '').toLowerCase()) found.push(address);
  }
  return found;
}

function sortedRecipients(mail: RuleMail): EvalResult {
  const given = recipients(mail);
  return holds(
    given.length >= SORTED_MIN && given.every((address, index) => index === 0 || given[index - 1]! <= address),
  );
}

function similarRecipients(mail: RuleMail, [from = 'undef', to = 'undef']: readonly string[]): EvalResult {
  const similarity = similarityOf(recipients(mail));
  return holds((from === 'undef' || similarity >= Number(from)) && (to === 'undef' || similarity < Number(to)));
}

/** Share of pairs that begin alike, in local part or in host (unless it is the same). */
function similarityOf(given: readonly string[]): number {
  if (given.length < SIMILAR_MIN) return 0;
  const parts = given.map((address) => {
    const host = address.slice(address.indexOf('@') + 1);
    return { user: address.slice(0, SIMILAR_LENGTH), host, hostStart: host.slice(0, SIMILAR_LENGTH) };
  });
  let alike = 0;
  let pairs = 0;
  parts.forEach((one, index) => {
    for (const other of parts.slice(index + 1)) {
      if (one.user === other.user) alike++;
      if (one.hostStart === other.hostStart && one.host !== other.host) alike++;
      pairs++;
    }
  });
  return alike / pairs;
}

/** Charsets whose encoded words are full of capitals. */
const CAPITAL_CHARSET =
  /=\?[-_a-z0-9]*(?:koi|jp|jis|euc|gb|big5|isoir|cp1251|windows-1251|georgianps|pt154|tis)[-_a-z0-9]*\?/i;

function allCaps(mail: RuleMail): EvalResult {
  const subject = mail.headers
    .text('Subject')
    .trim()
    .replace(/^(?:(?:Re|Fwd|Fw|Aw|Antwort|WG|SV|VB|VS|VL):\s*)+/i, '');
  if (!/[ \t\n\r\f\v]/.test(subject) || subject.length < 10) return NO;
  if (CAPITAL_CHARSET.test(mail.headers.text('Subject:raw').replace(/[-_a-z0-9]{200,}/gi, ''))) return NO;
  return holds(/[A-Z]/.test(subject) && !/[a-z]/.test(subject));
}

/** Whether the words stand there in whatever case: asked first, since a pattern made for one message is costly to make. */
function occursIn(text: string, words: string): boolean {
  return text.toLowerCase().includes(words.toLowerCase());
}

function toInSubject(mail: RuleMail, [what = '']: readonly string[]): EvalResult {
  const address = mail.headers.text('To:addr');
  if (address === '') return NO;
  const subject = mail.headers.text('Subject');
  const whole = address.slice(0, 2 * LOCAL_PART_MAX);
  if (what === 'address')
    return holds(occursIn(subject, whole) && new RegExp(`\\b${escaped(whole)}\\b`, 'i').test(subject));
  const name = address.replace(/@[^]*/, '').slice(0, LOCAL_PART_MAX);
  if (what !== 'user' || !occursIn(subject, name)) return NO;
  const user = escaped(name);
  const end = '(?=\\n?$(?![^]))';
  return holds(
    new RegExp(`^(?:(?:re|fw):\\s*(?:\\w+\\s+)?${user}${end}|${user}${end}|,\\s*${user}[,:;!?-]${end})`, 'i').test(
      subject,
    ) || new RegExp(`^${user}\\s*[,:;!?-](?:${end}|\\s)`).test(subject),
  );
}

/** Outlook writes the time into its message ids: units of 429.5 seconds since 1601. */
const OUTLOOK_UNITS_PER_S = 0.0023283064365387;
const OUTLOOK_EPOCH = 27_111_902.8329849;
const OUTLOOK_FUDGE = 250;

function outlookMessageId(mail: RuleMail): EvalResult {
  const { headers } = mail;
  const id = /^<[0-9a-f]{4}([0-9a-f]{8})\$[0-9a-f]{8}\$[0-9a-f]{8}@/.exec(headers.text('MESSAGEID'));
  if (id === null) return NO;
  const told = Number.parseInt(id[1]!, 16);
  const isOff = (text: string) => {
    const expected = Math.trunc((readMailDate(text) ?? 0) * OUTLOOK_UNITS_PER_S + OUTLOOK_EPOCH);
    return Math.abs(told - expected) >= OUTLOOK_FUDGE;
  };
  return holds(isOff(headers.text('Date')) && isOff(headers.text('Received')));
}

function messageIdNotUsable(mail: RuleMail): EvalResult {
  const { headers } = mail;
  const list = headers.text('List-Unsubscribe').replace(/\n$/, '');
  const leaves = /<mailto:((?:leave-)?)[^ \t\n@]+@[^ \t\n]+>$/i.exec(list.slice(-1_000));
  if (leaves !== null && (leaves[1] !== '' || /-unsubscribe@/i.test(leaves[0]))) return holds(true);
  if (lostReceived(mail)) return holds(true);
  const received = headers.text('Received');
  return holds(received.includes('/CWT/DCE)') || received.includes('iPlanet Messaging Server'));
}

function headerCount(mail: RuleMail, [name = '', from = '0', to = '0']: readonly string[]): EvalResult {
  const count = new Set(mail.headers.fields(name.toLowerCase()).map((field) => field.decoded())).size;
  return holds(count >= Number(from) && count <= Number(to));
}

const MAY_HOLD_PERCENT =
  /^(?:X-VMS-To|X-UIDL|X-Face|To|Cc|From|Subject|References|In-Reply-To|(?:X-|Resent-|X-Original-)?Message-Id):/i;

function unresolvedTemplate(mail: RuleMail): EvalResult {
  const lines = mail.headers.text('ALL').split('\n');
  return holds(lines.some((line) => /%[A-Z][A-Z_-]/.test(line) && !MAY_HOLD_PERCENT.test(line)));
}

function ratwareNameId(mail: RuleMail): EvalResult {
  const id = /<[A-Z]{28}\.([^>]+)>/.exec(mail.headers.text('MESSAGEID'))?.[1];
  const from = mail.headers.text('From');
  const at = id === undefined ? -1 : from.indexOf(`<${id}>`);
  if (at < 0) return NO;
  const before = from.slice(0, at).trimEnd();
  return holds(before.endsWith('"') && before.lastIndexOf('"', before.length - 2) >= 0 && !before.endsWith('""'));
}

function ratwareEnvelopeFrom(mail: RuleMail): EvalResult {
  const to = mail.headers.text('To:addr');
  const from = mail.headers.text('EnvelopeFrom:addr');
  const at = to.indexOf('@');
  if (from === '' || at < 1 || at === to.length - 1 || /^SRS\d[=+-]/i.test(from)) return NO;
  const domain = trimDomain(to.slice(at + 1), mail.settings);
  if (!isDomainValid(domain, mail.settings)) return NO;
  if (!occursIn(from, domain)) return NO;
  return holds(new RegExp(`\\b${escaped(domain)}.${escaped(to.slice(0, at))}@`, 'i').test(from));
}

/** The last two labels of an address's host. */
function lastLabels(address: string): string {
  const host = address.includes('@') ? address.slice(address.lastIndexOf('@') + 1) : '';
  return /[^.\n]\.([^.]+\.[^.]+)$/.exec(host)?.[1] ?? host;
}

function otherDomains(mail: RuleMail): EvalResult {
  const from = lastLabels(mail.headers.text('From:addr'));
  const envelope = lastLabels(mail.headers.text('EnvelopeFrom:addr'));
  return holds(from !== '' && envelope !== '' && from.toLowerCase() !== envelope.toLowerCase());
}

function sameFrom(mail: RuleMail): EvalResult {
  const { headers } = mail;
  return holds(headers.text('EnvelopeFrom:addr').toLowerCase() === headers.text('From:addr').toLowerCase());
}

function farawayCharset(mail: RuleMail): EvalResult {
  const locales = mail.settings.okLocales.split(/\s+/).filter((locale) => locale !== '');
  if (locales.includes('all')) return NO;
  const values = [...mail.headers.values('From:raw'), ...mail.headers.values('Subject:raw')];
  return holds(
    values.some((value) =>
      [...value.matchAll(/=\?([^?\n]{1,100})\?.\?[^?\n]*\?=/g)].some((word) => !isCharsetOfLocales(word[1]!, locales)),
    ),
  );
}

function missingTo(mail: RuleMail): EvalResult {
  return holds(mail.headers.text('To') === '' && mail.headers.text('Apparently-To') === '');
}

function entry(summary: string, run: Eval['run'], argsMin = 0, argsMax = argsMin): Eval {
  return { summary, argsMin, argsMax, run };
}

function rangeOf(args: readonly string[]): string | null {
  return numbersOnly(args.slice(1));
}

export const HEADER_EVALS: readonly (readonly [string, Eval])[] = [
  ...FORGED_RECEIVED_EVALS,
  ...HEADER_DATE_EVALS,
  [
    'check_for_faraway_charset_in_headers',
    entry('From or Subject is in a charset of other languages.', farawayCharset),
  ],
  ['check_for_unique_subject_id', entry('Never holds; kept for old rules.', () => NO)],
  [
    'check_illegal_chars',
    {
      ...entry(
        'The header has at least that share, and that number, of bytes that must not be there.',
        illegalChars,
        3,
      ),
      checkArgs: rangeOf,
    },
  ],
  ['check_for_matching_env_and_hdr_from', entry('Envelope and From name the same sender.', sameFrom)],
  ['sorted_recipients', entry('At least seven recipients stand in alphabetical order.', sortedRecipients)],
  ['similar_recipients', entry('The share of recipients that begin alike.', similarRecipients, 2)],
  ['check_for_missing_to_header', entry('There is no To.', missingTo)],
  ['subject_is_all_caps', entry('The subject has capitals only.', allCaps)],
  ['check_for_to_in_subject', entry('The subject names the recipient: `address` or `user`.', toInSubject, 1)],
  ['check_outlook_message_id', entry('An id made by Outlook holds another time than the message.', outlookMessageId)],
  ['check_messageid_not_usable', entry('The message id was changed on the way.', messageIdNotUsable)],
  [
    'check_header_count_range',
    { ...entry('The header stands there so often, same values once.', headerCount, 3), checkArgs: rangeOf },
  ],
  [
    'check_unresolved_template',
    entry('The header holds a place where a name should have been filled in.', unresolvedTemplate),
  ],
  ['check_ratware_name_id', entry('The message id repeats the address of From.', ratwareNameId)],
  ['check_ratware_envelope_from', entry("The envelope's sender is made of the recipient.", ratwareEnvelopeFrom)],
  ['check_equal_from_domains', entry('Envelope and From name different domains.', otherDomains)],
];
