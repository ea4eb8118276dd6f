// The rules that a command speaks of: those of paths given, or those in force under the settings; and their catalogue,
// one entry a rule. Reads files; changes nothing.
import { FILES_ON_DISK } from '../../config/attached.js';
import type { Configuration } from '../../config/load.js';
import type { Section } from '../../config/section.js';
import { CORE_RULES_COVERED } from '../../filters/rules/covered.js';
import type { RuleSettings } from '../../filters/rules/settings.js';
import { loadSiteRules, siteRulePaths, switchesFile } from '../../filters/rules/site.js';
import { COMPILE_DEFAULTS, type Rule } from '../../rules/compile.js';
import { isSubRule, type Scores, type Statement } from '../../rules/definition.js';
import { askingRules, planDns } from '../../rules/dns/plan.js';
import { loadRules, readCoreRules, readRuleFiles, type LoadedRules } from '../../rules/load.js';

/** Rules with the statements they were made of, in the order they were read. */
export interface RulesAtHand extends LoadedRules {
  readonly statements: readonly Statement[];
  /** Null for rules of paths that were given. */
  readonly stage: RuleSettings | null;
}

/** One rule as lists and explanations show it. */
export interface CatalogueEntry {
  readonly name: string;
  /** `header`, `body`, `rawbody`, `uri`, `full`, `meta`, `mimeheader`, `eval` … */
  readonly type: string;
  readonly enabled: boolean;
  /** Why it does not run; '' when it does. */
  readonly reason: string;
  /** Points in the score set of these rules; 0 for a sub-rule. */
  readonly score: number;
  /** The four score sets where a line gives them. */
  readonly scores: Scores | null;
  readonly description: string;
  readonly flags: readonly string[];
  readonly priority: number;
  readonly file: string;
  readonly line: number;
}

/** Rules of these files and directories alone, with the core rules below them when asked for. */
export function rulesOfPaths(paths: readonly string[], core = false): RulesAtHand {
  const loaded = loadRules(paths, { core, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK });
  const statements = [...(core ? readCoreRules() : []), ...readRuleFiles(paths, FILES_ON_DISK, true).statements];
  return { ...loaded, statements, stage: null };
}

/** Rules as the server would run them under a configuration. */
export function rulesOfSettings(configuration: Configuration): RulesAtHand {
  const settings = ruleSettingsOf(configuration);
  const { attached } = configuration;
  const site = readRuleFiles(siteRulePaths(settings), attached, !settings.lookUps).statements;
  const statements = [...(settings.core ? readCoreRules() : []), ...site];
  return { ...loadSiteRules(settings, attached, { network: settings.lookUps }), statements, stage: settings };
}

/** Rules of the paths given; with none, those in force, for which every stage's settings are loaded. */
export async function rulesAtHand(
  paths: readonly string[],
  config: string | undefined,
  core = false,
): Promise<RulesAtHand> {
  if (paths.length > 0) return rulesOfPaths(paths, core);
  const { readSettings } = await import('../settings.js');
  return rulesOfSettings(readSettings(config));
}

/** The section of the rule stage. */
export function ruleSettingsOf(configuration: Configuration): RuleSettings {
  return configuration.section({ name: 'rules' } as Pick<Section, 'name' | 'schema'>) as unknown as RuleSettings;
}

/** Every rule that is defined, in name order, whether it runs or not. */
export function catalogue(at: RulesAtHand): readonly CatalogueEntry[] {
  const running = new Map<string, Rule>([...at.set.rules, ...at.set.metas].map((rule) => [rule.name, rule]));
  const scores = new Map(at.statements.flatMap((one) => (one.kind === 'score' ? [[one.name, one] as const] : [])));
  const unable = rulesUnable(at);
  const defined = new Map(at.statements.flatMap((one) => (one.kind === 'rule' ? [[one.name, one] as const] : [])));
  return [...defined.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((statement) => {
      const rule = running.get(statement.name);
      const unasked = unable.get(statement.name) ?? '';
      return {
        name: statement.name,
        type: typeOf(statement),
        enabled: rule !== undefined && unasked === '',
        reason: rule === undefined ? reasonOf(statement, at, { defined, score: scores.get(statement.name) }) : unasked,
        score: isSubRule(statement.name) ? 0 : (rule?.score ?? 0),
        scores: scores.get(statement.name)?.scores ?? null,
        description: rule?.description ?? describedBy(statement.name, at),
        flags: [...(rule?.flags ?? [])],
        priority: rule?.priority ?? 0,
        file: statement.file,
        line: statement.line,
      };
    });
}

function typeOf({ test }: Extract<Statement, { kind: 'rule' }>): string {
  if (test.kind === 'text') return test.input;
  if (test.kind === 'exists') return 'header';
  return test.kind === 'uriDetail' ? 'uri_detail' : test.kind;
}

function describedBy(name: string, { statements }: RulesAtHand): string {
  const texts = statements.flatMap((one) => (one.kind === 'describe' && one.name === name ? [one.text] : []));
  return texts.at(-1) ?? '';
}

/** Rules that are loaded and can never hit, with why: nobody is asked, or this engine cannot ask. */
export function rulesUnable({ set, settings, stage }: RulesAtHand): ReadonlyMap<string, string> {
  const plan = planDns(set, settings);
  const off = stage === null ? 'commands look nothing up' : 'rules.lookUps is off';
  const asking = stage?.lookUps === true ? [] : askingRules(plan);
  return new Map([
    ...asking.map((name) => [name, off] as const),
    ...plan.left.map((one) => [one.name, one.reason] as const),
  ]);
}

/** Why a rule that is defined does not run. `score`: the last line that gives it one. */
function reasonOf(
  { name, file, line }: RuleStatement,
  at: RulesAtHand,
  {
    defined,
    score,
  }: { readonly defined: ReadonlyMap<string, RuleStatement>; readonly score: ScoreStatement | undefined },
): string {
  const refused = at.refusals.find((one) => one.line > 0 && one.file === file && one.line === line);
  if (refused !== undefined) return refused.reason;
  if (at.stage?.disabled.includes(name) === true) return 'switched off by rules.disabled';
  if (at.stage?.scores[name] === 0) return 'score 0 by rules.scores';
  const dir = at.stage?.dir ?? null;
  const isZero = score?.scores[at.stage?.lookUps === true ? 1 : 0] === 0;
  if (isZero) return dir !== null && score.file === switchesFile(dir) ? 'switched off' : zeroReason(score.scores);
  const cover = at.stage === null ? undefined : CORE_RULES_COVERED.get(name)?.find((one) => defined.has(one));
  return cover === undefined ? 'reads one that does not run' : `${cover} says the same`;
}

/** What a rule with score 0 here would need to score. */
function zeroReason([, network, bayes, both]: Scores): string {
  if (network !== 0) return bayes === 0 ? 'score 0 without look-ups' : 'score 0: no look-ups, no Bayes';
  return bayes !== 0 || both !== 0 ? 'score 0 without Bayes' : 'score 0';
}

type RuleStatement = Extract<Statement, { kind: 'rule' }>;
type ScoreStatement = Extract<Statement, { kind: 'score' }>;
