// Reports of several stages to one body of facts: list order, and a fact scores once. Pure.
import type { Edit } from './answer.js';
import type { Exemption, StagedFinding } from './finding.js';
import type { SealBasis, StageReport } from './stage.js';

export interface StagedReport {
  readonly stage: string;
  readonly report: StageReport;
}

/** What stages said together. */
export interface Merged {
  readonly findings: readonly StagedFinding[];
  readonly edits: readonly Edit[];
  readonly subRules: readonly string[];
  readonly sealBasis: SealBasis | null;
  /** Checks that rules spare the message or a recipient: findings of these do not count. */
  readonly exempts: readonly Exemption[];
}

/** Reports in the order in which they count. */
export function mergeReports(reports: readonly StagedReport[]): Merged {
  const covered = new Set(reports.flatMap(({ report }) => report.covers ?? []));
  const findings: StagedFinding[] = [];
  const edits: Edit[] = [];
  const subRules: string[] = [];
  const exempts: Exemption[] = [];
  let sealBasis: SealBasis | null = null;
  for (const { stage, report } of reports) {
    for (const { about = [], ...finding } of report.findings) {
      // A fact scores once.
      const isCovered = finding.category === 'spam' && [finding.id, ...about].some((name) => covered.has(name));
      findings.push({ ...finding, score: isCovered ? 0 : finding.score, stage });
    }
    if (report.edits) edits.push(...report.edits);
    if (report.subRules) subRules.push(...report.subRules);
    if (report.exempts) exempts.push(...report.exempts);
    sealBasis = report.sealBasis ?? sealBasis;
  }
  return { findings, edits, subRules, sealBasis, exempts };
}
