// Our resolver as mailauth's functions take one: a function of name and type that gives records or throws an error with
// a code. Only "no such name" and "no such record" become codes that mailauth takes for absence; all else is temporary.
import {
  isFailure,
  type DnsAnswer,
  type RecordShapes,
  type RecordType,
  type Resolver,
} from '../../outside/resolver.js';

/** What mailauth calls: an array of addresses or names, of `{ exchange, priority }`, or of arrays of TXT strings. */
export type MailauthResolver = (name: string, type: string) => Promise<string[] | string[][]>;

/** A look-up without records, with the code that Node's own resolver would give. */
export class DnsError extends Error {
  constructor(
    readonly code: 'ENOTFOUND' | 'ENODATA' | 'ESERVFAIL' | 'EREFUSED' | 'ETIMEOUT' | 'EBADRESP' | 'EBADNAME',
    message: string,
  ) {
    super(message);
  }
}

/** Bounds of the look-ups one check makes. */
export interface LookupBounds {
  /** Look-ups end with `ETIMEOUT` once it aborts. */
  readonly signal: AbortSignal;
  /** Called before each look-up: ms left, for `LookupOptions.timeoutMs`. Absent: the resolver's own limit. */
  readonly remainingMs?: () => number;
}

/** Wraps `resolver`. The function rejects with `DnsError` and nothing else. */
export function mailauthResolver(resolver: Resolver, bounds: LookupBounds): MailauthResolver {
  return async (name, type) => {
    if (!isRecordType(type)) throw new DnsError('EBADRESP', `records of type ${type} are not looked up`);
    const left = bounds.remainingMs?.();
    if (bounds.signal.aborted || (left !== undefined && left <= 0)) throw new DnsError('ETIMEOUT', 'out of time');
    const answer = await resolver.lookup(type, name, {
      signal: bounds.signal,
      ...(left === undefined ? {} : { timeoutMs: left }),
    });
    return recordsOf(answer);
  };
}

const TYPES = new Set<string>(['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME', 'NS'] satisfies RecordType[]);

function isRecordType(type: string): type is RecordType {
  return TYPES.has(type);
}

/** Fresh copies, since mailauth sorts what it is given. Its types leave MX out, though it asks for them. */
function recordsOf(answer: DnsAnswer): string[] | string[][] {
  if (answer.status === 'found') return answer.records.map(copyOf) as string[] | string[][];
  if (!isFailure(answer)) {
    throw answer.status === 'nxdomain'
      ? new DnsError('ENOTFOUND', 'the name does not exist')
      : new DnsError('ENODATA', 'the name has no such record');
  }
  throw new DnsError(CODES[answer.status], `${answer.status}: ${answer.detail}`);
}

function copyOf(record: RecordShapes[RecordType]): unknown {
  if (typeof record === 'string') return record;
  return 'exchange' in record ? { ...record } : [...record];
}

/** `invalid` is a name that cannot exist in the DNS: a fact, not a failure, and mailauth reads EBADNAME so. */
const CODES = {
  servfail: 'ESERVFAIL',
  refused: 'EREFUSED',
  timeout: 'ETIMEOUT',
  malformed: 'EBADRESP',
  busy: 'ETIMEOUT',
  invalid: 'EBADNAME',
} as const;
