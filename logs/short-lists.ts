// Findings, exemptions and recipients as short lists, the form in which a row keeps them, and back. Entries at the end may
// be missing: rows written before there were any lack them.
import type { Exemption, StagedFinding } from '../pipeline/finding.js';
import type { RecipientOutcome } from './event.js';

export type FindingList = readonly [
  stage: string,
  category: StagedFinding['category'],
  group: StagedFinding['group'] | null,
  id: string,
  score: number,
  evidence: string,
  recipient: number | null,
  mark?: NonNullable<StagedFinding['mark']>,
];

export type ExemptionList = readonly [check: Exemption['check'], rule: string, recipient?: number];

export type RecipientList = readonly [
  address: string,
  direction: RecipientOutcome['direction'],
  action: RecipientOutcome['action'],
  score: number,
  category: RecipientOutcome['category'],
  quarantineId: string | null,
  /** `tagAt`, `quarantineAt`, `rejectAt`; missing in rows written before they were kept. */
  thresholds?: readonly [number | null, number | null, number | null],
];

export function exemptionToList({ check, rule, recipient }: Exemption): ExemptionList {
  return recipient === undefined ? [check, rule] : [check, rule, recipient];
}

export function listToExemption([check, rule, recipient]: ExemptionList): Exemption {
  return { check, rule, ...(recipient === undefined ? {} : { recipient }) };
}

export function findingToList(finding: StagedFinding): FindingList {
  const { stage, category, group, id, score, evidence, recipient, mark } = finding;
  const list = [stage, category, group ?? null, id, score, evidence, recipient ?? null] as const;
  return mark === undefined ? list : [...list, mark];
}

export function listToFinding([
  stage,
  category,
  group,
  id,
  score,
  evidence,
  recipient,
  mark,
]: FindingList): StagedFinding {
  return {
    stage,
    category,
    id,
    score,
    evidence,
    ...(group === null || group === undefined ? {} : { group }),
    ...(recipient === null ? {} : { recipient }),
    ...(mark === undefined ? {} : { mark }),
  };
}

export function recipientToList(outcome: RecipientOutcome): RecipientList {
  const { address, direction, action, score, category, quarantineId, thresholds } = outcome;
  const list = [address, direction, action, score, category, quarantineId] as const;
  if (thresholds === null) return list;
  return [...list, [thresholds.tagAt, thresholds.quarantineAt, thresholds.rejectAt]];
}

export function listToRecipient([
  address,
  direction,
  action,
  score,
  category,
  quarantineId,
  at,
]: RecipientList): RecipientOutcome {
  const thresholds = at === undefined ? null : { tagAt: at[0], quarantineAt: at[1], rejectAt: at[2] };
  return { address, direction, action, score, thresholds, category, quarantineId };
}
