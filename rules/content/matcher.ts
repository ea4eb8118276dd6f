// Which of many patterns hold for one message: per target one pass for all words and a few sets of expressions. Takes
// patterns that were checked; gives their numbers. Linear in the text; stops when `pace` throws.
import { ExpressionSet, refusalOf, type Expression } from './expressions.js';
import { foldCase, unify } from './fold.js';
import { LiteralSet, type Literal } from './literals.js';
import type { Target, TargetText, TargetTexts } from './target.js';

/** `contains`: the words stand somewhere. `equals`: a whole value is the pattern. `matches`: a regular expression, anywhere. */
export type Relation = 'contains' | 'equals' | 'matches';

export interface ContentPattern {
  readonly target: Target;
  /** Field name for the target `header`, else ''. */
  readonly header: string;
  readonly relation: Relation;
  readonly pattern: string;
  readonly caseSensitive: boolean;
}

/** What the pattern should have been, as the rest of a sentence; null when it is good. */
export function objectionTo({ relation, pattern }: Pick<ContentPattern, 'relation' | 'pattern'>): string | null {
  if (relation !== 'matches') return unify(pattern) === '' ? 'text with something to see in it' : null;
  const refusal = refusalOf(pattern);
  return refusal === null ? null : `a regular expression that RE2 takes (${refusal})`;
}

export class ContentMatcher {
  readonly #groups: readonly Group[];

  constructor(patterns: readonly ContentPattern[]) {
    const groups = new Map<string, Numbered[]>();
    patterns.forEach((pattern, number) => {
      const key = pattern.target === 'header' ? `header ${pattern.header.toLowerCase()}` : pattern.target;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [{ ...pattern, number }]);
      else group.push({ ...pattern, number });
    });
    this.#groups = [...groups.values()].map((members) => new Group(members));
  }

  /** Numbers of the patterns that hold, ascending. Targets none of whose patterns is wanted are not even read. */
  match(texts: TargetTexts, isWanted: (number: number) => boolean, pace: () => void): readonly number[] {
    const found = new Set<number>();
    for (const group of this.#groups) group.match(texts, isWanted, (number) => void found.add(number), pace);
    return [...found].filter(isWanted).sort((a, b) => a - b);
  }
}

interface Numbered extends ContentPattern {
  readonly number: number;
}

/** All patterns on one target. */
class Group {
  readonly #numbers: readonly number[];
  readonly #target: Target;
  readonly #header: string;
  readonly #exact: Words;
  readonly #anyCase: Words;

  constructor(members: readonly Numbered[]) {
    this.#numbers = members.map(({ number }) => number);
    this.#target = members[0]?.target ?? 'subject';
    this.#header = members[0]?.header ?? '';
    this.#exact = new Words(
      members.filter(({ caseSensitive }) => caseSensitive),
      true,
    );
    this.#anyCase = new Words(
      members.filter(({ caseSensitive }) => !caseSensitive),
      false,
    );
  }

  match(
    texts: TargetTexts,
    isWanted: (number: number) => boolean,
    found: (number: number) => void,
    pace: () => void,
  ): void {
    if (!this.#numbers.some(isWanted)) return;
    pace();
    const text = texts.of(this.#target, this.#header);
    this.#exact.match(text, found, pace);
    this.#anyCase.match(text, found, pace);
  }
}

/** Patterns on one target that treat case alike. */
class Words {
  readonly #contained: LiteralSet | null;
  readonly #equal = new Map<string, number[]>();
  readonly #expressions: ExpressionSet | null;

  constructor(
    members: readonly Numbered[],
    private readonly caseSensitive: boolean,
  ) {
    const formOf = (pattern: string): string => (caseSensitive ? unify(pattern) : foldCase(unify(pattern)));
    const contained: Literal[] = [];
    const expressions: Expression[] = [];
    for (const { relation, pattern, number } of members) {
      if (relation === 'matches') expressions.push([pattern, number]);
      else if (relation === 'contains') contained.push([formOf(pattern), number]);
      else this.#equal.set(formOf(pattern), [...(this.#equal.get(formOf(pattern)) ?? []), number]);
    }
    this.#contained = contained.length === 0 ? null : new LiteralSet(contained);
    this.#expressions = expressions.length === 0 ? null : new ExpressionSet(expressions, caseSensitive);
  }

  match(text: TargetText, found: (number: number) => void, pace: () => void): void {
    if (this.#contained !== null) {
      this.#contained.search(this.caseSensitive ? text.unifiedWhole : text.foldedWhole, found);
      pace();
    }
    if (this.#equal.size > 0) {
      for (const value of this.caseSensitive ? text.unified : text.folded) {
        for (const number of this.#equal.get(value) ?? []) found(number);
      }
    }
    this.#expressions?.search(text.utf8, found, pace);
  }
}
