// The rule stage: runs the core rules and those of the site over a message and reports each that hits with its score.
// Rules that need look-ups are asked for first, all at once, where the settings allow it. A rule file is data: a broken
// one is told and left out, the rest runs.
import { setImmediate } from 'node:timers/promises';
import type { AttachedFiles } from '../../config/attached.js';
import type { Problem } from '../../config/problem.js';
import type { Resolver } from '../../outside/resolver.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Check, MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { evaluateInSlices, type RuleHit, type RuleResult, type Slices } from '../../rules/evaluate.js';
import { RuleMail } from '../../rules/mail/rule-mail.js';
import type { Refusal } from '../../rules/definition.js';
import { askDns } from '../../rules/dns/ask.js';
import type { DnsHits } from '../../rules/dns/hits.js';
import { askingRules, planDns, type DnsPlan } from '../../rules/dns/plan.js';
import { readCoreRules, refusalText, type LoadedRules } from '../../rules/load.js';
import { prepareInSlices } from '../../rules/prepare.js';
import type { AuthenticationFacts } from '../authentication/facts.js';
import { SLICE_MS } from '../work-through.js';
import { findingsCovered } from './covered.js';
import { DNS_CUT, DNS_FAILED, GAVE_UP, ruleFindings, SHORTCIRCUIT, TEXT_CUT } from './findings.js';
import { listedByScores } from './listed.js';
import { ruleSettings, type RuleSettings } from './settings.js';
import { checkUpdateSettings } from './update-settings.js';
import {
  completeRuleSettings,
  hasSiteRules,
  loadSiteRules,
  loadSiteRulesAside,
  openSiteCache,
  siteRuleFiles,
} from './site.js';

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

/** Rules run this long before other messages get their turn. */
const SLICES: Slices = { sliceMs: SLICE_MS, pause: () => setImmediate() };
/** Of the time for one message, what look-ups may take. */
const DNS_SHARE = 0.6;
/** Refusals named in one alert or check. */
const REFUSALS_SHOWN_MAX = 3;
/** Rules named that look things up and cannot. */
const LEFT_SHOWN_MAX = 3;
/** Rules named that took too many steps. */
const GAVE_UP_SHOWN_MAX = 5;
/** Raised while a rule of the site is refused. */
const ALERT = 'rules-refused';
/** Raised while compiled rules cannot be kept, or were damaged. */
const NOT_KEPT = 'rules-not-kept';

export const rulesStage: StageModule<typeof ruleSettings> = {
  spec: {
    name: 'rules',
    summary: 'Scores a message by rules on its header, text, links and form.',
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: ['authentication', 'lists'],
    settings: ruleSettings,
    check: ({ update }) => checkUpdateSettings(update),
    complete: completeRuleSettings,
    files: siteRuleFiles,
    complaints: (settings, files) => (hasSiteRules(settings, files) ? complaintsOf(settings, files) : []),
    findings: ruleFindings(readCoreRules()),
    onBreak: 'tempfail',
    timeLimitMs: 10_000,
  },
  create: (settings, outside, files) => makeStage(settings, outside, files),
};

/** Lines that are refused; of the files that settings name one by one also those about rules that do not exist. */
function complaintsOf(settings: RuleSettings, files: AttachedFiles): readonly Problem[] {
  // What is compiled here, workers find kept.
  const { refusals, notes } = loadSiteRules(settings, files, {
    network: settings.lookUps,
    cache: openSiteCache(settings),
  });
  const own = notes.filter(({ file }) => settings.files.includes(file));
  return [...refusals, ...own].filter(({ line }) => line > 0).map(problemOf);
}

const problemOf = ({ file, line, reason }: Refusal): Problem => ({ file, line, column: 0, message: reason });

async function makeStage(settings: RuleSettings, outside: Outside, files: AttachedFiles): Promise<Stage> {
  const resolver = settings.lookUps ? outside.resolver : null;
  const loaded = await load(settings, outside, files, resolver !== null);
  const judging = {
    loaded,
    outside,
    resolver,
    textMaxBytes: settings.textMaxBytes,
    plan: planDns(loaded.set, loaded.settings),
    covers: findingsCovered(loaded.set.byName),
  };
  outside.alert(ALERT, loaded.refusals.length > 0, refusalsShown(loaded));
  return {
    onMessage: (job) => judge(job, judging),
    check: () => Promise.resolve([checkLine(judging)]),
  };
}

/** The rules, ready for the first message; other messages get their turn meanwhile. */
async function load(
  settings: RuleSettings,
  outside: Outside,
  files: AttachedFiles,
  network: boolean,
): Promise<LoadedRules> {
  const troubles: string[] = [];
  const cache = openSiteCache(settings, (trouble) => troubles.push(trouble));
  const loaded = await loadSiteRulesAside(settings, files, { network, cache });
  await prepareInSlices(loaded.set, SLICES);
  outside.alert(NOT_KEPT, troubles.length > 0, troubles.join('; '));
  return loaded;
}

/** What judging any message takes. */
interface Judging {
  readonly loaded: LoadedRules;
  readonly outside: Outside;
  /** Null where rules may look nothing up. */
  readonly resolver: Resolver | null;
  readonly textMaxBytes: number;
  readonly plan: DnsPlan;
  /** Findings of other stages that rules in force score in their place. */
  readonly covers: readonly string[];
}

function judge(job: MessageJob, judging: Judging): StageReport | Promise<StageReport> {
  const { loaded, outside, resolver, textMaxBytes, plan } = judging;
  const mail = new RuleMail(job.message, job.transaction, textMaxBytes, outside.countries, {
    settings: loaded.settings,
    facts: { authentication: authenticationOf(job), bayes: null },
  });
  if (plan.isEmpty || resolver === null || !job.directions.includes('received')) return report(job, mail, judging);
  const timeoutMs = Math.max(0, job.deadline - outside.clock.monotonicMs()) * DNS_SHARE;
  return askDns(plan, mail, { resolver, timeoutMs, signal: job.signal }).then((hits) => {
    mail.dnsHits = hits;
    return report(job, mail, judging);
  });
}

function authenticationOf(job: MessageJob): AuthenticationFacts | null {
  return (job.results('authentication')?.facts as AuthenticationFacts | undefined) ?? null;
}

function report(job: MessageJob, mail: RuleMail, judging: Judging): StageReport | Promise<StageReport> {
  const { loaded, outside } = judging;
  const limit = { deadline: job.deadline, monotonicMs: () => outside.clock.monotonicMs() };
  const result = evaluateInSlices(loaded.set, mail, limit, SLICES);
  return result instanceof Promise
    ? result.then((found) => reportOf(found, mail, judging))
    : reportOf(result, mail, judging);
}

function reportOf(result: RuleResult, mail: RuleMail, { loaded, textMaxBytes, covers }: Judging): StageReport {
  if (result.outOfTime) throw new RuleTimeError(result.hits.length);
  const findings = result.hits.map(findingOf);
  const { shortcircuit, gaveUp } = result;
  if (shortcircuit !== null) findings.push(finding(SHORTCIRCUIT, shortcircuit.score, `after ${shortcircuit.rule}`));
  if (gaveUp.length > 0) findings.push(finding(GAVE_UP, 0, gaveUp.slice(0, GAVE_UP_SHOWN_MAX).join(' ')));
  findings.push(...lookUpFindings(mail.dnsHits));
  if (mail.cut) findings.push(finding(TEXT_CUT, 0, `${textMaxBytes} bytes looked at`));
  const covered = [...covers, ...listedByScores(loaded.set, result, mail.dnsHits)];
  return {
    findings,
    facts: factsOf(result),
    subRules: result.subRules,
    ...(covered.length > 0 && { covers: covered }),
  };
}

function lookUpFindings({ asked, failed, cut }: DnsHits): readonly Finding[] {
  return [
    ...(failed > 0 ? [finding(DNS_FAILED, 0, `${failed} of ${asked} look-ups`)] : []),
    ...(cut ? [finding(DNS_CUT, 0, `${asked} looked up`)] : []),
  ];
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

function checkLine({ loaded, resolver, plan }: Judging): Check {
  const rules = `${loaded.set.rules.length + loaded.set.metas.length} rules`;
  const refused = loaded.refusals.length > 0 ? [`not taken: ${refusalsShown(loaded)}`] : [];
  const detail = [rules, ...lookUpsShown(plan, resolver !== null), ...refused].join('; ');
  return { name: 'rules', state: refused.length > 0 ? 'warn' : 'ok', detail };
}

/** How many rules look things up, whether they may, and which of them cannot. */
function lookUpsShown(plan: DnsPlan, isOn: boolean): readonly string[] {
  const asking = askingRules(plan).length;
  const left = plan.left.slice(0, LEFT_SHOWN_MAX).map(({ name, reason }) => `${name} (${reason})`);
  const more = plan.left.length - left.length;
  const never = more > 0 ? `${left.join(', ')} and ${more} more` : left.join(', ');
  return [
    ...(asking > 0 ? [`${asking} look things up${isOn ? '' : ' and are off (rules.lookUps)'}`] : []),
    ...(left.length > 0 ? [`never hit: ${never}`] : []),
  ];
}
