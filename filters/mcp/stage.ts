// The MCP stage (product E1): the administrator's rules on the content of mail, as it was received. Reports each rule
// that hits with its score; what the sum leads to is decided elsewhere. Shows no text of a mail unless set.
import type { AttachedFiles } from '../../config/attached.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Check, MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { scoped, ScopeTable } from '../../rules/content/conditions.js';
import { ContentMatcher } from '../../rules/content/matcher.js';
import { textsOf } from '../../rules/content/target.js';
import type { Steps } from '../../rules/steps.js';
import { showHit, shownTexts } from '../shown-hit.js';
import { workThrough } from '../work-through.js';
import { findingIdOf, GAVE_UP, mcpFindings, TEXT_CUT } from './findings.js';
import { checkMcp, mcpFiles, readMcpRules } from './rules.js';
import { mcpSettings, type McpRule, type McpSettings } from './settings.js';

export const mcpStage: StageModule<typeof mcpSettings> = {
  spec: {
    name: 'mcp',
    summary:
      'Holds mail against rules of the administrator on what may be sent and received (message content protection).',
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: [],
    settings: mcpSettings,
    check: checkMcp,
    files: mcpFiles,
    findings: mcpFindings,
    onBreak: 'tempfail',
    timeLimitMs: 10_000,
  },
  create: (settings, outside, files) => makeStage(settings, outside, files),
};

/** Rules named that took too many steps. */
const SHOWN_MAX = 5;

/** The rules that are on, with what they share. */
interface LiveRules {
  readonly rules: readonly McpRule[];
  readonly scopes: ScopeTable;
  readonly matcher: ContentMatcher;
}

function makeStage(settings: McpSettings, outside: Outside, files: AttachedFiles): Stage {
  const rules = readMcpRules(settings, files);
  const live: LiveRules = {
    rules,
    scopes: new ScopeTable(rules.map(({ when }) => when)),
    matcher: new ContentMatcher(rules),
  };
  return {
    onMessage: (job) => workThrough('mcp', job, outside, judge(job, live, settings)),
    check: () => Promise.resolve([checkLine(rules)]),
  };
}

function* judge(job: MessageJob, live: LiveRules, settings: McpSettings): Steps<StageReport> {
  const { rules, scopes, matcher } = live;
  const scopeOf = scopes.forMessage(job);
  const isWanted = (number: number): boolean => scopeOf(number)?.length !== 0;
  if (!rules.some((_, number) => isWanted(number))) return { findings: [] };
  const texts = textsOf(job.message, job.transaction, settings.textMaxChars);
  const { hits, gaveUp } = yield* matcher.match(texts, isWanted);
  const shown = shownTexts(texts, settings.showText);
  const findings = hits.flatMap((number) => {
    const rule = rules[number]!;
    const evidence = showHit(rule, rule.name, shown);
    return scoped({ id: findingIdOf(rule.name), category: 'mcp', score: rule.score, evidence }, scopeOf(number));
  });
  if (texts.cut) findings.push(unread(TEXT_CUT, settings.cutScore, `${settings.textMaxChars} characters looked at`));
  const untold = gaveUp.map((number) => rules[number]!.name);
  if (untold.length > 0) findings.push(unread(GAVE_UP, settings.cutScore, untold.slice(0, SHOWN_MAX).join(' ')));
  return { findings };
}

/** What was not looked at in full. */
function unread(id: string, score: number, evidence: string): Finding {
  return { id, category: 'mcp', score, evidence };
}

function checkLine(rules: readonly McpRule[]): Check {
  return { name: 'rules', state: 'ok', detail: `${rules.length} rules on` };
}
