// Which of many patterns hold for one message. Words and expressions become patterns of the rule engine, over the UTF-8
// bytes of a target in the form they are meant for; a scan of each such text says which are worth running. Takes patterns
// that were checked; gives their numbers. Stops when `pace` throws.
import { Effort } from '../pattern/effort.js';
import { compilePattern, type Pattern } from '../pattern/pattern.js';
import { PatternError } from '../pattern/syntax.js';
import { CandidateScan } from '../scan/candidates.js';
import { MATCH_GROUP, toByteExpression } from './expression.js';
import { foldCase, unify } from './fold.js';
import { BETWEEN, type Form, type Target, type TargetText, type TargetTexts } from './target.js';
import { sourceOfText } from './utf8-source.js';

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

/** The pattern over bytes, and the form of the text that it is for. */
function compileContent({
  relation,
  pattern,
  caseSensitive,
}: Pick<ContentPattern, 'relation' | 'pattern' | 'caseSensitive'>): {
  readonly form: Form;
  readonly pattern: Pattern;
} {
  if (relation === 'matches') {
    const expression = toByteExpression(pattern, caseSensitive);
    return { form: expression.folded ? 'folded-lines' : 'lines', pattern: compilePattern(expression) };
  }
  const words = caseSensitive ? unify(pattern) : foldCase(unify(pattern));
  const source = sourceOfText(relation === 'equals' ? BETWEEN + words + BETWEEN : words);
  return { form: caseSensitive ? 'words' : 'folded-words', pattern: compilePattern({ source, flags: '' }) };
}

/** The first text that an expression matches, as it stands in the message; null where none is found within the steps. */
export function firstMatch(expression: string, caseSensitive: boolean, text: TargetText): string | null {
  const keeping = compilePattern(toByteExpression(expression, caseSensitive, true));
  const [bytes] = keeping.captures(text.subject('lines'), 1).get(MATCH_GROUP) ?? [];
  return bytes === undefined ? null : Buffer.from(bytes, 'latin1').toString('utf8');
}

export class ContentMatcher {
  readonly #groups: readonly Group[];

  /** Throws PatternError for an expression that cannot be run: `objectionTo` tells before. */
  constructor(patterns: readonly ContentPattern[]) {
    const groups = new Map<string, Group>();
    patterns.forEach((one, number) => {
      const { form, pattern } = compileContent(one);
      const key = `${form} ${one.target} ${one.header.toLowerCase()}`;
      const group = groups.get(key) ?? new Group(one, form);
      group.add(pattern, number);
      groups.set(key, group);
    });
    this.#groups = [...groups.values()];
  }

  /** Patterns that are not wanted do not run; targets none of whose patterns is wanted are not even read. */
  match(texts: TargetTexts, isWanted: (number: number) => boolean, pace: () => void): ContentHits {
    const found: Found = { hits: [], gaveUp: [], effort: new Effort() };
    for (const group of this.#groups) group.match(texts, isWanted, found, pace);
    return { hits: ascending(found.hits), gaveUp: ascending(found.gaveUp) };
  }
}

interface Found {
  readonly hits: number[];
  readonly gaveUp: number[];
  readonly effort: Effort;
}

const ascending = (numbers: readonly number[]): readonly number[] => [...numbers].sort((a, b) => a - b);

/** A pattern, and the number it is reported by. */
interface Member {
  readonly pattern: Pattern;
  readonly number: number;
}

/** All patterns on one form of one target. */
class Group {
  readonly #members: Member[] = [];
  #ready: Ready | null = null;

  constructor(
    private readonly of: Pick<ContentPattern, 'target' | 'header'>,
    private readonly form: Form,
  ) {}

  add(pattern: Pattern, number: number): void {
    this.#members.push({ pattern, number });
  }

  match(texts: TargetTexts, isWanted: (number: number) => boolean, found: Found, pace: () => void): void {
    if (!this.#members.some(({ number }) => isWanted(number))) return;
    pace();
    const subject = texts.of(this.of.target, this.of.header).subject(this.form);
    const { scan, scanned, always } = (this.#ready ??= prepare(this.#members));
    const worthwhile = scan.candidates([subject.text]).found.map((index) => scanned[index]!);
    for (const { pattern, number } of [...worthwhile, ...always]) {
      if (!isWanted(number)) continue;
      pace();
      const before = found.effort.givenUp;
      if (pattern.test(subject, found.effort)) found.hits.push(number);
      else if (found.effort.givenUp > before) found.gaveUp.push(number);
    }
  }
}

/** What a group needs to run. */
interface Ready {
  readonly scan: CandidateScan;
  /** By the scan's numbers. */
  readonly scanned: readonly Member[];
  /** Those that the scan cannot leave out. */
  readonly always: readonly Member[];
}

function prepare(members: readonly Member[]): Ready {
  const scan = new CandidateScan(members.map(({ pattern }) => pattern));
  const scanned: Member[] = [];
  const always: Member[] = [];
  for (const member of members) {
    const index = scan.numberOf(member.pattern);
    if (index === null) always.push(member);
    else scanned[index] = member;
  }
  return { scan, scanned, always };
}
