// The rules of the settings file among those of the store: they are listed, found and counted as the others are, and only
// the file changes them.
import type { Command } from 'commander';
import { pinnedRules, type AccessSettings } from '../../filters/access/settings.js';
import { accessStage } from '../../filters/access/stage.js';
import type { AccessRule } from '../../filters/access/rule.js';
import type { RuleFilter } from '../../filters/access/search.js';
import { fold } from '../../logs/fold.js';
import { stageSection } from '../../pipeline/stage-section.js';
import { readSettings } from '../settings.js';
import type { StoreCall } from '../store-access.js';
import type { Counts, ListedRule } from './methods.js';

/** Rules of one question about counts; `access.rules` takes more than one socket message should hold. */
const ASKED_AT_ONCE = 1_000;

/** The rules that the command's settings file pins. */
export function pinnedIn(program: Command): readonly AccessRule[] {
  const configuration = readSettings(program.opts<{ config?: string }>().config);
  return pinnedRules(configuration.section(stageSection(accessStage.spec)) as AccessSettings);
}

/** With how often they held. */
export async function withCounts(call: StoreCall, rules: readonly AccessRule[]): Promise<readonly ListedRule[]> {
  const listed: ListedRule[] = [];
  for (let from = 0; from < rules.length; from += ASKED_AT_ONCE) {
    const some = rules.slice(from, from + ASKED_AT_ONCE);
    const counts = await call<readonly Counts[]>('access.counts', { ids: some.map(({ id }) => id) });
    listed.push(...some.map((rule, index) => ({ ...rule, ...(counts[index] ?? { hits: null, lastHitAt: null }) })));
  }
  return listed;
}

/** Whether a list with that filter shows the rule, as the store would say of its own. */
export function fits(rule: AccessRule, filter: RuleFilter, nowMs: number): boolean {
  const { kind, effect, scope, name, value, note, author } = rule;
  const isWanted = (key: 'kind' | 'effect' | 'scope'): boolean =>
    filter[key] === undefined || filter[key] === { kind, effect, scope }[key];
  if (!isWanted('kind') || !isWanted('effect') || !isWanted('scope')) return false;
  if (filter.state !== undefined && filter.state !== stateOf(rule, nowMs)) return false;
  return fold([name, value, note, author, scope].join('\n')).includes(fold(filter.text ?? ''));
}

function stateOf({ enabled, expiresAt }: AccessRule, nowMs: number): RuleFilter['state'] {
  if (!enabled) return 'off';
  return expiresAt !== null && expiresAt <= nowMs ? 'expired' : 'on';
}
