// Which findings count for a recipient: what a rule of the administrator's spares stands in the log and weighs nothing
// (product A7). Pure: findings, exemptions and the catalogue in.
import type { CheckName, Exemption, FindingSpec, StagedFinding } from './finding.js';

/** What the specification of a finding asks for beyond its category, by finding id. */
export type SpecTable = ReadonlyMap<string, Pick<FindingSpec, 'action' | 'reply' | 'check'>>;

/** What findings are judged with: those that were made, and what is spared. */
export interface Found {
  readonly findings: readonly StagedFinding[];
  /** None in what was logged before there were any. */
  readonly exempts?: readonly Exemption[];
}

const FAMILY = '*';

/** The findings that hold for one recipient, spared ones included: those about the message and its own. */
export function findingsFor(findings: readonly StagedFinding[], recipient: number): readonly StagedFinding[] {
  return findings.filter((finding) => finding.recipient === undefined || finding.recipient === recipient);
}

/** The findings that count for one recipient. */
export function countedFor(
  { findings, exempts }: Found,
  recipient: number,
  specs: SpecTable,
): readonly StagedFinding[] {
  const own = findingsFor(findings, recipient);
  const spared = exemptionsFor(exempts, recipient);
  return spared.length === 0 ? own : own.filter((finding) => sparing(finding, spared, specs) === null);
}

/** The exemption by which a finding does not count for that recipient, or null where it counts. */
export function exemptionOf(
  finding: StagedFinding,
  exempts: Found['exempts'],
  recipient: number,
  specs: SpecTable,
): Exemption | null {
  return sparing(finding, exemptionsFor(exempts, recipient), specs);
}

/** Whether some rule could spare it: what none can spare is a cap, a block or a breach that concerns everybody. */
export function isSparable(finding: StagedFinding, specs: SpecTable): boolean {
  return checkOf(finding, specs) !== null;
}

function exemptionsFor(exempts: Found['exempts'], recipient: number): readonly Exemption[] {
  return exempts?.filter((one) => one.recipient === undefined || one.recipient === recipient) ?? [];
}

/** Whoever is spared the spam score is spared all of it, whichever check a part of it comes from. */
function sparing(finding: StagedFinding, exempts: readonly Exemption[], specs: SpecTable): Exemption | null {
  if (exempts.length === 0) return null;
  const check = checkOf(finding, specs);
  const isSpam = finding.category === 'spam';
  return exempts.find((one) => one.check === check || (isSpam && one.check === 'spam')) ?? null;
}

/** What a finding is part of for allow rules: as its specification says, else by its category. */
export function checkOf({ id, category }: StagedFinding, specs: SpecTable): CheckName | null {
  const check = specOf(id, specs)?.check;
  if (check !== undefined) return check;
  switch (category) {
    case 'virus':
      return 'antivirus';
    case 'dnsbl':
    case 'spf':
    case 'dkim':
    case 'dmarc':
    case 'greylist':
    case 'spam':
      return category;
    default:
      return null;
  }
}

/** The specification of a finding, also of a member of a family (`NAME_*`); the longest name fits best. */
function specOf(id: string, specs: SpecTable): Pick<FindingSpec, 'check'> | undefined {
  const exact = specs.get(id);
  if (exact !== undefined) return exact;
  for (let end = id.length; end > 0; end -= 1) {
    const family = id.charAt(end - 1) === '_' ? specs.get(id.slice(0, end) + FAMILY) : undefined;
    if (family !== undefined) return family;
  }
  return undefined;
}
