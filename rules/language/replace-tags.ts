// Tags in patterns: `<A>` in a rule listed by `replace_rules` stands for what `replace_tag A` says. Done once, when all
// files are read; takes and gives pattern sources.
import type { PatternSource, RuleTest, Statement } from '../definition.js';

/** Times a pattern is gone over for tags inside tags. */
const PASSES_MAX = 6;
/** Longest pattern that tags may make; a longer one is left as it is, and then refused for its length elsewhere. */
const EXPANDED_LENGTH_MAX = 262_144;

/** What files say about tags. */
export interface ReplaceTags {
  start: string;
  end: string;
  readonly tags: Map<string, string>;
  readonly pre: Map<string, string>;
  readonly inter: Map<string, string>;
  readonly post: Map<string, string>;
  /** Rules in whose patterns tags are replaced. */
  readonly rules: Set<string>;
}

export function emptyReplaceTags(): ReplaceTags {
  return {
    start: '<',
    end: '>',
    tags: new Map(),
    pre: new Map(),
    inter: new Map(),
    post: new Map(),
    rules: new Set(),
  };
}

/** The statements with tags replaced in the rules that ask for it. */
export function replaceTags(statements: readonly Statement[], replacing: ReplaceTags): readonly Statement[] {
  if (replacing.rules.size === 0) return statements;
  return statements.map((statement) =>
    statement.kind === 'rule' && replacing.rules.has(statement.name)
      ? { ...statement, test: replaced(statement.test, replacing) }
      : statement,
  );
}

function replaced(test: RuleTest, replacing: ReplaceTags): RuleTest {
  if (test.kind !== 'text' && test.kind !== 'header') return test;
  return { ...test, pattern: expand(test.pattern, replacing) };
}

/** One pattern, tags replaced, and tags of what came in their place. */
export function expand({ source, flags }: PatternSource, replacing: ReplaceTags): PatternSource {
  let text = source;
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    const next = onePass(text, replacing);
    if (next.text.length > EXPANDED_LENGTH_MAX) break;
    text = next.text;
    if (!next.again) break;
  }
  return { source: text, flags };
}

function onePass(text: string, { start, end, tags, pre, inter, post }: ReplaceTags): { text: string; again: boolean } {
  const open = literal(start);
  const close = literal(end);
  let rest = text;
  const named = (kind: string): string | null => {
    const found = new RegExp(`${open}${kind} ([^\\n]+?)${close}`).exec(rest);
    if (found === null) return null;
    rest = rest.slice(0, found.index) + rest.slice(found.index + found[0].length);
    return found[1]!;
  };
  const before = pre.get(named('pre') ?? '') ?? '';
  const after = post.get(named('post') ?? '') ?? '';
  const between = inter.get(named('inter') ?? '') ?? '';
  const tag = new RegExp(`${open}[^\\n]+?${close}`);
  let again = false;
  const pieces = piecesOf(rest).map((piece) => {
    let result = before === '' ? piece : piece.replace(tag, (found) => before + found);
    if (after !== '') result = result.replace(new RegExp(tag, 'g'), (found) => found + after);
    if (between !== '' && result === '') result = between;
    const found = new RegExp(`${open}([^\\n]+?)${close}`).exec(result);
    const replacement = found === null ? undefined : tags.get(found[1]!);
    if (found === null || replacement === undefined || replacement === '') return result;
    if (/<[^>]+>/.test(replacement)) again = true;
    return result.replaceAll(found[0], () => replacement);
  });
  return { text: pieces.join(''), again };
}

/** Tags and what stands between them. The first piece is never "between", nor is an empty last one there at all. */
function piecesOf(text: string): string[] {
  const [first = '', ...others] = text.split(/(<[^<>]+>)/);
  while (others.at(-1) === '') others.pop();
  return first === '' ? others : [first, ...others];
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
