// An update channel of SpamAssassin rules as DNS tells of it: which version there is, and where its list of mirrors lies.
// Takes TXT answers through the resolver; what they hold is data from strangers and bounded.
import { isFailure, type DnsAnswer, type Resolver } from '../../outside/resolver.js';
import { COMPATIBLE_VERSION } from '../language/features.js';

/** A host name of at least two labels in lower case: also the name of the channel's directory. */
export const CHANNEL_NAME = '^[a-z0-9]([a-z0-9-]{0,62})(\\.[a-z0-9]([a-z0-9-]{0,62})){1,9}$';
/** Digits of a version: fits a safe integer. */
const VERSION_DIGITS_MAX = 15;
/** Lists of mirrors named in DNS that are looked at. */
const LISTS_MAX = 10;

/** What DNS says of a channel. `none`: it is there, and has nothing for this version of the rule language. */
export type ChannelVersion =
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string };

/** The name under which the newest version for rules of 4.0.1 stands: the version backwards, then the channel. */
export function versionName(channel: string): string {
  return `${COMPATIBLE_VERSION.split('.').reverse().join('.')}.${channel}`;
}

/** The newest version of a channel. */
export async function findVersion(channel: string, resolver: Resolver, signal: AbortSignal): Promise<ChannelVersion> {
  const name = versionName(channel);
  const answer = await resolver.lookup('TXT', name, { fresh: true, signal });
  if (isFailure(answer)) return { kind: 'failed', reason: `DNS: ${name}: ${answer.status}` };
  const versions = textsOf(answer).flatMap((text) => readVersion(text) ?? []);
  if (versions.length > 0) return { kind: 'version', version: Math.max(...versions) };
  const lists = await findMirrorLists(channel, resolver, signal);
  if (lists.addresses.length > 0) return { kind: 'none' };
  return { kind: 'failed', reason: `DNS knows neither ${name} nor mirrors.${channel}: is the name right?` };
}

/** Where a channel's list of mirrors lies. `trouble`: why none is known, '' where some is. */
export interface MirrorLists {
  readonly addresses: readonly string[];
  readonly trouble: string;
}

/** Addresses of the channel's list of mirrors, as DNS names them. */
export async function findMirrorLists(channel: string, resolver: Resolver, signal: AbortSignal): Promise<MirrorLists> {
  const name = `mirrors.${channel}`;
  const answer = await resolver.lookup('TXT', name, { fresh: true, signal });
  if (isFailure(answer)) return { addresses: [], trouble: `DNS: ${name}: ${answer.status}` };
  const addresses = textsOf(answer).filter((text) => /^https?:\/\/[!-~]+$/i.test(text));
  return { addresses: addresses.slice(0, LISTS_MAX), trouble: addresses.length > 0 ? '' : `DNS: ${name} names none` };
}

/** The digits that a record begins with. */
function readVersion(text: string): number | null {
  const [digits = ''] = /^\d+/.exec(text) ?? [];
  return digits === '' || digits.length > VERSION_DIGITS_MAX ? null : Number(digits);
}

const textsOf = (answer: DnsAnswer<'TXT'>): readonly string[] =>
  answer.status === 'found' ? answer.records.map((strings) => strings.join(' ').trim()) : [];
