// Which of many patterns hold for one message. Words and expressions become patterns of the rule engine, over the UTF-8
// bytes of a target in the form they are meant for; a scan of each such text says which are worth running. Takes patterns
// that were checked; gives their numbers. Can rest between any two of them.
import { toBytes } from '../bytes.js';
import { Effort } from '../pattern/effort.js';
import { lengthOf } from '../pattern/length.js';
import { compilePattern, patternOf, type Pattern } from '../pattern/pattern.js';
import { alwaysMatches, readPattern } from '../pattern/read.js';
import { PatternError } from '../pattern/syntax.js';
import { describeText } from '../pattern/text-facts.js';
import type { Steps } from '../steps.js';
import { MATCH_GROUP, toByteExpression } from './expression.js';
import { foldCase, unify } from './fold.js';
import { MATCH_MAX_BYTES, Screen } from './screen.js';
import { BETWEEN, type Form, type Target, type TargetText, type TargetTexts } from './target.js';

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

/** Numbers of patterns, ascending. */
export interface ContentHits {
  readonly hits: readonly number[];
  /** Those that used up their steps: whether they hold is not known. */
  readonly gaveUp: readonly number[];
}

/** What the pattern should have been, as the rest of a sentence; null when it is good. */
export function objectionTo(pattern: Pick<ContentPattern, 'relation' | 'pattern'>): string | null {
  if (pattern.relation !== 'matches') return unify(pattern.pattern) === '' ? 'text with something to see in it' : null;
  try {
    compileContent({ ...pattern, caseSensitive: false });
    return null;
  } catch (error) {
    if (error instanceof PatternError) return `a regular expression that can be run (${error.message})`;
    throw error;
  }
}

/** A pattern over bytes. */
interface Compiled {
  readonly pattern: Pattern;
  /** The form of the text that it is for. */
  readonly form: Form;
  /** Most bytes it matches; null where there is no most. */
  readonly lengthMax: number | null;
}

function compileContent(one: Pick<ContentPattern, 'relation' | 'pattern' | 'caseSensitive'>): Compiled {
  const { relation, pattern, caseSensitive } = one;
  if (relation === 'matches') {
    const always = alwaysMatches(pattern);
    if (always !== null) throw new PatternError(always);
    const expression = toByteExpression(pattern, caseSensitive);
    const form = expression.folded ? 'folded-lines' : 'lines';
    const { max } = lengthOf(readPattern(expression.source, expression.flags).node);
    return { form, pattern: compilePattern(expression), lengthMax: max };
  }
  const words = caseSensitive ? unify(pattern) : foldCase(unify(pattern));
  const bytes = toBytes(relation === 'equals' ? BETWEEN + words + BETWEEN : words);
  return {
    form: caseSensitive ? 'words' : 'folded-words',
    pattern: patternOf(describeText(bytes)),
    lengthMax: bytes.length,
  };
}

/** The first text that an expression matches, as it stands in the message; null where none is found with that effort. */
export function firstMatch(
  { pattern, caseSensitive }: Pick<ContentPattern, 'pattern' | 'caseSensitive'>,
  text: TargetText,
  effort: Effort,
): string | null {
  const keeping = compilePattern(toByteExpression(pattern, caseSensitive, true));
  const [bytes] = keeping.captures(text.subject('lines'), 1, effort).get(MATCH_GROUP) ?? [];
  return bytes === undefined ? null : Buffer.from(bytes, 'latin1').toString('utf8');
}

export class ContentMatcher {
  readonly #groups: readonly Group[];

  /** Throws PatternError for an expression that cannot be run: `objectionTo` tells before. */
  constructor(patterns: readonly ContentPattern[]) {
    const groups = new Map<string, Member[]>();
    patterns.forEach((one, number) => {
      const member = { ...one, ...compileContent(one), number };
      const key = `${member.form} ${one.target} ${one.header.toLowerCase()}`;
      const members = groups.get(key);
      if (members === undefined) groups.set(key, [member]);
      else members.push(member);
    });
    this.#groups = [...groups.values()].map((members) => new Group(members));
  }

  /** Patterns that are not wanted do not run; targets none of whose patterns is wanted are not even read. */
  *match(texts: TargetTexts, isWanted: (number: number) => boolean): Steps<ContentHits> {
    const found: Found = { hits: [], gaveUp: [], effort: new Effort() };
    for (const group of this.#groups) yield* group.match(texts, isWanted, found);
    return { hits: ascending(found.hits), gaveUp: ascending(found.gaveUp) };
  }
}

interface Found {
  readonly hits: number[];
  readonly gaveUp: number[];
  readonly effort: Effort;
}

const ascending = (numbers: readonly number[]): readonly number[] => [...numbers].sort((a, b) => a - b);

/** A pattern, what it is for, and the number it is reported by. */
interface Member extends Compiled, Pick<ContentPattern, 'target' | 'header'> {
  readonly number: number;
}

/** All patterns on one form of one target. */
class Group {
  readonly #of: Member;
  readonly #numbers: readonly number[];
  readonly #screens: readonly Screen<Member>[];

  /** There is at least one. */
  constructor(members: readonly Member[]) {
    this.#of = members[0]!;
    this.#numbers = members.map(({ number }) => number);
    const isShort = ({ lengthMax }: Member) => lengthMax !== null && lengthMax <= MATCH_MAX_BYTES;
    this.#screens = [true, false].flatMap((short) => {
      const own = members.filter((member) => isShort(member) === short);
      return own.length === 0 ? [] : [new Screen(own, short)];
    });
  }

  *match(texts: TargetTexts, isWanted: (number: number) => boolean, found: Found): Steps<void> {
    if (!this.#numbers.some(isWanted)) return;
    yield;
    const subject = texts.of(this.#of.target, this.#of.header).subject(this.#of.form);
    for (const screen of this.#screens) {
      const worthwhile = yield* screen.worthwhile(subject);
      for (const { pattern, number } of worthwhile) {
        if (!isWanted(number)) continue;
        yield;
        const before = found.effort.givenUp;
        if (pattern.test(subject, found.effort)) found.hits.push(number);
        else if (found.effort.givenUp > before) found.gaveUp.push(number);
      }
    }
  }
}
