// Identifier alignment (RFC 7489 §3.1): whether a domain that was authenticated is that of the From field. Pure
// comparison of names; both sides may come in any spelling, and what is no domain name aligns with nothing.
import { canonicalDomain, organisationalDomain } from './domain.js';

export type Alignment = 'strict' | 'relaxed' | null;

/** `strict`: the same name. `relaxed`: the same organisational domain. Null: neither, or one of them is no domain. */
export function alignmentOf(domain: string, fromDomain: string): Alignment {
  const left = canonicalDomain(domain);
  const right = canonicalDomain(fromDomain);
  if (left === null || right === null) return null;
  if (left === right) return 'strict';
  return organisationalDomain(left) === organisationalDomain(right) ? 'relaxed' : null;
}

/** Whether that alignment satisfies a domain that asks for `mode` (tags `adkim` and `aspf`). */
export function satisfies(alignment: Alignment, mode: 'r' | 's'): boolean {
  return alignment === 'strict' || (alignment === 'relaxed' && mode === 'r');
}
