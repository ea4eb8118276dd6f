// The npm package dnsbl as a second witness beside our own look-up, for `weir check-ip` and the check of own addresses. It
// tells less than it seems to: an error code reads as listed, a time-out as not listed. So it is believed only for what it
// does show, that some address came or that none did, and never for what that means.
import { lookup } from 'dnsbl';

/** Look-ups at once. */
const CONCURRENCY = 16;

/** `answer`: an address of any kind came. `no-answer`: not listed, or no answer at all: it cannot tell which. */
export type Witness = 'answer' | 'no-answer';

/**
 * Asks each zone, by servers of ours: the package has its own otherwise. Each look-up has a resolver of its own, since one
 * that runs out of time calls off all others of its resolver. Timers of the package outlive its answers by `timeoutMs`.
 */
export async function askPackage(
  address: string,
  zones: readonly string[],
  options: { readonly servers: readonly string[]; readonly timeoutMs: number },
): Promise<ReadonlyMap<string, Witness>> {
  const found = new Map<string, Witness>();
  const waiting = [...new Set(zones)];
  const work = async (): Promise<void> => {
    for (let zone = waiting.shift(); zone !== undefined; zone = waiting.shift()) {
      const came = await lookup(address, zone, { timeout: options.timeoutMs, servers: options.servers });
      found.set(zone, came ? 'answer' : 'no-answer');
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, waiting.length) }, work));
  return found;
}

/** Whether the witness contradicts what our own look-up saw. Where we know nothing, nothing contradicts. */
export function contradicts(witness: Witness, state: 'listed' | 'not-listed' | 'unknown'): boolean {
  return (state === 'listed' && witness === 'no-answer') || (state === 'not-listed' && witness === 'answer');
}
