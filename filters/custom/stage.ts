// The custom filters (product C4): the administrator's own word on senders and recipients, and keywords with scores.
// Reports marks and scores; what they lead to is decided elsewhere.
import type { Objection } from '../../config/section.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Check, MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { objectionsTo } from '../../rules/content/conditions.js';
import { objectionTo } from '../../rules/content/matcher.js';
import { textsOf } from '../../rules/content/target.js';
import type { Steps } from '../../rules/steps.js';
import type { AuthenticationFacts } from '../authentication/facts.js';
import { workThrough } from '../work-through.js';
import { AddressFilters } from './addresses.js';
import { customFindings, groupFindingId } from './findings.js';
import { KeywordGroups } from './keywords.js';
import { customSettings, type CustomSettings } from './settings.js';

const AUTHENTICATION = 'authentication';

export const customStage: StageModule<typeof customSettings> = {
  spec: {
    name: 'custom',
    summary: "The administrator's own filters: addresses that are spam or not spam, and keywords with scores.",
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: [AUTHENTICATION],
    settings: customSettings,
    check: checkCustom,
    findings: customFindings,
    onBreak: 'tempfail',
    timeLimitMs: 10_000,
  },
  create: (settings, outside) => makeStage(settings, outside),
};

function makeStage(settings: CustomSettings, outside: Outside): Stage {
  const addresses = new AddressFilters(settings.addresses);
  const keywords = new KeywordGroups(settings.keywords);
  return {
    onMessage: (job) => workThrough('custom', job, outside, judge(job, addresses, keywords, settings)),
    check: () => Promise.resolve(checkLines(settings, addresses, keywords)),
  };
}

function* judge(
  job: MessageJob,
  addresses: AddressFilters,
  keywords: KeywordGroups,
  settings: CustomSettings,
): Steps<StageReport> {
  if (addresses.count + keywords.count === 0) return { findings: [] };
  const facts = (job.results(AUTHENTICATION)?.facts ?? null) as AuthenticationFacts | null;
  const texts = textsOf(job.message, job.transaction, settings.textMaxChars);
  const findings: Finding[] = [
    ...addresses.findings(job, facts),
    ...(yield* keywords.findings(job, texts, settings.showText)),
  ];
  if (texts.cut) findings.push(cutFinding(settings.textMaxChars));
  return { findings };
}

function cutFinding(textMaxChars: number): Finding {
  const evidence = `${textMaxChars} characters looked at`;
  return { id: 'CUSTOM_TEXT_CUT', category: 'spam', group: 'rules', score: 0, evidence };
}

function checkCustom({ addresses, keywords }: CustomSettings): readonly Objection[] {
  const taken = new Set<string>();
  return [
    ...addresses.flatMap(({ when }, index) => objectionsTo(when, ['addresses', String(index + 1), 'when'])),
    ...keywords.flatMap((group, index) => {
      const path = ['keywords', String(index + 1)];
      const objections: Objection[] = [];
      if (taken.has(groupFindingId(group.name))) {
        const expected = `a name of its own ("${group.name}" is taken; capitals, - and _ do not tell names apart)`;
        objections.push({ path: [...path, 'name'], expected });
      }
      taken.add(groupFindingId(group.name));
      group.keywords.forEach(({ keyword, regex }, number) => {
        const expected = objectionTo({ relation: regex ? 'matches' : 'contains', pattern: keyword });
        const at = [...path, 'keywords', String(number + 1), 'keyword'];
        if (expected !== null) objections.push({ path: at, expected: `${expected} in group ${group.name}` });
      });
      return [...objections, ...objectionsTo(group.when, [...path, 'when'])];
    }),
  ];
}

function checkLines(settings: CustomSettings, addresses: AddressFilters, keywords: KeywordGroups): readonly Check[] {
  const open = settings.addresses.filter(
    ({ enabled, kind, onlyIfAuthenticated }) => enabled && kind === 'not-spam' && !onlyIfAuthenticated,
  );
  const count: Check = {
    name: 'filters',
    state: 'ok',
    detail: `${addresses.count} address filters and ${keywords.count} keywords on`,
  };
  if (open.length === 0) return [count];
  const which = open.length === 1 ? 'one `not-spam` filter believes' : `${open.length} \`not-spam\` filters believe`;
  const detail = `${which} any sender, who is easily forged: consider \`onlyIfAuthenticated\``;
  return [count, { name: 'not-spam filters', state: 'warn', detail }];
}
