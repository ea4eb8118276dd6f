// Reads a Perl pattern into a tree, as SpamAssassin lets Perl compile it: with the modifier /aa, and with every warning
// taken for an error. Takes the source as latin1 text, one character per byte, and its modifier letters. What is refused
// is refused with the reason (code, recursion, conditions); nothing is guessed.
import { ByteReader } from './bytes.js';
import { refuseEmptyRepeats } from './empty-repeats.js';
import { readFlags, RESET, type Flags } from './flags.js';
import { lengthOf } from './length.js';
import {
  complement,
  emptySet,
  LATIN1_MORE,
  NEWLINE,
  PatternError,
  setOf,
  singleByte,
  VERTICAL,
  WORD,
  type Assertion,
  type PatternNode,
  type PatternTree,
} from './syntax.js';

/** Longest pattern source, characters. */
export const PATTERN_LENGTH_MAX = 262_144;
/** Deepest nesting of groups. */
export const PATTERN_DEPTH_MAX = 100;
/** Largest count in `{n,m}`, as in Perl. */
export const REPEAT_MAX = 65_534;
/** Longest text a look-behind may look back over, as in Perl. */
export const LOOK_BEHIND_MAX = 255;

/** Reads `source` with modifiers `flags`. Throws PatternError with the reason. */
export function readPattern(source: string, flags: string): PatternTree {
  if (source.length > PATTERN_LENGTH_MAX)
    throw new PatternError(`pattern is longer than ${PATTERN_LENGTH_MAX} characters`);
  return new Reader(source, readFlags(flags)).readAll();
}

/** Why a pattern matches any text, by the look of it, which is most often a slip of the pen; null where it does not. */
export function alwaysMatches(source: string): string | null {
  if (source === '') return 'empty pattern';
  const ends = source.endsWith('|') && !source.endsWith('\\|');
  return /(?<!\\)\|\|/.test(source) || source.startsWith('|') || ends ? 'empty alternative' : null;
}

class Reader extends ByteReader {
  private depth = 0;
  private captures = 0;
  private readonly names = new Map<string, number[]>();
  /** References that must exist when all is read. */
  private readonly asked: (number | string)[] = [];
  private readonly groupsAhead: number;

  constructor(source: string, flags: Flags) {
    super(source, flags);
    this.groupsAhead = countGroups(source);
  }

  readAll(): PatternTree {
    const node = this.alternation();
    if (this.at < this.source.length) throw new PatternError('closing bracket without an opening one');
    for (const asked of this.asked) {
      const there =
        typeof asked === 'string' ? this.names.get(asked)!.length > 0 : asked >= 1 && asked <= this.captures;
      if (!there) throw new PatternError('back reference to a group that does not exist');
    }
    refuseEmptyRepeats(node);
    return { node, captures: this.captures, names: this.names };
  }

  /** Branches; with `reset` each numbers its groups from the same start: `(?|…)`. */
  private alternation(reset = false): PatternNode {
    if (++this.depth > PATTERN_DEPTH_MAX) throw new PatternError(`groups nest deeper than ${PATTERN_DEPTH_MAX}`);
    const outer = this.flags;
    const from = this.captures;
    let most = from;
    const branches = [this.sequence()];
    while (this.take('|')) {
      most = Math.max(most, this.captures);
      if (reset) this.captures = from;
      branches.push(this.sequence());
    }
    this.captures = Math.max(most, this.captures);
    this.flags = outer;
    this.depth--;
    return branches.length === 1 ? branches[0]! : { kind: 'alternate', branches };
  }

  private sequence(): PatternNode {
    const items: PatternNode[] = [];
    while (this.at < this.source.length && this.peek() !== '|' && this.peek() !== ')') {
      if (this.flags.x && this.skipBlank()) continue;
      const anchor = this.peek() === '^' && !this.flags.m;
      const atom = this.atom();
      if (atom === null) continue;
      const item = this.quantified(atom);
      if (item === atom && !anchor && this.peek() === '{') throw new PatternError('"{" that is no repeat: write "\\{"');
      items.push(item);
    }
    return items.length === 1 ? items[0]! : { kind: 'concat', items };
  }

  /** With /x: white space and comments mean nothing. */
  private skipBlank(): boolean {
    if (/[ \t\n\r\f\v\x85]/.test(this.peek())) {
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
        return this.bracketed();
      case '.':
        return { kind: 'set', set: this.flags.s ? ANY : NO_NEWLINE };
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

  private bracketed(): PatternNode {
    if (/^([:.=])\^?[a-z]{1,12}\1\]/.test(this.source.slice(this.at, this.at + 16)))
      throw new PatternError('[:name:] stands outside of a character class');
    return { kind: 'set', set: this.charClass() };
  }

  /** A code above 0xFF is never in the text: a set of nothing. */
  private literal(code: number): PatternNode {
    return { kind: 'set', set: singleByte(code, this.flags.i, this.flags.charset === 'bytes') };
  }

  private quantified(atom: PatternNode): PatternNode {
    const range = this.quantifier();
    if (range === null) return atom;
    const { min, max } = range;
    if (max !== null && max < min) throw new PatternError('repeat with its bounds the wrong way round');
    if (Math.max(min, max ?? 0) > REPEAT_MAX) throw new PatternError(`repeat over ${REPEAT_MAX}`);
    if (max === null && lengthOf(atom).max === 0) throw new PatternError('endless repeat of what takes no text');
    const possessive = this.take('+');
    const repeat: PatternNode = { kind: 'repeat', item: atom, min, max, lazy: !possessive && this.take('?') };
    if (this.quantifier() !== null) throw new PatternError('a repeat of a repeat');
    return possessive ? { kind: 'atomic', item: repeat } : repeat;
  }

  private quantifier(): { min: number; max: number | null } | null {
    while (this.at < this.source.length && ((this.flags.x && this.skipBlank()) || this.skipComment()));
    if (this.take('*')) return { min: 0, max: null };
    if (this.take('+')) return { min: 1, max: null };
    if (this.take('?')) return { min: 0, max: 1 };
    if (this.peek() !== '{') return null;
    const close = this.source.indexOf('}', this.at);
    const inside = close < 0 ? '' : this.source.slice(this.at + 1, Math.min(close, this.at + 30));
    const found = /^[ \t]*(\d{0,8})[ \t]*(,?)[ \t]*(\d{0,8})[ \t]*$/.exec(inside);
    if (found === null || (found[1] === '' && found[3] === '') || (found[2] === '' && found[3] !== '')) return null;
    this.at = close + 1;
    const min = Number(found[1]);
    return { min, max: found[2] === '' ? min : found[3] === '' ? null : Number(found[3]) };
  }

  private group(): PatternNode | null {
    if (this.peek() === '*') throw new PatternError('"(*" verbs are not supported');
    if (!this.take('?')) return this.closed(this.flags.n ? null : ++this.captures);
    if (this.peek() === '#') return this.comment();
    if (this.take(':')) return this.closed(null);
    if (this.take('|')) return this.ended({ kind: 'group', item: this.alternation(true), capture: null });
    if (this.take('>')) return this.ended({ kind: 'atomic', item: this.alternation() });
    for (const [mark, what] of REFUSED_GROUPS) if (this.source.startsWith(mark, this.at)) throw new PatternError(what);
    return this.look() ?? this.namedGroup() ?? this.flagGroup();
  }

  /** A comment between an atom and its repeat. */
  private skipComment(): boolean {
    if (!this.source.startsWith('(?#', this.at)) return false;
    this.comment();
    return true;
  }

  private comment(): null {
    this.at = this.source.indexOf(')', this.at) + 1;
    if (this.at === 0) throw new PatternError('comment without an end');
    return null;
  }

  private closed(capture: number | null): PatternNode {
    return this.ended({ kind: 'group', item: this.alternation(), capture });
  }

  private ended(node: PatternNode): PatternNode {
    if (!this.take(')')) throw new PatternError('opening bracket without a closing one');
    return node;
  }

  private look(): PatternNode | null {
    const mark = ['=', '!', '<=', '<!'].find((text) => this.take(text));
    if (mark === undefined) return null;
    const behind = mark.startsWith('<');
    const item = this.alternation();
    const { max } = lengthOf(item);
    if (behind && (max === null || max > LOOK_BEHIND_MAX))
      throw new PatternError(`look-behind over more than ${LOOK_BEHIND_MAX} characters`);
    return this.ended({ kind: 'look', item, behind, negated: mark.endsWith('!') });
  }

  private namedGroup(): PatternNode | null {
    const named = /^P?<([A-Za-z_]\w{0,63})>|^'([A-Za-z_]\w{0,63})'/.exec(this.source.slice(this.at, this.at + 70));
    const name = named?.[1] ?? named?.[2];
    if (named === null || name === undefined) return this.namedReference('P=', ')');
    this.at += named[0].length;
    const numbers = this.names.get(name) ?? [];
    numbers.push(++this.captures);
    this.names.set(name, numbers);
    return this.closed(this.captures);
  }

  /** `(?i)`, `(?i-s)`, `(?i:…)`, `(?^i:…)`. */
  private flagGroup(): PatternNode | null {
    const found = /^(\^?)([a-z]{0,10})(?:-([imsxn]{0,8}))?([:)])/.exec(this.source.slice(this.at, this.at + 24));
    if (found === null) throw new PatternError(`unknown kind of group "(?${this.source.slice(this.at, this.at + 3)}"`);
    this.at += found[0].length;
    const outer = this.flags;
    this.flags = readFlags(found[2] ?? '', found[3] ?? '', found[1] === '' ? outer : RESET);
    if (found[4] === ')') return null;
    const group = this.closed(null);
    this.flags = outer;
    return group;
  }

  private escape(): PatternNode | null {
    const char = this.peek();
    if (char === '') throw new PatternError('back slash at the end');
    const assertion = ASSERTION_ESCAPES.get(char);
    if (assertion !== undefined) {
      this.at++;
      if (char.toLowerCase() !== 'b') return { kind: 'assert', assertion };
      if (this.peek() === '{') throw new PatternError('"\\b{" is not supported');
      return this.flags.charset === 'latin1' ? this.boundary(char === 'B') : { kind: 'assert', assertion };
    }
    if (/[KRX]/.test(char)) return this.keepOrLineBreak(char);
    const reference = this.reference(char);
    if (reference !== null) return reference;
    if (char === 'N' && !this.source.startsWith('N{U+', this.at)) {
      this.at++;
      return { kind: 'set', set: complement(NEWLINE) };
    }
    const shorthand = this.shorthand();
    if (shorthand !== null) return { kind: 'set', set: shorthand };
    return this.literal(this.escapedCode());
  }

  /** `\b` where the letters of latin1 count: a word begins or ends here. */
  private boundary(negated: boolean): PatternNode {
    const look = (behind: boolean, not: boolean): PatternNode => ({
      kind: 'look',
      item: { kind: 'set', set: LATIN1_WORD },
      behind,
      negated: not,
    });
    const pair = (before: boolean, after: boolean): PatternNode => ({
      kind: 'concat',
      items: [look(true, before), look(false, after)],
    });
    return { kind: 'alternate', branches: [pair(false, !negated), pair(true, negated)] };
  }

  /** `\K` moves only the start of what is reported; `\R` and `\X` take a pair as one and never give its half back. */
  private keepOrLineBreak(char: string): PatternNode | null {
    this.at++;
    if (char === 'K') return null;
    const pair: PatternNode = {
      kind: 'concat',
      items: [setOf(0x0d), setOf(0x0a)].map((set) => ({ kind: 'set', set })),
    };
    return {
      kind: 'atomic',
      item: { kind: 'alternate', branches: [pair, { kind: 'set', set: char === 'X' ? ANY : VERTICAL }] },
    };
  }

  /** `\1`, `\g1`, `\g{-1}`, `\g{name}`, `\k<name>`, or null where it is something else. */
  private reference(char: string): PatternNode | null {
    if (char === 'k') {
      this.at++;
      for (const [open, close] of ['<>', '{}', "''"]) {
        const found = this.namedReference(open!, close!);
        if (found !== null) return found;
      }
      throw new PatternError('"\\k" without a name');
    }
    if (char === 'g') return this.groupReference();
    const digits = /^[1-9]\d{0,4}/.exec(this.source.slice(this.at, this.at + 5))?.[0];
    if (digits === undefined) return null;
    const number = Number(digits);
    if (number > 9 && number > this.groupsAhead) return null;
    this.at += digits.length;
    return this.referTo(number);
  }

  private groupReference(): PatternNode {
    const found = /^g(?:(-?\d{1,4})|\{[ \t]*(-?\d{1,4})[ \t]*\})/.exec(this.source.slice(this.at, this.at + 16));
    if (found === null) {
      this.at++;
      const named = this.namedReference('{', '}');
      if (named === null) throw new PatternError('"\\g" without a group');
      return named;
    }
    this.at += found[0].length;
    const number = Number(found[1] ?? found[2]);
    return this.referTo(number < 0 ? this.captures + 1 + number : number);
  }

  private referTo(number: number): PatternNode {
    this.asked.push(number);
    return { kind: 'reference', captures: [number], insensitive: this.flags.i };
  }

  private namedReference(open: string, close: string): PatternNode | null {
    if (!this.source.startsWith(open, this.at)) return null;
    const end = this.source.indexOf(close, this.at + open.length);
    const name = this.source.slice(this.at + open.length, end);
    if (end < 0 || !/^[A-Za-z_]\w{0,63}$/.test(name)) return null;
    this.at = end + 1;
    this.asked.push(name);
    const captures = this.names.get(name) ?? [];
    this.names.set(name, captures);
    return { kind: 'reference', captures, insensitive: this.flags.i };
  }
}

const ANY = complement(emptySet());
const LATIN1_WORD = WORD.map((value, byte) => value | LATIN1_MORE.get('w')![byte]!);
const NO_NEWLINE = complement(NEWLINE);

/** How many brackets capture, by the look of it: tells `\10` the reference from `\10` the octal number. */
function countGroups(source: string): number {
  return (
    source.match(/\\[^]|\[\^?\]?(?:\\[^]|[^\]\\])*\]|\((?!\?(?!P?<[A-Za-z_]|'))/g)?.filter((text) => text === '(')
      .length ?? 0
  );
}

const ASSERTION_ESCAPES: ReadonlyMap<string, Assertion> = new Map<string, Assertion>([
  ['b', 'word-boundary'],
  ['B', 'not-word-boundary'],
  ['A', 'text-start'],
  ['Z', 'text-end-or-newline'],
  ['z', 'text-end'],
  ['G', 'search-start'],
]);

const REFUSED_GROUPS: readonly (readonly [string, string])[] = [
  ['{', 'code in a pattern'],
  ['?{', 'code in a pattern'],
  ['(', 'conditional group'],
  ['R', 'recursion'],
  ['&', 'recursion'],
  ['P>', 'recursion'],
  ...Array.from('0123456789', (digit) => [digit, 'recursion'] as const),
  ['+', 'recursion'],
];
