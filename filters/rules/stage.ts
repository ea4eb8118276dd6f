// The rule stage: runs the core rules and those of the site over a message and reports each that hits with its score.
// Looks nothing up, and takes a rule file for data: a broken one is told and left out, the rest runs.
import type { AttachedFiles } from '../../config/attached.js';
import type { Problem } from '../../config/problem.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Check, MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { evaluateRules, type RuleHit, type RuleResult } from '../../rules/evaluate.js';
import { RuleMail } from '../../rules/mail/rule-mail.js';
import type { Refusal } from '../../rules/definition.js';
import { readCoreRules, refusalText, type LoadedRules } from '../../rules/load.js';
import { ruleFindings, TEXT_CUT } from './findings.js';
import { ruleSettings, type RuleSettings } from './settings.js';
import { completeRuleSettings, hasSiteRules, loadSiteRules, siteRuleFiles } from './site.js';

/** What later stages may read of this one. */
export interface RuleFacts {
  readonly score: number;
  /** Rules that hit, in name order. */
  readonly hits: readonly { readonly name: string; readonly count: number; readonly score: number }[];
  /** Sub-rules that hit, in name order. */
  readonly subRules: readonly string[];
}

/** The time for one message ran out: the break policy decides. */
export class RuleTimeError extends Error {
  override readonly name = 'RuleTimeError';
  constructor(hits: number) {
    super(`rules: out of time, ${hits} rules had hit until then`);
  }
}

/** Refusals named in one alert or check. */
const REFUSALS_SHOWN_MAX = 3;
/** Raised while a rule of the site is refused. */
const ALERT = 'rules-refused';

export const rulesStage: StageModule<typeof ruleSettings> = {
  spec: {
    name: 'rules',
    summary: 'Scores a message by rules on its header, text, links and form.',
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: [],
    settings: ruleSettings,
    complete: completeRuleSettings,
    files: siteRuleFiles,
    complaints: (settings, files) =>
      hasSiteRules(settings, files)
        ? loadSiteRules(settings, files)
            .refusals.filter(({ line }) => line > 0)
            .map(problemOf)
        : [],
    findings: ruleFindings(readCoreRules()),
    onBreak: 'tempfail',
    timeLimitMs: 10_000,
  },
  create: (settings, outside, files) => makeStage(settings, outside, files),
};

const problemOf = ({ file, line, reason }: Refusal): Problem => ({ file, line, column: 0, message: reason });

function makeStage(settings: RuleSettings, outside: Outside, files: AttachedFiles): Stage {
  const loaded = loadSiteRules(settings, files);
  outside.alert(ALERT, loaded.refusals.length > 0, refusalsShown(loaded));
  return {
    onMessage: (job) => judge(job, loaded, settings.textMaxBytes, outside),
    check: () => Promise.resolve([checkLine(loaded)]),
  };
}

function judge(job: MessageJob, { set }: LoadedRules, textMaxBytes: number, outside: Outside): StageReport {
  const inputs = new RuleMail(job.message, job.transaction, textMaxBytes, outside.countries);
  const result = evaluateRules(set, inputs, {
    deadline: job.deadline,
    monotonicMs: () => outside.clock.monotonicMs(),
  });
  if (result.outOfTime) throw new RuleTimeError(result.hits.length);
  const findings = result.hits.map(findingOf);
  if (inputs.cut) findings.push(finding(TEXT_CUT, 0, `${textMaxBytes} bytes looked at`));
  return { findings, facts: factsOf(result), subRules: result.subRules };
}

function findingOf({ rule, count, score, evidence }: RuleHit): Finding {
  const times = rule.countMax > 1 && count > 1 ? `${count} times` : '';
  return finding(rule.name, score, [evidence, times].filter((part) => part !== '').join(', '));
}

function finding(id: string, score: number, evidence: string): Finding {
  return { id, category: 'spam', group: 'rules', score, evidence };
}

function factsOf({ score, hits, subRules }: RuleResult): RuleFacts {
  return { score, hits: hits.map((hit) => ({ name: hit.rule.name, count: hit.count, score: hit.score })), subRules };
}

function refusalsShown({ refusals }: LoadedRules): string {
  const shown = refusals.slice(0, REFUSALS_SHOWN_MAX).map(refusalText);
  const more = refusals.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

function checkLine(loaded: LoadedRules): Check {
  const count = `${loaded.set.rules.length + loaded.set.metas.length} rules`;
  if (loaded.refusals.length === 0) return { name: 'rules', state: 'ok', detail: count };
  return { name: 'rules', state: 'warn', detail: `${count}; not taken: ${refusalsShown(loaded)}` };
}
