// Keyword groups: which keywords occur in a message, summed up per group. Takes groups that were checked.
import type { Finding } from '../../pipeline/finding.js';
import type { MessageJob } from '../../pipeline/stage.js';
import { scoped, ScopeTable } from '../../rules/content/conditions.js';
import { ContentMatcher, type ContentPattern } from '../../rules/content/matcher.js';
import type { TargetTexts } from '../../rules/content/target.js';
import type { Steps } from '../../rules/steps.js';
import { joinEvidence } from '../evidence.js';
import { showHit, shownTexts, type ShownTexts } from '../shown-hit.js';
import { GAVE_UP, groupFindingId } from './findings.js';
import type { KeywordGroup } from './settings.js';

/** Groups named whose keywords took too many steps. */
const GROUPS_SHOWN_MAX = 5;

interface LiveKeyword extends ContentPattern {
  /** Index of its group. */
  readonly group: number;
  /** Its number in the group as the settings list it, from 1. */
  readonly number: number;
  readonly score: number;
}

export class KeywordGroups {
  readonly #groups: readonly KeywordGroup[];
  readonly #keywords: readonly LiveKeyword[];
  readonly #scopes: ScopeTable;
  readonly #matcher: ContentMatcher;

  constructor(groups: readonly KeywordGroup[]) {
    this.#groups = groups.filter(({ enabled }) => enabled);
    this.#keywords = this.#groups.flatMap(liveKeywords);
    this.#scopes = new ScopeTable(this.#groups.map(({ when }) => when));
    this.#matcher = new ContentMatcher(this.#keywords);
  }

  get count(): number {
    return this.#keywords.length;
  }

  /** One finding per group that hits, or one for each recipient it counts for; one for what is not known. `texts` is read only when needed. */
  *findings(job: MessageJob, texts: TargetTexts, showText: boolean): Steps<readonly Finding[]> {
    if (this.#keywords.length === 0) return [];
    const scopeOf = this.#scopes.forMessage(job);
    const isWanted = (index: number): boolean => scopeOf(this.#keywords[index]!.group)?.length !== 0;
    const { hits, gaveUp } = yield* this.#matcher.match(texts, isWanted);
    const shown = shownTexts(texts, showText);
    const found = this.#groups.flatMap(({ name }, group) => {
      const own = hits.map((index) => this.#keywords[index]!).filter((hit) => hit.group === group);
      return own.length === 0 ? [] : scoped(findingOf(name, own, shown), scopeOf(group));
    });
    const groups = new Set(gaveUp.map((index) => this.#groups[this.#keywords[index]!.group]!.name));
    return groups.size === 0 ? found : [...found, gaveUpFinding([...groups])];
  }
}

function liveKeywords({ keywords }: KeywordGroup, group: number): readonly LiveKeyword[] {
  return keywords.flatMap((one, index): readonly LiveKeyword[] => {
    if (!one.enabled) return [];
    const { keyword, regex, caseSensitive, target, score } = one;
    const relation = regex ? 'matches' : 'contains';
    return [{ pattern: keyword, relation, header: '', target, caseSensitive, group, number: index + 1, score }];
  });
}

function findingOf(name: string, hits: readonly LiveKeyword[], shown: ShownTexts | null): Finding {
  const score = hits.reduce((sum, hit) => sum + hit.score, 0);
  const evidence = joinEvidence(hits.map((hit) => showHit(hit, `keyword ${hit.number}`, shown)));
  return {
    id: groupFindingId(name),
    category: 'spam',
    group: 'rules',
    score: Math.round(score * 1_000) / 1_000,
    evidence,
  };
}

function gaveUpFinding(groups: readonly string[]): Finding {
  const evidence = `a keyword of ${groups.slice(0, GROUPS_SHOWN_MAX).join(', ')}`;
  return { id: GAVE_UP, category: 'spam', group: 'rules', score: 0, evidence };
}
