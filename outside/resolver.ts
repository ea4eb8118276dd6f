// The resolver as the house sees it: one question, one answer that says which of the things that can happen did. A
// look-up never throws and never outlasts its limit; what failed is told apart from what does not exist.

/** The record types asked for, with what one record of each looks like. TXT is the strings of one record, as latin1. */
export interface RecordShapes {
  readonly A: string;
  readonly AAAA: string;
  readonly MX: { readonly exchange: string; readonly priority: number };
  readonly TXT: readonly string[];
  readonly PTR: string;
  readonly CNAME: string;
  readonly NS: string;
}
export type RecordType = keyof RecordShapes;

/** `stale`: taken from the cache after its time, since the servers failed and the settings allow it. */
export interface FoundAnswer<Type extends RecordType> {
  readonly status: 'found';
  readonly records: readonly RecordShapes[Type][];
  /** Seconds it may still be kept. */
  readonly ttlS: number;
  readonly stale: boolean;
}

/** The name does not exist (RFC 8020), or it has no record of that type (RFC 2308 §2.2). Both are facts, not failures. */
export interface AbsentAnswer {
  readonly status: 'nxdomain' | 'nodata';
  readonly ttlS: number;
}

/**
 * Nothing is known. `servfail`, `refused`: a server said so. `timeout`: none answered in time. `malformed`: what came was
 * no answer. `busy`: over the cap of questions in flight. `invalid`: the name cannot be asked for (RFC 1035 §2.3.4).
 */
export interface FailedAnswer {
  readonly status: 'servfail' | 'refused' | 'timeout' | 'malformed' | 'busy' | 'invalid';
  readonly detail: string;
}

export type DnsAnswer<Type extends RecordType = RecordType> = FoundAnswer<Type> | AbsentAnswer | FailedAnswer;

export interface LookupOptions {
  /** Gives `timeout` when aborted. */
  readonly signal?: AbortSignal;
  /** Whether the question itself ends with the signal when nobody else waits for its answer; else it goes on for the cache. */
  readonly callsOff?: boolean;
  /** Longest wait of this look-up, ms, within the resolver's own limit. */
  readonly timeoutMs?: number;
  /** Asks the servers whatever the cache holds; what they say is kept as always. */
  readonly fresh?: boolean;
}

export interface Resolver {
  lookup<Type extends RecordType>(type: Type, name: string, options?: LookupOptions): Promise<DnsAnswer<Type>>;
}

/** Whether nothing is known: neither found nor told to be absent. */
export function isFailure(answer: DnsAnswer): answer is FailedAnswer {
  return answer.status !== 'found' && answer.status !== 'nxdomain' && answer.status !== 'nodata';
}
