// What is asked about in one mail: addresses of relays by the kind of list, hosts of senders, hosts of links, values of
// tags. Takes the mail as rules see it; looks nothing up; bounded.
import type { AuthenticationView } from '../evals/facts.js';
import { isIp, isPrivateIp, reverseIp } from '../mail/ip.js';
import { cleaningTables } from '../mail/cleaning-tables.js';
import { RuleNetworks } from '../mail/networks.js';
import { domainOfUri, isDomainValid, isFqdnValid, lowerAscii } from '../mail/registry.js';
import type { RuleMail } from '../mail/rule-mail.js';
import type { UriDetail } from '../mail/uris.js';
import type { ListRule } from './plan.js';

/** Relays asked about, unless `num_check_received` says otherwise. */
const RELAYS_MAX = 9;
/** Values of one tag that are asked about. */
const TAG_VALUES_MAX = 20;
/** Names that one template of `askdns` may become. */
const TEMPLATE_NAMES_MAX = 50;

/** Relays of one mail that lists may be asked about. */
export class RelaySubjects {
  readonly #trusted: RuleNetworks;
  /** Untrusted, newest first, without private ones. */
  readonly #untrusted: readonly string[];
  /** Outside the internal networks, newest first. */
  readonly #external: readonly string[];
  readonly #originating: readonly string[];
  readonly #max: number;

  constructor(mail: RuleMail) {
    const { settings, relays } = mail;
    const { trustedNetworks, internalNetworks } = settings;
    const networks = trustedNetworks.configured ? trustedNetworks : internalNetworks;
    this.#trusted = new RuleNetworks(networks.entries, true);
    const untrusted = relays.untrusted.map(({ ip }) => ip);
    this.#untrusted = publicOnce(untrusted);
    this.#external = publicOnce([
      ...relays.trusted.filter(({ internal }) => !internal).map(({ ip }) => ip),
      ...untrusted,
    ]);
    const named = settings.originatingIpHeaders.flatMap((name) => wordsOf(mail.headers.get(name) ?? '').filter(isIp));
    this.#originating = publicOnce(named.filter((ip) => !this.#trusted.has(ip)));
    this.#max = Number(settings.others.get('num_check_received')?.at(-1) ?? RELAYS_MAX);
  }

  /** By the end of the list's name: the last external relay, all but the first hop, and so on. */
  of({ set, flags }: Pick<ListRule, 'set' | 'flags'>): readonly string[] {
    if (this.#untrusted.length + this.#originating.length === 0) return [];
    let ips = this.chosen(/-(notfirsthop|lastexternal|firsttrusted|untrusted)$/.exec(set)?.[1]).slice(0, this.#max);
    // Trusted relays are asked about only for what speaks in their favour.
    if (!flags.has('nice')) {
      const first = ips.findIndex((ip) => !this.#trusted.has(ip));
      ips = first < 0 ? [] : ips.slice(first);
    }
    return ips;
  }

  private chosen(kind: string | undefined): readonly string[] {
    const all = publicOnce([...this.#untrusted, ...this.#originating]);
    switch (kind) {
      case 'lastexternal':
        return this.#external.slice(0, 1);
      case 'notfirsthop':
        return this.#external.length > 1 ? this.#external.slice(0, -1) : this.#external;
      case 'firsttrusted':
        return all.slice(0, 1);
      case 'untrusted':
        return all.slice(1);
      default:
        return [...all].reverse();
    }
  }
}

function publicOnce(ips: readonly string[]): string[] {
  return [...new Set(ips)].filter((ip) => ip !== '' && isIp(ip) && !isPrivateIp(ip));
}

function wordsOf(text: string): string[] {
  return text.slice(0, 1_000).split(/[^0-9A-Fa-f:.]+/);
}

/** Names that a list of hosts or senders is asked about, IP addresses backwards. */
export function hostSubjects(mail: RuleMail, rule: ListRule): readonly string[] {
  const tables = cleaningTables(mail.settings).registry;
  const names = hostsFor(mail, rule).flatMap((host) => {
    if (isIp(host)) return rule.flags.has('domains_only') ? [] : (reverseIp(host) ?? []);
    if (rule.flags.has('ips_only') || !isFqdnValid(host) || !isDomainValid(host, tables)) return [];
    return host;
  });
  return [...new Set(names)];
}

function hostsFor(mail: RuleMail, { by, headers }: ListRule): readonly string[] {
  const tables = cleaningTables(mail.settings).registry;
  switch (by) {
    case 'check_rbl_from_host':
      return fromAddresses(mail).flatMap(hostOf);
    case 'check_rbl_from_domain':
      return fromAddresses(mail).flatMap((address) => domainOfUri(`mailto:${address}`, tables)?.domain ?? []);
    case 'check_rbl_envfrom':
      return hostOf(mail.headers.text('EnvelopeFrom:addr'));
    case 'check_rbl_headers':
      return (headers ?? USUAL_HEADERS).flatMap((name) => hostsOfHeader(mail, name));
    case 'check_rbl_rcvd': {
      const relay = mail.relays.untrusted.at(-1);
      return relay === undefined
        ? []
        : [relay.ip, relay.by, relay.helo, relay.rdns].map((host) => host.replace(/\.$/, ''));
    }
    default:
      return [];
  }
}

const USUAL_HEADERS = ['EnvelopeFrom', 'Reply-To', 'Disposition-Notification-To', 'X-WebmailclientIP', 'X-Source-IP'];

function hostsOfHeader(mail: RuleMail, name: string): string[] {
  const hosts = hostOf(mail.headers.text(`${name}:addr`));
  return hosts.length > 0 ? hosts : (mail.headers.get(name) ?? '').split('\n').slice(0, TAG_VALUES_MAX);
}

/** Addresses that say who sent it. */
function fromAddresses(mail: RuleMail): readonly string[] {
  const resent = mail.headers.values('Resent-From:first:addr');
  if (resent.length > 0) return resent;
  const names = ['From', 'Envelope-Sender', 'Resent-Sender', 'X-Envelope-From', 'EnvelopeFrom'];
  return names.flatMap((name) => mail.headers.values(`${name}:addr`)).slice(0, TAG_VALUES_MAX);
}

/** The host of a mailbox, doubled dots and those at its ends taken off; none when it has no dot. */
function hostOf(address: string): string[] {
  const host = /@([^@\t-\r ]{1,253})/.exec(address)?.[1] ?? '';
  const labels = lowerAscii(host)
    .split('.')
    .filter((label) => label !== '');
  return labels.length > 1 ? [labels.join('.')] : [];
}

/** The host of the envelope's sender, or null. */
export function senderHost(mail: RuleMail): string | null {
  return hostOf(mail.headers.text('EnvelopeFrom:addr'))[0] ?? null;
}

/** Hosts of links with their registered domains: those that readers click first, at most `uridnsbl_max_domains`. */
export function linkSubjects(mail: RuleMail): ReadonlyMap<string, string> {
  const { uridnsblSkipDomains: skipped, uridnsblSkipMailto, uridnsblMaxDomains } = mail.settings;
  const ranked: Map<string, string>[] = [];
  for (const [uri, detail] of mail.uris.details) {
    if (uridnsblSkipMailto && /^mailto:/i.test(uri)) continue;
    const rank = rankOf(detail);
    for (const [host, domain] of detail.hosts)
      if (!skipped.has(domain) && !skipped.has(host)) (ranked[rank] ??= new Map()).set(host, domain);
  }
  const taken = new Map<string, string>();
  for (const hosts of ranked)
    for (const [host, domain] of hosts ?? []) if (taken.size < uridnsblMaxDomains) taken.set(host, domain);
  return taken;
}

/** Links with a text first, then forms, images, other tags, what stood in the text, links without a text. */
function rankOf({ types, anchorTexts }: UriDetail): number {
  if (types.has('a')) return anchorTexts.some((text) => text !== '') ? 0 : 5;
  if (types.has('form')) return 1;
  if (types.has('img')) return 2;
  return types.has('parsed') && types.size === 1 ? 4 : 3;
}

/** Values of tags that the caller knows. */
export type GivenTags = ReadonlyMap<string, readonly string[]>;

/** The names a template stands for: every tag by every value it has; none while one has no value. */
export function templateNames(template: string, mail: RuleMail, given: GivenTags): readonly string[] {
  let names = [template];
  for (const [, tag] of template.matchAll(/_([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*(?:\([^)]*\))?)_/g)) {
    const values = tagValues(tag!, mail, given)
      .filter((value) => value !== '')
      .slice(0, TAG_VALUES_MAX);
    names = names.flatMap((name) => values.map((value) => name.replaceAll(`_${tag!}_`, value)));
  }
  const valid = [...new Set(names.map(lowerAscii))].filter(isFqdnValid);
  return valid.slice(0, TEMPLATE_NAMES_MAX);
}

function tagValues(tag: string, mail: RuleMail, given: GivenTags): readonly string[] {
  const known = given.get(tag);
  if (known !== undefined) return known;
  const external = mail.relays.external[0];
  const trusted = mail.relays.trusted.at(-1);
  switch (tag) {
    case 'AUTHORDOMAIN':
      return [...new Set(mail.headers.values('From:addr:host'))];
    case 'SENDERDOMAIN':
      return mail.headers.values('EnvelopeFrom:first:addr:host').slice(0, 1);
    case 'LASTEXTERNALIP':
      return [external?.ip ?? ''];
    case 'LASTEXTERNALREVIP':
      return [reverseIp(external?.ip ?? '') ?? ''];
    case 'LASTEXTERNALRDNS':
      return [external?.rdns ?? ''];
    case 'LASTEXTERNALHELO':
      return [external?.helo ?? ''];
    case 'FIRSTTRUSTEDIP':
      return [trusted?.ip ?? ''];
    case 'FIRSTTRUSTEDREVIP':
      return [reverseIp(trusted?.ip ?? '') ?? ''];
    case 'DKIMDOMAIN':
      return signersOf(mail, ({ domain }) => domain);
    case 'DKIMIDENTITY':
      return signersOf(mail, ({ identity }) => identity);
    case 'URIHOSTS':
      return [...linkSubjects(mail).keys()];
    case 'URIDOMAINS':
      return [...new Set(linkSubjects(mail).values())];
    default:
      return tag.startsWith('HEADER(') ? [mail.headers.text(tag.slice(7, -1)).trim()] : [];
  }
}

type Signature = AuthenticationView['dkim'][number];

/** What valid signatures say. */
function signersOf(mail: RuleMail, of: (signature: Signature) => string): readonly string[] {
  const signatures = mail.facts?.authentication?.dkim ?? [];
  return [...new Set(signatures.filter(({ result }) => result === 'pass').map(of))];
}
