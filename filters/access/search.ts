// What a list of rules is asked for, as a condition on their table: words anywhere in a rule, and its plain properties.
import { fold } from '../../logs/fold.js';
import type { SqlValue } from '../../outside/database.js';
import type { RuleEffect, RuleKind, Scope } from './rule.js';

/** All that is given must hold. */
export interface RuleFilter {
  /** Stands somewhere in name, value, note, author or scope; capitals are small letters. */
  readonly text?: string;
  readonly name?: string;
  readonly kind?: RuleKind;
  readonly effect?: RuleEffect;
  readonly scope?: Scope;
  /** `on`: holds now. `off`: switched off. `expired`: was on, and its time is over. */
  readonly state?: 'on' | 'off' | 'expired';
}

export interface Conditions {
  readonly where: string;
  readonly params: readonly SqlValue[];
}

/** `before`: the last id of the page before. */
export function conditionsFor(filter: RuleFilter, nowMs: number, before?: string): Conditions {
  const { text, name, kind, effect, scope, state } = filter;
  const tests: (readonly [string, ...SqlValue[]])[] = [];
  if (before !== undefined) tests.push(['id < ?', before]);
  if (name !== undefined) tests.push(['name = ?', name]);
  if (kind !== undefined) tests.push(['kind = ?', kind]);
  if (effect !== undefined) tests.push(['effect = ?', effect]);
  if (scope !== undefined) tests.push(['scope = ?', scope]);
  if (text !== undefined && text !== '')
    tests.push([
      `folded_contains(name || '\n' || value || '\n' || note || '\n' || author || '\n' || scope, ?)`,
      fold(text),
    ]);
  if (state === 'off') tests.push(['enabled = 0']);
  if (state === 'on') tests.push(['enabled = 1 AND (expires_at IS NULL OR expires_at > ?)', nowMs]);
  if (state === 'expired') tests.push(['enabled = 1 AND expires_at <= ?', nowMs]);
  if (tests.length === 0) return { where: 'true', params: [] };
  return { where: tests.map(([sql]) => `(${sql})`).join(' AND '), params: tests.flatMap(([, ...params]) => params) };
}
