// Evals on mail boxes that anybody gets for nothing, of SpamAssassin's plugin FreeMail: who sends from one, who wants the
// answer elsewhere. Without `freemail_domains` in the rule set the list of this package stands in.
import { safe } from '../bytes.js';
import type { FreemailSettings } from '../language/settings.js';
import { addressListOf } from '../mail/address-list.js';
import { addressesIn, addressOfMailto, withoutQuoted } from '../mail/found-addresses.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { compilePattern, Subject, type Pattern } from '../pattern/pattern.js';
import { holds, NO, YES, type Eval, type EvalResult } from './eval.js';
import { isFreemail as isKnownFreemail } from './core/freemail.js';
import { allSenders } from './senders.js';

/** Addresses taken of links, and of all of a body. */
const LINK_ADDRESSES_MAX = 20;
const BODY_ADDRESSES_MAX = 40;
/** Longest address that is compared, bytes. */
const ADDRESS_MAX = 1_024;

/** Addresses of offices and machines, which are nobody's mail box. */
const NOBODY = [
  /^(?:abuse|support|sales|info|helpdesk|contact|kontakt|(?:post|host|domain)master|request-[a-f0-9]{16}|bounced?-)@/i,
  /^undisclosed[^\n]*@/i,
  /^[a-f0-9]{8}(?:\.[a-f0-9]{8}|-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})@/i,
];

/** Senders of bulk mail, by what stands before the `@`. */
const BULK = [
  /^(?:post|host|domain)master@/i,
  /^double-bounce@/i,
  /^(?:sentto|owner|return|(?:gr)?bounced?)-[^\n]+@/i,
  /-(?:request|bounces?|admin|owner)@/i,
  /\b(?:do[._-t]?)?no[._-t]?repl(?:y|ies)@/i,
];

/** `a=b@`, or `a=b=c@` for two. */
function hasSigns(address: string, least: number): boolean {
  let from = 1;
  for (let sign = 0; sign < least; sign++) {
    const at = address.indexOf('=', from);
    if (at < 0) return false;
    from = at + 2;
  }
  return address.indexOf('@', from) >= 0;
}

interface Domains {
  readonly plain: ReadonlySet<string>;
  readonly globs: readonly RegExp[];
}

const DOMAINS = new WeakMap<FreemailSettings, Domains>();

function domainsOf(settings: FreemailSettings): Domains {
  let domains = DOMAINS.get(settings);
  if (domains === undefined) {
    const all = [...settings.domains];
    const isGlob = (domain: string) => /[*?]/.test(domain);
    const globs = all.filter(isGlob).map((glob) => {
      const source = glob
        .replace(/[.+^${}()|[\]\\-]/g, '\\$&')
        .replace(/\?/g, '.')
        .replace(/\*+/g, '[^.]*');
      return new RegExp(`@${source}$`);
    });
    domains = { plain: new Set(all.filter((domain) => !isGlob(domain))), globs };
    DOMAINS.set(settings, domains);
  }
  return domains;
}

/** Whether an address, in lower case, is such a mail box. */
function isFreemail(mail: RuleMail, address: string): boolean {
  const { freemail, addressLists } = mail.settings;
  const text = address.slice(0, ADDRESS_MAX);
  const domain = text.slice(text.lastIndexOf('@') + 1);
  if (text === '' || freemail.welcomelist.has(text) || freemail.welcomelist.has(domain)) return false;
  if (NOBODY.some((pattern) => pattern.test(text)) || hasSigns(text, 2)) return false;
  const imports = [
    [freemail.importWelcomelistAuth, 'welcomelist_auth'],
    [freemail.importDefWelcomelistAuth, 'def_welcomelist_auth'],
  ] as const;
  for (const [taken, list] of imports) {
    const globs = taken ? addressLists.get(list) : undefined;
    if (globs !== undefined && addressListOf(globs).has(text)) return false;
  }
  if (freemail.domains.size === 0) return isKnownFreemail(text);
  const { plain, globs } = domainsOf(freemail);
  return plain.has(domain) || globs.some((glob) => glob.test(text));
}

function lower(addresses: readonly string[]): string[] {
  return addresses.map((address) => address.toLowerCase());
}

/** What the header says of who gets an answer, and whether the body is asked too. */
interface Replies {
  readonly from: readonly string[];
  readonly replyTo: readonly string[];
  readonly fromFree: boolean;
  readonly replyFree: boolean;
  /** A bulk sender: nothing is compared. */
  readonly bulk: boolean;
  /** From and Reply-To are different free mail boxes. */
  readonly differ: boolean;
}

const REPLIES = new WeakMap<RuleMail, Replies>();

function repliesOf(mail: RuleMail): Replies {
  let replies = REPLIES.get(mail);
  if (replies === undefined) {
    const { headers, settings } = mail;
    const envelope = headers.values('EnvelopeFrom')[0]?.slice(0, ADDRESS_MAX);
    const bulk =
      settings.freemail.skipBulkEnvelopeFrom &&
      envelope !== undefined &&
      (BULK.some((pattern) => pattern.test(envelope)) || hasSigns(envelope, 1));
    const from = lower(headers.values('From:addr'));
    const replyTo = lower(headers.values('Reply-To:addr'));
    const fromFree = from.some((address) => isFreemail(mail, address));
    const replyFree = replyTo.some((address) => isFreemail(mail, address));
    const differ = fromFree && replyFree && !from.some((address) => replyTo.includes(address));
    replies = { from, replyTo, fromFree, replyFree, bulk, differ };
    REPLIES.set(mail, replies);
  }
  return replies;
}

type ReplyTest = 'replyto' | 'reply';

/** Whether the test, not yet answered by the header, goes on to the body. */
function asksBody({ bulk, differ, replyTo, fromFree, replyFree }: Replies, what: ReplyTest): boolean {
  if (bulk || differ) return false;
  return what === 'replyto' ? replyFree : (replyTo.length === 0 || replyFree) && fromFree;
}

/** Whether either test looks into the body: SpamAssassin then cleans the text for all body rules that follow. */
export function looksIntoBody(mail: RuleMail): boolean {
  if (mail.settings.freemail.domains.size === 0) return false;
  const replies = repliesOf(mail);
  return asksBody(replies, 'replyto') || asksBody(replies, 'reply');
}

/**
 * Free mail boxes in the body, or null where there are too many addresses. The text is taken as `looksIntoBody` tells it
 * is left: quoted addresses do not count.
 */
function bodyFreemails(mail: RuleMail): readonly string[] | null {
  const { freemail, tlds } = mail.settings;
  const cleaned = looksIntoBody(mail);
  const found = new Set<string>();
  for (const [uri, { types }] of mail.uris.details) {
    if (found.size >= LINK_ADDRESSES_MAX || !types.has('a') || types.has('parsed')) continue;
    const address = addressOfMailto(uri, tlds);
    if (address !== null) found.add(address);
  }
  for (const { text } of mail.texts('body')) {
    for (const address of addressesIn(cleaned ? text : withoutQuoted(text, tlds), tlds, BODY_ADDRESSES_MAX)) {
      if (found.size < BODY_ADDRESSES_MAX) found.add(address);
    }
  }
  const free: string[] = [];
  let count = 0;
  for (const address of found) {
    if (++count === freemail.bodyEmailsMax && freemail.skipWhenOverMax) return null;
    if (!isFreemail(mail, address)) continue;
    if (free.length + 1 === freemail.bodyFreemailsMax && freemail.skipWhenOverMax) return null;
    free.push(address);
  }
  return free;
}

const BODIES = new WeakMap<RuleMail, readonly string[] | null>();

function inBody(mail: RuleMail): readonly string[] {
  if (!BODIES.has(mail)) BODIES.set(mail, bodyFreemails(mail));
  return BODIES.get(mail) ?? [];
}

const PATTERNS = new Map<string, Pattern>();
const PATTERNS_MAX = 1_000;

/** The pattern of an argument; arguments were checked when rules were loaded. */
function patternOf(source: string): Pattern {
  let pattern = PATTERNS.get(source);
  if (pattern === undefined) {
    pattern = compilePattern({ source, flags: '' });
    if (PATTERNS.size < PATTERNS_MAX) PATTERNS.set(source, pattern);
  }
  return pattern;
}

function checkPattern(at: number): NonNullable<Eval['checkArgs']> {
  return (args) => {
    const source = args[at];
    if (source === undefined) return null;
    try {
      compilePattern({ source, flags: '' });
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
}

function anyFree(mail: RuleMail, addresses: readonly string[], source: string | undefined): EvalResult {
  const found = lower(addresses).find(
    (address) => isFreemail(mail, address) && (source === undefined || patternOf(source).test(new Subject(address))),
  );
  return found === undefined ? NO : { count: 1, evidence: safe(found.slice(found.lastIndexOf('@') + 1)) };
}

function freemailReplyTo(mail: RuleMail, [given = 'replyto']: readonly string[]): EvalResult {
  const what: ReplyTest = given === 'reply' ? 'reply' : 'replyto';
  const replies = repliesOf(mail);
  if (replies.differ && !replies.bulk) return YES;
  if (!asksBody(replies, what)) return NO;
  const answers = what === 'replyto' || replies.replyFree ? replies.replyTo : replies.from;
  return holds(inBody(mail).some((address) => answers.some((answer) => answer !== address)));
}

export const FREEMAIL_EVALS: readonly (readonly [string, Eval])[] = [
  [
    'check_freemail_from',
    {
      summary: 'A sender is at a free mail box, and fits the pattern if one is given.',
      argsMin: 0,
      argsMax: 1,
      checkArgs: checkPattern(0),
      run: (mail, [source]) => anyFree(mail, allSenders(mail), source),
    },
  ],
  [
    'check_freemail_header',
    {
      summary: 'The header holds a free mail box, which fits the pattern if one is given.',
      argsMin: 1,
      argsMax: 2,
      checkArgs: checkPattern(1),
      run: (mail, [header = '', source]) => anyFree(mail, mail.headers.values(`${header}:addr`), source),
    },
  ],
  [
    'check_freemail_body',
    {
      summary: 'The body holds a free mail box, which fits the pattern if one is given.',
      argsMin: 0,
      argsMax: 1,
      checkArgs: checkPattern(0),
      run: (mail, [source]) => anyFree(mail, inBody(mail), source),
    },
  ],
  [
    'check_freemail_replyto',
    {
      summary:
        'The answer goes to another free mail box: the header says so, or the body names one. `reply`: From counts where there is no Reply-To.',
      argsMin: 0,
      argsMax: 1,
      checkArgs: ([what]) =>
        what === undefined || what === 'reply' || what === 'replyto' ? null : `"${what}" is not known`,
      run: freemailReplyTo,
    },
  ],
];
