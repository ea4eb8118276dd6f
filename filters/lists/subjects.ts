// Who and what a message is about, as lists can be asked: client, hops, greeting, senders, links. Takes one message and
// its envelope, gives a bounded list of subjects, each once per kind, in an order that the same mail always gives.
import type { Transaction } from '../../message/envelope.js';
import type { Message } from '../../message/message.js';
import type { NetworkSet } from '../../message/network.js';
import { receivedFrom } from '../../message/received.js';
import type { Url } from '../../message/url.js';
import type { SubjectKind } from '../../lists/known.js';
import { hostName, publicAddress } from '../../lists/question.js';

/** Received fields, From addresses and links looked at. */
export const RECEIVED_LOOKED_AT_MAX = 50;
export const FROM_LOOKED_AT_MAX = 20;
export const URLS_LOOKED_AT_MAX = 5_000;
/** Sender domains asked about. */
export const SENDERS_MAX = 10;
/** Links looked at between two looks at the clock. */
const URLS_PER_LOOK = 200;

/** One subject: an address in its usual form, or a host name in A-labels. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly text: string;
}

export interface SubjectLimits {
  readonly receivedMax: number;
  readonly urlDomainsMax: number;
  readonly skipNetworks: NetworkSet;
  readonly skipDomains: ReadonlySet<string>;
}

export interface Subjects {
  readonly subjects: readonly Subject[];
  /** What was left out for a limit, in words. */
  readonly leftOut: readonly string[];
}

/** Collects the subjects of the kinds that some list is asked about. `isLate` ends the reading of links. */
export function subjectsOf(
  message: Message,
  transaction: Transaction,
  wanted: ReadonlySet<SubjectKind>,
  limits: SubjectLimits,
  isLate: () => boolean,
): Subjects {
  const leftOut: string[] = [];
  const take = (kind: SubjectKind, texts: readonly string[], max: number, what: string): readonly Subject[] => {
    const once = [...new Set(texts)];
    if (once.length > max) leftOut.push(`${once.length - max} ${what}`);
    return once.slice(0, max).map((text) => ({ kind, text }));
  };
  const address = (text: string | null) => skipped(publicAddress(text), (one) => limits.skipNetworks.has(one));
  const name = (text: string | null) => skipped(hostName(text), (one) => isBelow(one, limits.skipDomains));
  const one = (text: string | null) => (text === null ? [] : [text]);
  const of = (kind: SubjectKind, work: () => readonly Subject[]) => (wanted.has(kind) ? work() : []);

  const { connection } = transaction;
  const client = address(connection.smtp ? connection.clientAddress : null);
  const hosts = wanted.has('url') || wanted.has('url-address') ? hostsOf(message.urls, isLate) : NO_HOSTS;
  if (hosts.cut) leftOut.push('the rest of very many links');
  const urlHosts = (read: (text: string | null) => string | null) => hosts.hosts.flatMap((host) => one(read(host)));
  return {
    subjects: [
      ...of('client', () => take('client', one(client), 1, '')),
      ...of('helo', () => take('helo', one(name(connection.helo)), 1, '')),
      ...of('sender', () => take('sender', sendersOf(message, transaction, name), SENDERS_MAX, 'sender domains')),
      ...of('url', () => take('url', urlHosts(name), limits.urlDomainsMax, 'hosts of links')),
      ...of('url-address', () =>
        take(
          'url-address',
          urlHosts((host) => address(bare(host))),
          limits.urlDomainsMax,
          'addresses of links',
        ),
      ),
      ...of('received', () =>
        take('received', hopsOf(message, connection.clientAddress, client, address), limits.receivedMax, 'hops'),
      ),
    ],
    leftOut,
  };
}

const skipped = (text: string | null, skip: (text: string) => boolean) => (text === null || skip(text) ? null : text);

/** Whether the name or a domain above it is in the set. */
function isBelow(name: string, domains: ReadonlySet<string>): boolean {
  if (domains.size === 0) return false;
  for (let rest: string | undefined = name; rest !== undefined;) {
    if (domains.has(rest)) return true;
    const dot = rest.indexOf('.');
    rest = dot === -1 ? undefined : rest.slice(dot + 1);
  }
  return false;
}

/** Domains of MAIL FROM, then of the From fields. */
function sendersOf(
  message: Message,
  { mailFrom }: Transaction,
  name: (text: string | null) => string | null,
): readonly string[] {
  const from = message.addresses('From').slice(0, FROM_LOOKED_AT_MAX);
  return [mailFrom.address, ...from.map(({ address }) => address)].flatMap((address) => {
    const at = address.lastIndexOf('@');
    const domain = at === -1 ? null : name(address.slice(at + 1));
    return domain === null ? [] : [domain];
  });
}

/**
 * Addresses that Received fields name, newest first, without the client. Fields down to the one that names the client are
 * those of our own relays: what stands below them is what the client brought.
 */
function hopsOf(
  message: Message,
  clientGiven: string | null,
  client: string | null,
  address: (text: string | null) => string | null,
): readonly string[] {
  const named = message
    .headersNamed('Received')
    .slice(0, RECEIVED_LOOKED_AT_MAX)
    .map((field) => receivedFrom(field.value));
  const own = clientGiven === null ? -1 : named.indexOf(clientGiven);
  return named.slice(own + 1).flatMap((text) => {
    const hop = address(text);
    return hop === null || hop === client ? [] : [hop];
  });
}

interface Hosts {
  readonly hosts: readonly string[];
  readonly cut: boolean;
}

const NO_HOSTS: Hosts = { hosts: [], cut: false };

/** What a reader can follow comes before what is only loaded or named, so that padding does not push it out. */
const URL_RANK: Readonly<Record<Url['from'], number>> = {
  'html-link': 0,
  'html-form': 0,
  plain: 0,
  'html-text': 1,
  'html-image': 2,
  'html-other': 2,
};

/** Hosts of links, each once, by rank and then in the order of the message. */
function hostsOf(urls: readonly Url[], isLate: () => boolean): Hosts {
  const ranks: readonly Set<string>[] = [new Set(), new Set(), new Set()];
  let cut = urls.length > URLS_LOOKED_AT_MAX;
  for (const [index, url] of urls.slice(0, URLS_LOOKED_AT_MAX).entries()) {
    if (index % URLS_PER_LOOK === 0 && isLate()) {
      cut = true;
      break;
    }
    if (url.host !== null) ranks[URL_RANK[url.from]]?.add(url.host);
  }
  return { hosts: [...new Set(ranks.flatMap((rank) => [...rank]))], cut };
}

/** IPv6 hosts of URLs stand in brackets. */
function bare(host: string | null): string | null {
  return host !== null && host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
