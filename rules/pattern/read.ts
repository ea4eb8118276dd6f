// Reads a Perl pattern (the part that a linear-time engine can run) into a tree. Takes the source as latin1 text, one
// character per byte, and its modifier letters. What cannot be run in linear time (look-around, back references,
// possessive and atomic groups, recursion, code) is refused with the reason; nothing is guessed.
import { ByteReader } from './bytes.js';
import { complement, emptySet, foldCase, NEWLINE, PatternError, setOf, VERTICAL, type PatternNode } from './syntax.js';

/** Longest pattern source, characters. */
export const PATTERN_LENGTH_MAX = 16_384;
/** Deepest nesting of groups. */
export const PATTERN_DEPTH_MAX = 100;
/** Largest count in `{n,m}` that the engine takes. */
export const REPEAT_MAX = 1000;

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly x: boolean;
}

/** Reads `source` with modifiers `flags`. Throws PatternError with the reason. */
export function readPattern(source: string, flags: string): PatternNode {
  if (source.length > PATTERN_LENGTH_MAX)
    throw new PatternError(`pattern is longer than ${PATTERN_LENGTH_MAX} characters`);
  for (const flag of flags) {
    if (!'imsxgoa'.includes(flag)) throw new PatternError(`unknown pattern modifier "${flag}"`);
  }
  const reader = new Reader(source, {
    i: flags.includes('i'),
    m: flags.includes('m'),
    s: flags.includes('s'),
    x: flags.includes('x'),
  });
  return reader.readAll();
}

class Reader extends ByteReader {
  private depth = 0;

  constructor(
    source: string,
    private flags: Flags,
  ) {
    super(source);
  }

  readAll(): PatternNode {
    const node = this.alternation();
    if (this.at < this.source.length) throw new PatternError('closing bracket without an opening one');
    return node;
  }

  private alternation(): PatternNode {
    if (++this.depth > PATTERN_DEPTH_MAX) throw new PatternError(`groups nest deeper than ${PATTERN_DEPTH_MAX}`);
    const outer = this.flags;
    const branches = [this.sequence()];
    while (this.take('|')) branches.push(this.sequence());
    this.refuseEmpty(branches);
    this.flags = outer;
    this.depth--;
    return branches.length === 1 ? branches[0]! : { kind: 'alternate', branches };
  }

  /** As SpamAssassin does: an alternative that always matches is a slip of the pen. Inside a group the outer ones may be empty. */
  private refuseEmpty(branches: readonly PatternNode[]): void {
    const looked = this.depth > 1 ? branches.slice(1, -1) : branches;
    if (!looked.some((branch) => branch.kind === 'concat' && branch.items.length === 0)) return;
    throw new PatternError(branches.length === 1 ? 'empty pattern' : 'empty alternative');
  }

  private sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (this.at < this.source.length && this.peek() !== '|' && this.peek() !== ')') {
      if (this.flags.x && this.skipBlank()) continue;
      const atom = this.atom();
      if (atom !== null) items.push(this.quantified(atom));
    }
    return items.length === 1 ? items[0]! : { kind: 'concat', items };
  }

  /** With /x: white space and comments mean nothing. */
  private skipBlank(): boolean {
    if (/[ \t\n\r\f\v]/.test(this.peek())) {
      this.at++;
      return true;
    }
    if (this.peek() !== '#') return false;
    const end = this.source.indexOf('\n', this.at);
    this.at = end < 0 ? this.source.length : end + 1;
    return true;
  }

  /** One atom, or null for what matches nothing by itself (comments, flag switches). */
  private atom(): PatternNode | null {
    const char = this.peek();
    this.at++;
    switch (char) {
      case '(':
        return this.group();
      case '[':
        return { kind: 'set', set: this.charClass(this.flags.i) };
      case '.':
        return { kind: 'set', set: this.flags.s ? complement(emptySet()) : complement(NEWLINE) };
      case '^':
        return { kind: 'assert', assertion: this.flags.m ? 'line-start' : 'text-start' };
      case '$':
        return { kind: 'assert', assertion: this.flags.m ? 'line-end' : 'text-end-or-newline' };
      case '\\':
        return this.escape();
      case '*':
      case '+':
      case '?':
        throw new PatternError(`"${char}" has nothing to repeat`);
      default:
        return this.literal(char.charCodeAt(0));
    }
  }

  private literal(code: number): PatternNode {
    if (code > 0xff) throw new PatternError('a character above 0xFF: patterns work on bytes, write its UTF-8 bytes');
    const set = setOf(code);
    return { kind: 'set', set: this.flags.i ? foldCase(set) : set };
  }

  private quantified(atom: PatternNode): PatternNode {
    let node = atom;
    for (let count = 0; ; count++) {
      const range = this.quantifier();
      if (range === null) return node;
      if (count > 0) throw new PatternError('a repeat of a repeat');
      if (range.max !== null && range.max < range.min)
        throw new PatternError('repeat with its bounds the wrong way round');
      if (Math.max(range.min, range.max ?? 0) > REPEAT_MAX) throw new PatternError(`repeat over ${REPEAT_MAX}`);
      if (this.take('+')) throw new PatternError('possessive repeat');
      node = { kind: 'repeat', item: atom, ...range, lazy: this.take('?') };
    }
  }

  private quantifier(): { min: number; max: number | null } | null {
    if (this.flags.x) while (this.at < this.source.length && this.skipBlank());
    if (this.take('*')) return { min: 0, max: null };
    if (this.take('+')) return { min: 1, max: null };
    if (this.take('?')) return { min: 0, max: 1 };
    if (this.peek() !== '{') return null;
    const close = this.source.indexOf('}', this.at);
    const found = close < 0 ? null : /^(\d{1,6})(,?)(\d{0,6})$/.exec(this.source.slice(this.at + 1, close));
    if (found === null || (found[2] === '' && found[3] !== '')) return null;
    this.at = close + 1;
    const min = Number(found[1]);
    return { min, max: found[2] === '' ? min : found[3] === '' ? null : Number(found[3]) };
  }

  private group(): PatternNode | null {
    if (!this.take('?')) return this.closed(null);
    if (this.take('#')) {
      this.at = this.source.indexOf(')', this.at) + 1;
      if (this.at === 0) throw new PatternError('comment without an end');
      return null;
    }
    if (this.take(':')) return this.closed(null);
    for (const [mark, what] of REFUSED_GROUPS) if (this.source.startsWith(mark, this.at)) throw new PatternError(what);
    const named = /^P?<([A-Za-z_]\w{0,63})>|^'([A-Za-z_]\w{0,63})'/.exec(this.source.slice(this.at, this.at + 70));
    if (named !== null) {
      this.at += named[0].length;
      return this.closed(named[1] ?? named[2] ?? null);
    }
    return this.flagGroup();
  }

  private closed(name: string | null): PatternNode {
    const item = this.alternation();
    if (!this.take(')')) throw new PatternError('opening bracket without a closing one');
    return { kind: 'group', item, name };
  }

  /** `(?i)`, `(?i-s)`, `(?i:…)`, `(?^i:…)`. */
  private flagGroup(): PatternNode | null {
    const found = /^(\^?)([imsxadlun]{0,8})(?:-([imsxn]{0,8}))?([:)])/.exec(this.source.slice(this.at, this.at + 20));
    if (found === null) throw new PatternError(`unknown kind of group "(?${this.source.slice(this.at, this.at + 3)}"`);
    this.at += found[0].length;
    const base = found[1] === '' ? this.flags : { i: false, m: false, s: false, x: false };
    const value = (flag: 'i' | 'm' | 's' | 'x') =>
      found[3]?.includes(flag) === true ? false : (found[2] ?? '').includes(flag) ? true : base[flag];
    const outer = this.flags;
    this.flags = { i: value('i'), m: value('m'), s: value('s'), x: value('x') };
    if (found[4] === ')') return null;
    const group = this.closed(null);
    this.flags = outer;
    return group;
  }

  private escape(): PatternNode {
    const char = this.peek();
    if (char === '') throw new PatternError('back slash at the end');
    const assertion = ASSERTION_ESCAPES.get(char);
    if (assertion !== undefined) {
      this.at++;
      return { kind: 'assert', assertion };
    }
    if (char === 'Q') return this.quoted();
    if (char === 'R') {
      this.at++;
      const pair: PatternNode = { kind: 'concat', items: [this.literal(0x0d), this.literal(0x0a)] };
      return { kind: 'alternate', branches: [pair, { kind: 'set', set: VERTICAL }] };
    }
    if (/[1-9]/.test(char) && !/^[1-3][0-7][0-7]/.test(this.source.slice(this.at, this.at + 3))) {
      throw new PatternError('back reference');
    }
    const shorthand = this.shorthand();
    if (shorthand !== null) return { kind: 'set', set: shorthand };
    return this.literal(this.escapedCode());
  }

  /** `\Q…\E`: everything between is literal. */
  private quoted(): PatternNode {
    const end = this.source.indexOf('\\E', this.at);
    const text = this.source.slice(this.at + 1, end < 0 ? undefined : end);
    this.at = end < 0 ? this.source.length : end + 2;
    const items = [...text].map((char) => this.literal(char.charCodeAt(0)));
    return { kind: 'group', item: { kind: 'concat', items }, name: null };
  }
}

const ASSERTION_ESCAPES = new Map([
  ['b', 'word-boundary'],
  ['B', 'not-word-boundary'],
  ['A', 'text-start'],
  ['Z', 'text-end-or-newline'],
  ['z', 'text-end'],
] as const) as ReadonlyMap<
  string,
  'word-boundary' | 'not-word-boundary' | 'text-start' | 'text-end-or-newline' | 'text-end'
>;

const REFUSED_GROUPS: readonly (readonly [string, string])[] = [
  ['=', 'look-ahead'],
  ['!', 'negative look-ahead'],
  ['<=', 'look-behind'],
  ['<!', 'negative look-behind'],
  ['>', 'atomic group'],
  ['{', 'code in a pattern'],
  ['?{', 'code in a pattern'],
  ['|', 'branch reset group'],
  ['(', 'conditional group'],
  ['R', 'recursion'],
  ['&', 'recursion'],
  ['P>', 'recursion'],
  ['P=', 'back reference'],
  ['0', 'recursion'],
  ['1', 'recursion'],
];
