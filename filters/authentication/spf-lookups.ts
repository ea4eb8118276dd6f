// The look-ups of one SPF check under RFC 7208's limits (§4.6.4): terms that ask DNS, answers without records, addresses
// per MX or PTR term, and time. Gives functions as mailauth calls them; what goes over a limit ends the check.
import type { Clock } from '../../outside/clock.js';
import type { Resolver } from '../../outside/resolver.js';
import { DnsError, mailauthResolver, type MailauthResolver } from './mailauth-dns.js';

/** Terms that look up (a, mx, ptr, exists, include, redirect, and each use of the macro p). */
export const SPF_TERMS_MAX = 10;
/** Answers without records among those terms; one more is an error. */
export const SPF_VOIDS_MAX = 2;
/** Names of one MX term whose addresses are asked for; more are an error. Of PTR names the rest is left out. */
export const SPF_NAMES_MAX = 10;
/** Longest record that is read, bytes. The RFC sets none; the longest ones seen are below half of it. */
export const SPF_RECORD_BYTES_MAX = 8_192;

/** Ends a check with that result. `code` is the one that mailauth lets pass everywhere, even out of a PTR look-up. */
export class SpfStop extends Error {
  readonly code = 'ESPFTIMELIMIT';
  readonly spfResult: { readonly error: 'temperror' | 'permerror'; readonly text: string };
  constructor(error: 'temperror' | 'permerror', text: string) {
    super(text);
    this.spfResult = { error, text };
  }
}

/** What bounds one check. */
export interface SpfBounds {
  readonly resolver: Resolver;
  readonly signal: AbortSignal;
  /** ms on the clock's monotonic scale. */
  readonly deadline: number;
  readonly clock: Clock;
}

export class SpfLookups {
  readonly #ask: MailauthResolver;
  /** The first look-up is the domain's own record, which counts for nothing. */
  #terms = -1;
  #voids = 0;

  constructor(private readonly bounds: SpfBounds) {
    this.#ask = mailauthResolver(bounds.resolver, {
      signal: bounds.signal,
      remainingMs: () => bounds.deadline - bounds.clock.monotonicMs(),
    });
  }

  /** One look-up of a term: counted. */
  readonly term: MailauthResolver = async (name, type) => {
    if (++this.#terms > SPF_TERMS_MAX) throw new SpfStop('permerror', `more than ${SPF_TERMS_MAX} terms that look up`);
    const records = await this.#lookup(name, type);
    if (records.length === 0 && ++this.#voids > SPF_VOIDS_MAX) {
      throw new SpfStop('permerror', `more than ${SPF_VOIDS_MAX} look-ups without an answer`);
    }
    return type === 'TXT' ? withoutOverlong(records) : records;
  };

  /** Look-ups of the addresses of one term's MX or PTR names. */
  readonly namesOfTerm = (): MailauthResolver => {
    let names = 0;
    return async (name, type) => {
      if (++names > SPF_NAMES_MAX) throw new SpfStop('permerror', `more than ${SPF_NAMES_MAX} names in one term`);
      return this.#lookup(name, type);
    };
  };

  /** Look-ups for an explanation: outside the limits but for time (§4.6.4). */
  readonly explanation: MailauthResolver = async (name, type) => this.#lookup(name, type);

  /** Records; none where the name or the record is absent, or where the name is none. Otherwise the check's end. */
  async #lookup(name: string, type: string): Promise<string[] | string[][]> {
    this.#checkTime();
    try {
      return await this.#ask(name, type);
    } catch (error) {
      if (!(error instanceof DnsError)) throw error;
      if (ABSENT.has(error.code)) return [];
      this.#checkTime();
      throw Object.assign(new Error(error.message), {
        spfResult: { error: 'temperror', text: `${type} of ${name}: ${error.message}` },
      });
    }
  }

  #checkTime(): void {
    const { signal, clock, deadline } = this.bounds;
    if (signal.aborted || clock.monotonicMs() >= deadline) throw new SpfStop('temperror', 'out of time');
  }
}

const ABSENT = new Set<string>(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

function withoutOverlong(records: string[] | string[][]): string[] | string[][] {
  for (const record of records) {
    const text = typeof record === 'string' ? record : record.join('');
    if (text.length > SPF_RECORD_BYTES_MAX && /^v=spf1(?: |$)/i.test(text)) {
      throw new SpfStop('permerror', `a record longer than ${SPF_RECORD_BYTES_MAX} bytes`);
    }
  }
  return records;
}
