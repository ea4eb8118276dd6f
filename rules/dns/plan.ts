// The rules of a set that need look-ups, ready to be asked: DNSBL evals, lists of hosts of addresses, and `askdns`. Made
// once for a rule set; what cannot be asked is told by name with the reason.
import type { RecordType } from '../../outside/resolver.js';
import type { Rule, RuleSet } from '../compile.js';
import { UNASKED_EVALS } from '../evals/dns-eval.js';
import type { AskDnsQuery, RuleSettings, UriDnsZone } from '../language/settings.js';
import { PatternError } from '../pattern/syntax.js';
import { askSubtest, listSubtest, uriSubtest, type Accepts } from './subtest.js';

/** The DNSBL evals that ask by themselves (`check_rbl_sub` reads what they get). */
export const LIST_EVALS = [
  'check_rbl',
  'check_rbl_txt',
  'check_rbl_from_host',
  'check_rbl_from_domain',
  'check_rbl_envfrom',
  'check_rbl_headers',
  'check_rbl_rcvd',
] as const;
export type ListEval = (typeof LIST_EVALS)[number];

interface Planned {
  readonly name: string;
  readonly flags: ReadonlySet<string>;
}

/** One that asks a list. */
export interface ListRule extends Planned {
  readonly by: ListEval;
  /** Its name may end in `-lastexternal` and the like: which relays are asked about. */
  readonly set: string;
  readonly zone: string;
  readonly accepts: Accepts;
  /** Headers of `check_rbl_headers`, or null for the usual ones. */
  readonly headers: readonly string[] | null;
}

/** One that reads every answer of a set. */
export interface SubRule extends Planned {
  readonly set: string;
  readonly accepts: Accepts;
}

export interface UriRule extends Planned {
  readonly zone: UriDnsZone;
  readonly type: 'A' | 'TXT';
  readonly accepts: Accepts;
}

export interface AskRule extends Planned {
  readonly query: AskDnsQuery;
  readonly types: readonly RecordType[];
  readonly accepts: Accepts;
}

export interface DnsPlan {
  readonly lists: readonly ListRule[];
  readonly subs: readonly SubRule[];
  readonly uris: readonly UriRule[];
  readonly asks: readonly AskRule[];
  /** `check_dns_sender`. */
  readonly senders: readonly Planned[];
  /** Rules that are not asked, with why. */
  readonly left: readonly { readonly name: string; readonly reason: string }[];
  /** Whether there is nothing to ask. */
  readonly isEmpty: boolean;
}

/** Names of the rules that look something up. */
export const askingRules = ({ lists, subs, uris, asks, senders }: DnsPlan): readonly string[] =>
  [...lists, ...subs, ...uris, ...asks, ...senders].map(({ name }) => name);

const TYPES: ReadonlySet<string> = new Set<RecordType>(['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME', 'NS']);

/** Sorts the rules that look something up. */
export function planDns(set: RuleSet, settings: RuleSettings): DnsPlan {
  const draft = new Draft(settings);
  for (const rule of set.rules) {
    try {
      draft.add(rule);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      draft.left.push({ name: rule.name, reason: error.message });
    }
  }
  return {
    ...draft,
    isEmpty: [draft.lists, draft.uris, draft.asks, draft.senders].every(({ length }) => length === 0),
  };
}

class Draft {
  readonly lists: ListRule[] = [];
  readonly subs: SubRule[] = [];
  readonly uris: UriRule[] = [];
  readonly asks: AskRule[] = [];
  readonly senders: Planned[] = [];
  readonly left: { name: string; reason: string }[] = [];
  readonly #settings: RuleSettings;

  constructor(settings: RuleSettings) {
    this.#settings = settings;
  }

  add(rule: Rule): void {
    const { name, flags, test } = rule;
    const query = this.#settings.askDnsQueries.get(name);
    if (test.kind === 'empty' && query !== undefined) return this.addAsk(rule, query);
    if (test.kind !== 'eval') return;
    if (UNASKED_EVALS.has(test.name)) {
      this.left.push({ name, reason: `${test.name} is never asked` });
      return;
    }
    if (test.name === 'check_uridnsbl') return this.addUri(rule);
    if (this.#settings.skipRblChecks) return;
    if (test.name === 'check_dns_sender') this.senders.push({ name, flags });
    else if (test.name === 'check_rbl_sub') {
      const [list = '', subtest = ''] = test.args;
      this.subs.push({ name, flags, set: list, accepts: listSubtest(subtest) });
    } else if ((LIST_EVALS as readonly string[]).includes(test.name))
      this.addList(rule, test.name as ListEval, test.args);
  }

  private addList({ name, flags }: Rule, by: ListEval, args: readonly string[]): void {
    const [set = '', zone = '', subtest, headers] = args;
    const accepts = listSubtest(subtest === undefined || subtest === '' ? null : subtest);
    const fields = headers === undefined ? null : headers.split(',').map((field) => field.trim());
    this.lists.push({ name, flags, by, set, zone: withoutDots(zone), accepts, headers: fields });
  }

  private addUri({ name, flags }: Rule): void {
    const zone = this.#settings.uriDnsZones.get(name);
    if (zone === undefined) this.left.push({ name, reason: 'no list is named for it' });
    else if (zone.type !== 'A' && zone.type !== 'TXT') this.left.push({ name, reason: `records of type ${zone.type}` });
    else if (!this.#settings.skipUriblChecks)
      this.uris.push({ name, flags, zone, type: zone.type, accepts: uriSubtest(zone.subtest) });
  }

  private addAsk({ name, flags }: Rule, query: AskDnsQuery): void {
    const types = query.types.filter((type): type is RecordType => TYPES.has(type));
    const accepts = askSubtest(query.subtest);
    if (types.length < query.types.length) this.left.push({ name, reason: `records of type ${query.types.join(',')}` });
    else if (accepts === null) this.left.push({ name, reason: `"${query.subtest ?? ''}" is no subtest` });
    else this.asks.push({ name, flags, query, types, accepts });
  }
}

function withoutDots(zone: string): string {
  return zone.replace(/\.{1,10}$/, '');
}
