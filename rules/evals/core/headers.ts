// Evals of the core rules on header fields: sender and reply address, names, what the parser found odd.
import { getDomain } from '../../../message/public-suffix.js';
import type { Address } from '../../../message/address.js';
import { safe } from '../../bytes.js';
import type { RuleMail } from '../../mail/rule-mail.js';
import { BRANDS, type Brand } from './brands.js';
import { readDate } from './date.js';
import { holds, NO, YES, type Eval, type EvalResult } from '../eval.js';
import { isFreemail } from './freemail.js';

/** Addresses of one field that are looked at. */
const ADDRESSES_MAX = 50;

/** Registered domain of an address, or null. */
export function domainOf(address: string): string | null {
  const at = address.lastIndexOf('@');
  return at < 0 ? null : getDomain(address.slice(at + 1).toLowerCase());
}

function mailboxes(inputs: RuleMail, field: string): readonly Address[] {
  return inputs.message.addresses(field).slice(0, ADDRESSES_MAX);
}

function invalidDate(inputs: RuleMail): EvalResult {
  const fields = inputs.headers.fields('date');
  return holds(fields.length > 0 && readDate(fields[0]!.decoded()) === null);
}

function replyElsewhere(inputs: RuleMail): EvalResult {
  const from = domainOf(mailboxes(inputs, 'from')[0]?.address ?? '');
  const reply = domainOf(mailboxes(inputs, 'reply-to')[0]?.address ?? '');
  if (from === null || reply === null || from === reply) return NO;
  return { count: 1, evidence: `${safe(from)} / ${safe(reply)}` };
}

/** Replies go to a free mail box other than the sender's own. */
function freemailReply(inputs: RuleMail): EvalResult {
  const from = mailboxes(inputs, 'from')[0]?.address.toLowerCase() ?? '';
  const reply = mailboxes(inputs, 'reply-to')[0]?.address.toLowerCase() ?? '';
  if (from === '' || reply === '' || from === reply || !isFreemail(reply)) return NO;
  return { count: 1, evidence: safe(domainOf(reply) ?? '') };
}

/** The display name is an address of another domain than the real one. */
function nameIsOtherAddress(inputs: RuleMail): EvalResult {
  for (const { name, address } of mailboxes(inputs, 'from')) {
    const shown = name
      .split(/[\s"'<>()[\],;:]+/)
      .find((word) => /^[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}$/.test(word));
    const [claimed, real] = [domainOf(shown ?? ''), domainOf(address)];
    if (claimed !== null && real !== null && claimed !== real)
      return { count: 1, evidence: `${safe(claimed)} / ${safe(real)}` };
  }
  return NO;
}

/** The brands a display name speaks for. */
export function brandsNamed(text: string): readonly Brand[] {
  const lower = text.toLowerCase();
  return BRANDS.filter((brand) => brand.names.some((name) => standsAlone(lower, name)));
}

/** Whether `word` stands in `text` with no letter or digit right beside it. */
function standsAlone(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = text.charAt(at - 1);
    const after = text.charAt(at + word.length);
    if (!/[\p{L}\p{N}]/u.test(before) && !/[\p{L}\p{N}]/u.test(after)) return true;
  }
  return false;
}

/** Whether an address or host belongs to the brand. */
export function ownsDomain(brand: Brand, domain: string): boolean {
  return brand.domains.some((own) =>
    own.endsWith('.') ? domain.startsWith(own) : domain === own || domain.endsWith(`.${own}`),
  );
}

/**
 * The name shown by From, and the domain of its first real address. A comma in an unquoted name splits it into several
 * "mailboxes", of which readers show the whole.
 */
function shownSender(inputs: RuleMail): { name: string; domain: string | null } {
  const all = mailboxes(inputs, 'from');
  const words = all.map(({ name, address }) => (domainOf(address) === null ? `${name} ${address}` : name));
  const real = all.find(({ address }) => domainOf(address) !== null);
  return { name: words.join(' '), domain: real === undefined ? null : domainOf(real.address) };
}

/** Something in From is neither an address nor a surname before a comma (`Miller, Ada <ada@…>`), which people do write. */
function fromBroken(inputs: RuleMail): EvalResult {
  const odd = mailboxes(inputs, 'from').filter(({ address }) => !/^[^\s@]{1,256}@[^\s@]{1,256}$/.test(address));
  return holds(odd.length > 1 || odd.some(({ name, address }) => !/^[\p{L}'-]{1,40}$/u.test(`${name}${address}`)));
}

function brandNotSender(inputs: RuleMail): EvalResult {
  const { name, domain } = shownSender(inputs);
  const named = brandsNamed(name);
  const [foreign] = named;
  if (domain === null || foreign === undefined || named.some((brand) => ownsDomain(brand, domain))) return NO;
  return { count: 1, evidence: `${foreign.names[0]} / ${safe(domain)}` };
}

function fromIsTo(inputs: RuleMail): EvalResult {
  const from = mailboxes(inputs, 'from')[0]?.address.toLowerCase();
  return holds(from !== undefined && mailboxes(inputs, 'to').some(({ address }) => address.toLowerCase() === from));
}

function oddity(inputs: RuleMail, args: readonly string[]): EvalResult {
  // Oddities are there once the tree, the files and the texts were read.
  if (inputs.message.parts.length + inputs.message.attachments.length > 0) inputs.texts('body');
  return inputs.message.oddities.some(({ code }) => args.includes(code)) ? YES : NO;
}

export const HEADER_EVALS: readonly (readonly [string, Eval])[] = [
  ['check_invalid_date', { summary: 'The Date field cannot be read.', argsMin: 0, argsMax: 0, run: invalidDate }],
  [
    'check_reply_elsewhere',
    { summary: 'Reply-To is in another registered domain than From.', argsMin: 0, argsMax: 0, run: replyElsewhere },
  ],
  [
    'check_freemail_reply',
    { summary: 'Reply-To is a free mail box, not that of From.', argsMin: 0, argsMax: 0, run: freemailReply },
  ],
  [
    'check_name_other_address',
    {
      summary: 'The display name of From shows an address of another domain.',
      argsMin: 0,
      argsMax: 0,
      run: nameIsOtherAddress,
    },
  ],
  [
    'check_brand_not_sender',
    {
      summary: 'The display name of From names a well-known brand whose domain From is not in.',
      argsMin: 0,
      argsMax: 0,
      run: brandNotSender,
    },
  ],
  [
    'check_from_broken',
    { summary: 'From holds something that is no address.', argsMin: 0, argsMax: 0, run: fromBroken },
  ],
  ['check_from_is_to', { summary: 'The sender is also the recipient shown.', argsMin: 0, argsMax: 0, run: fromIsTo }],
  [
    'check_oddity',
    {
      summary: 'The form of the message shows any of the oddities named (codes of message/oddity.ts).',
      argsMin: 1,
      argsMax: 20,
      run: oddity,
    },
  ],
];
