// Evals on addresses: SpamAssassin's URIEval, HTTPSMismatch and the lists of hosts of WLBLEval, and the test behind
// `uri_detail` rules. All read what was collected once; none looks anything up.
import type { CompiledUriCriterion } from '../compile.js';
import { cleaningTables } from '../mail/cleaning-tables.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { Subject } from '../pattern/pattern.js';
import { isIp } from '../mail/ip.js';
import { domainOfUri, isDomainValid, trimDomain, type RegistryTables } from '../mail/registry.js';
import type { UriDetail } from '../mail/uris.js';
import { holds, NO, YES, type Eval, type EvalResult } from './eval.js';

/** Names of one host that are looked up in lists, from the longest on. */
const HOST_NAMES_MAX = 11;
/** Steps along the addresses inside one address. */
const REDIRECT_STEPS_MAX = 64;

function registryOf(mail: RuleMail): RegistryTables {
  return cleaningTables(mail.settings).registry;
}

/** An address that leads through one host to another domain. */
function httpRedirector(mail: RuleMail): EvalResult {
  return holds(mail.uris.list.some((uri) => redirects(mail, uri)));
}

function redirects(mail: RuleMail, uri: string): boolean {
  let rest = uri;
  for (let step = 0; step < REDIRECT_STEPS_MAX; step++) {
    const found = redirection(rest);
    if (found === null) return false;
    if (domainOr(mail, found.outer) !== domainOr(mail, found.inner)) return true;
    rest = found.target;
  }
  return false;
}

/** The hosts of an address and of the first one inside it, at least one character between them. */
function redirection(uri: string): { outer: string; inner: string; target: string } | null {
  const outer = /^https?:\/\/([^/:?]+)/i.exec(uri);
  if (outer === null) return null;
  const end = outer[0].length;
  const start = end - outer[1]!.length;
  // The outer host gives way where an inner address begins within it.
  const inner = innerAddress(uri, end + 1) ?? innerAddress(uri, start + 2);
  if (inner === null) return null;
  return { outer: uri.slice(start, Math.min(end, inner.index - 1)), inner: inner[1]!, target: uri.slice(inner.index) };
}

function innerAddress(uri: string, from: number): RegExpExecArray | null {
  const search = /https?:\/{0,2}?([^/:?]+)/gi;
  search.lastIndex = from;
  return search.exec(uri);
}

function domainOr(mail: RuleMail, host: string): string {
  return domainOfUri(host, registryOf(mail))?.domain ?? host;
}

const IP_ADDRESS_LINK = /^https?:\/*(?:[^@/]+@)?\d+\.\d+\.\d+\.\d+/i;

/** A link to a bare IP address that shows the reader an `https:` address with a name. */
function httpsIpMismatch(mail: RuleMail): EvalResult {
  for (const { uris } of mail.html())
    for (const [uri, { anchorTexts }] of uris)
      if (IP_ADDRESS_LINK.test(uri) && anchorTexts.some((text) => /https:/i.test(text) && !showsHttpsIp(text)))
        return YES;
  return NO;
}

function showsHttpsIp(text: string): boolean {
  return /^https:\/*(?:[^@/]+@)?\d+\.\d+\.\d+\.\d+/i.test(text);
}

/** A link shows an `https:` address of another domain than the one it leads to; arguments: least, and below how many links. */
function httpsHttpMismatch(mail: RuleMail, args: readonly string[]): EvalResult {
  const [leastText, belowText] = args;
  const least = Number(leastText ?? 1) || 1;
  return holds(
    mail.html().some(({ uris }) => {
      const links = [...uris].flatMap(([uri, { anchorTexts }]) => {
        const target = anchorTexts.length > 0 ? linkDomain(mail, uri) : null;
        return target === null ? [] : [{ target, anchorTexts }];
      });
      const isCount = links.length >= least && (belowText === undefined || links.length < Number(belowText));
      return (
        isCount && links.some(({ target, anchorTexts }) => anchorTexts.some((text) => showsOther(mail, text, target)))
      );
    }),
  );
}

/** The registered domain of a web link, or null for IP addresses and what no registry knows. */
function linkDomain(mail: RuleMail, uri: string): string | null {
  const host = /^https?:\/\/([^/:?#]+)/i.exec(uri)?.[1];
  if (host === undefined || isIp(host)) return null;
  const domain = trimDomain(host, registryOf(mail));
  return domain !== '' && domainOfUri(domain, registryOf(mail)) !== null ? domain : null;
}

function showsOther(mail: RuleMail, text: string, target: string): boolean {
  const shown = /https:\/\/([^\t-\r /:?#]+)/i.exec(text)?.[1];
  if (shown === undefined) return false;
  if (isIp(shown)) return shown !== target;
  const domain = trimDomain(shown, registryOf(mail));
  return isDomainValid(domain, registryOf(mail)) && domain !== target;
}

/** A host of the mail, or a domain above it, is on a list of `enlist_uri_host`; nearer entries go first, `!` excludes. */
function hostListed(mail: RuleMail, list: string): EvalResult {
  const entries = mail.settings.uriHostLists.get(list);
  if (entries === undefined) return NO;
  const seen = new Set<string>();
  for (const [uri, { hosts }] of mail.uris.details) {
    if (/^mailto:/i.test(uri)) continue;
    for (const host of hosts.keys()) {
      if (seen.has(host)) continue;
      seen.add(host);
      const verdict = namesOf(host)
        .map((name) => entries.get(name))
        .find((listed) => listed !== undefined);
      if (verdict === true) return { count: 1, evidence: host.slice(0, 100) };
    }
  }
  return NO;
}

/** A host and the domains above it; of many, the last. */
function namesOf(host: string): string[] {
  if (isIp(host) || /^\d+\.\d+\.\d+\.\d+$/.test(host)) return [host];
  const labels = host.split('.');
  return labels.map((_, index) => labels.slice(index).join('.')).slice(-HOST_NAMES_MAX);
}

/** Whether one address meets all conditions of a `uri_detail` rule, each by one of its texts. */
export function uriDetailHits(mail: RuleMail, criteria: readonly CompiledUriCriterion[]): boolean {
  for (const [raw, detail] of mail.uris.details)
    if (criteria.every((criterion) => textsOf(raw, detail, criterion.key).some((text) => meets(criterion, text))))
      return true;
  return false;
}

function meets({ pattern, negated }: CompiledUriCriterion, text: string): boolean {
  return pattern.test(new Subject(text)) !== negated;
}

function textsOf(raw: string, detail: UriDetail, key: CompiledUriCriterion['key']): readonly string[] {
  switch (key) {
    case 'raw':
      return [raw];
    case 'type':
      return [...detail.types];
    case 'cleaned':
      return [...detail.cleaned];
    case 'text':
      return detail.anchorTexts;
    case 'domain':
      return [...detail.domains];
    case 'host':
      return [...detail.hosts.keys()];
  }
}

function listEval(list: string, summary: string): Eval {
  return { summary, argsMin: 0, argsMax: 0, run: (mail) => hostListed(mail, list) };
}

const BLOCKED = listEval('BLOCK', 'A host of an address is on the list BLOCK of `enlist_uri_host`.');
const WELCOME = listEval('WELCOME', 'A host of an address is on the list WELCOME of `enlist_uri_host`.');

export const URI_EVALS: ReadonlyMap<string, Eval> = new Map<string, Eval>([
  [
    'check_for_http_redirector',
    { summary: 'An address holds another one of a different domain.', argsMin: 0, argsMax: 0, run: httpRedirector },
  ],
  [
    'check_https_ip_mismatch',
    {
      summary: 'A link shows an https address and leads to an IP address.',
      argsMin: 0,
      argsMax: 0,
      run: httpsIpMismatch,
    },
  ],
  [
    'check_uri_truncated',
    {
      summary: 'An address was longer than 8,192 bytes.',
      argsMin: 0,
      argsMax: 0,
      run: (mail) => holds(mail.uris.truncated),
    },
  ],
  [
    'check_https_http_mismatch',
    {
      summary: 'A link shows an https address of another domain than its own; least number of links, and upper bound.',
      argsMin: 0,
      argsMax: 2,
      run: httpsHttpMismatch,
    },
  ],
  [
    'check_uri_host_listed',
    {
      summary: 'A host of an address is on the list of that name (`enlist_uri_host`).',
      argsMin: 1,
      argsMax: 1,
      run: (mail, [list]) => hostListed(mail, list ?? ''),
    },
  ],
  ['check_uri_host_in_blocklist', BLOCKED],
  ['check_uri_host_in_blacklist', BLOCKED],
  ['check_uri_host_in_welcomelist', WELCOME],
  ['check_uri_host_in_whitelist', WELCOME],
]);
