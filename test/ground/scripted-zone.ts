// What a scripted DNS server knows: records by name, and names that misbehave on purpose. Takes plain objects, as tests
// write them and as public test suites give them in YAML; gives packets' records.
import type { Answer } from 'dns-packet';

/**
 * What a server does instead of answering well. `silent` never answers; `truncated` sets TC over UDP and answers whole over
 * TCP; `truncated-for-ever` sets it over TCP too; `wrong-id`, `wrong-name` and `wrong-type` answer another question;
 * `spoofed-first` sends a forged answer with a wrong id, then the true one; `garbage` sends bytes that are no message.
 */
export type Behaviour =
  | 'servfail'
  | 'refused'
  | 'formerr'
  | 'notimp'
  | 'nxdomain'
  | 'silent'
  | 'truncated'
  | 'truncated-for-ever'
  | 'wrong-id'
  | 'wrong-name'
  | 'wrong-type'
  | 'spoofed-first'
  | 'garbage';

/** One string, or the strings of one record; characters above 255 cannot be sent, others go as latin1 bytes. */
export type ScriptedText = string | readonly string[];

/** What is known of one name. A name without the type asked for has no data; a name not in the zone does not exist. */
export interface ScriptedName {
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly MX?: readonly (readonly [priority: number, exchange: string])[];
  readonly TXT?: readonly ScriptedText[];
  /** The obsolete type 99 (RFC 7208 §3.1). */
  readonly SPF?: readonly ScriptedText[];
  readonly PTR?: readonly string[];
  readonly NS?: readonly string[];
  /** The chain is followed as far as this zone knows it. */
  readonly CNAME?: string;
  /** For every type, or by type. */
  readonly behaviour?: Behaviour | Readonly<Partial<Record<ScriptedType, Behaviour>>>;
  readonly delayMs?: number;
  readonly ttlS?: number;
  /** The whole answer as bytes, its id set to the question's. */
  readonly raw?: Buffer;
}

export type ScriptedType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'SPF' | 'PTR' | 'NS' | 'CNAME';

/** Names in any case; `*.name` stands for every name below that is not given itself, `*` for every name. */
export type Zone = Readonly<Record<string, ScriptedName>>;

/** A TXT record is made of strings of at most so many bytes (RFC 1035 §3.3.14). */
const STRING_MAX_BYTES = 255;
const TYPES: readonly ScriptedType[] = ['A', 'AAAA', 'MX', 'TXT', 'SPF', 'PTR', 'NS', 'CNAME'];

/** The records of one type, without its alias, as packets carry them. */
export function recordsOf(entry: ScriptedName, type: ScriptedType, name: string, ttl: number): readonly Answer[] {
  switch (type) {
    case 'TXT':
      return (entry.TXT ?? []).map((text) => ({ type, name, ttl, data: [...stringsOf(text)] }));
    case 'SPF':
      // A type the encoder knows by name only: its data as bytes.
      return (entry.SPF ?? []).map((text) => ({
        type: 'SPF' as 'NULL',
        name,
        ttl,
        data: Buffer.concat(stringsOf(text).flatMap((bytes) => [Buffer.from([bytes.length]), bytes])),
      }));
    case 'MX':
      return (entry.MX ?? []).map(([preference, exchange]) => ({ type, name, ttl, data: { preference, exchange } }));
    case 'CNAME':
      return entry.CNAME === undefined ? [] : [{ type, name, ttl, data: entry.CNAME }];
    default:
      return (entry[type] ?? []).map((data) => ({ type, name, ttl, data }));
  }
}

/** Strings longer than one may be are cut, as zone files do. */
function stringsOf(text: ScriptedText): readonly Buffer[] {
  const strings = typeof text === 'string' ? [text] : text;
  return strings.flatMap((string) => {
    const bytes = Buffer.from(string, 'latin1');
    const count = Math.max(1, Math.ceil(bytes.length / STRING_MAX_BYTES));
    return Array.from({ length: count }, (_, at) => bytes.subarray(at * STRING_MAX_BYTES, (at + 1) * STRING_MAX_BYTES));
  });
}

/**
 * The zone of a public SPF suite (`zonedata`): a list per name of `{ TYPE: value }` or `TIMEOUT`. As those suites mean it:
 * SPF records stand for TXT too unless the name has TXT of its own (`NONE`: none at all), and TIMEOUT silences the types
 * that have no record.
 */
export function zoneOfSuite(data: Readonly<Record<string, readonly unknown[]>>): Zone {
  return Object.fromEntries(Object.entries(data).map(([name, entries]) => [name, nameOfSuite(entries)]));
}

function nameOfSuite(entries: readonly unknown[]): ScriptedName {
  const found = new Map<ScriptedType, unknown[]>();
  let isTimingOut = false;
  for (const entry of entries) {
    if (entry === 'TIMEOUT') isTimingOut = true;
    else
      for (const [type, value] of Object.entries(entry as object))
        found.set(type as ScriptedType, [...(found.get(type as ScriptedType) ?? []), value as unknown]);
  }
  const texts = found.get('TXT') ?? found.get('SPF') ?? [];
  found.set(
    'TXT',
    texts.filter((text) => text !== 'NONE'),
  );
  const aliases = found.get('CNAME');
  const records = Object.fromEntries([...found].filter(([, values]) => values.length > 0));
  const silent = TYPES.filter((type) => records[type] === undefined).map((type) => [type, 'silent']);
  return {
    ...records,
    ...(aliases === undefined ? {} : { CNAME: String(aliases[0]) }),
    ...(isTimingOut ? { behaviour: Object.fromEntries(silent) as Partial<Record<ScriptedType, Behaviour>> } : {}),
  };
}

/** The zone of a public ARC suite: one text per name. */
export function zoneOfTexts(data: Readonly<Record<string, ScriptedText>>): Zone {
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, { TXT: [text] }]));
}
