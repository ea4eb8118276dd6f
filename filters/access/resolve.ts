// From rules that match to what holds: allow beats block, a final rule silences narrower ones, and a rule that waits for
// SPF or DKIM holds only once one of them vouched. Pure; knows neither mail nor time.
import type { CheckName } from '../../pipeline/finding.js';
import { checksOf, SCOPED_CHECKS } from './matrix.js';
import type { AccessRule } from './rule.js';
import type { Matches } from './table.js';

/** Whether SPF or DKIM vouches for the sender's domain; `unknown` before that can be known. */
export type Vouched = 'yes' | 'no' | 'unknown';

/** What the rules for everybody say. */
export interface GlobalWord {
  /** Allow rules that hold. */
  readonly allow: readonly AccessRule[];
  /** Allow rules that may yet hold. */
  readonly waiting: readonly AccessRule[];
  /** The block rule that holds: none where an allow rule does. */
  readonly block: AccessRule | null;
}

/** What the rules of a domain or user say. */
export interface ScopedWord {
  readonly rule: AccessRule;
  readonly scope: 'domain' | 'user';
}

/** The word of the rules for everybody. While some wait, a block is as it were none of them came to hold. */
export function globalWord(rules: readonly AccessRule[], vouched: Vouched): GlobalWord {
  const holding = rules.filter((rule) => holds(rule, vouched));
  const allow = holding.filter(({ effect }) => effect === 'allow');
  const waiting = vouched === 'unknown' ? rules.filter(({ authenticated }) => authenticated) : [];
  return { allow, waiting, block: allow.length > 0 ? null : strongestBlock(holding) };
}

/** The narrowest word on one recipient's mail, unless a wider rule is final; null where nobody says anything. */
export function scopedWord(matches: Matches, vouched: Vouched): ScopedWord | null {
  const isHeld = (rule: AccessRule): boolean => holds(rule, vouched);
  if (matches.global.some((rule) => rule.final && isHeld(rule))) return null;
  const domain = matches.domain.filter(isHeld);
  const user = domain.some(({ final }) => final) ? [] : matches.user.filter(isHeld);
  const [rules, scope] = user.length > 0 ? ([user, 'user'] as const) : ([domain, 'domain'] as const);
  const rule = rules.find(({ effect }) => effect === 'allow') ?? strongestBlock(rules);
  return rule === null ? null : { rule, scope };
}

/** What an allow rule spares its mail. */
export function sparedBy({ kind, skips, scope }: AccessRule): readonly CheckName[] {
  return scope === 'global' ? checksOf(kind, skips) : SCOPED_CHECKS;
}

function holds({ authenticated }: AccessRule, vouched: Vouched): boolean {
  return !authenticated || vouched === 'yes';
}

/** A refusal tells the sender, so it goes before a silent loss. */
function strongestBlock(rules: readonly AccessRule[]): AccessRule | null {
  return rules.find(({ effect }) => effect === 'reject') ?? rules.find(({ effect }) => effect === 'discard') ?? null;
}
