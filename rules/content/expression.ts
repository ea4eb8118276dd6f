// A regular expression as an administrator writes it, over characters of Unicode, written anew over the UTF-8 bytes that
// rules run on. Only what stands for characters is rewritten; all else is left to the reader of patterns, which refuses
// what is none. Case is settled here, so what comes out needs no flag for it.
import { PatternError } from '../pattern/syntax.js';
import type { PatternSource } from '../definition.js';
import { charactersOf, CODE_POINT_MAX, othersThan, type Characters, type Run } from './characters.js';
import { foldLetters } from './fold.js';
import { asFolded, inAnyCase } from './letter-case.js';
import { charactersNamed } from './properties.js';
import { sourceOf } from './utf8-source.js';

/** An expression over bytes. */
export interface ByteExpression extends PatternSource {
  /** Whether it is for text whose case was folded letter by letter. */
  readonly folded: boolean;
}

/** Name of the group that `keepMatch` puts around the whole. */
export const MATCH_GROUP = 'MATCH';

/**
 * Writes it anew: `^` and `$` stand for the ends of a line. `keepMatch`: for text as it is, with all that matches in the
 * group MATCH_GROUP. Throws PatternError where something in it stands for no character.
 */
export function toByteExpression(expression: string, caseSensitive: boolean, keepMatch = false): ByteExpression {
  // Where only part of it tells cases apart, the text has to keep them.
  const folded = !caseSensitive && !keepMatch && !SWITCHES_CASE.test(expression);
  const source = new Rewriter(expression, !caseSensitive, folded, Number(keepMatch)).rewritten();
  return { source: keepMatch ? `(?<${MATCH_GROUP}>${source})` : source, flags: 'm', folded };
}

const SWITCHES_CASE = /\(\?[a-z]*-?[a-z]*i/;
/** What opens a group and is the same over bytes. */
const GROUP = /\((?:\?(?:[:=!>|]|<[=!]|P?<[A-Za-z_]\w{0,63}>|'[A-Za-z_]\w{0,63}'))?/y;
const FLAGS = /\(\?([imsxn]*)(?:-([imsxn]*))?([:)])/y;
const COMMENT = /\(\?#[^)]*\)/y;
/** Back references by name, and relative ones. */
const REFERENCE = /\(\?P=\w{1,64}\)|\\k(?:<\w{1,64}>|\{\w{1,64}\}|'\w{1,64}')|\\g\{(?:-\d{1,4}|[A-Za-z_]\w{0,63})\}/y;
const NUMBERED = /\\(?:([1-9]\d?)(?!\d)|g(\d{1,4})|g\{(\d{1,4})\})/y;
const REPEAT = /[*+?|^$]|\{[ \t]*\d{0,8}[ \t]*,?[ \t]*\d{0,8}[ \t]*\}/y;
/** What the reader knows by itself: places, and sets of ASCII. */
const SAME_ESCAPE = /\\[bBAZzGKdws]/y;
const QUOTED = /\\Q([^]*?)(?:\\E|$)/y;
const BLANK = /\s+|#[^\n]*\n?/y;
const PROPERTY = /\\([pP])(?:\{(\^?)([A-Za-z_=]{1,40})\}|([A-Z]))/y;
const POSIX = /\[:(\^?)([a-z]{1,10}):\]/y;
const CODE =
  /\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|N\{U\+([0-9A-Fa-f]{1,6})\}|u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|o\{([0-7]{1,7})\}|([0-7]{3}|0[0-7]?)|c([@-_a-z?]))/y;
const CODE_BASES = [16, 16, 16, 16, 16, 8, 8] as const;

interface Flags {
  readonly i: boolean;
  readonly s: boolean;
  readonly x: boolean;
}

class Rewriter {
  private at = 0;
  private flags: Flags;
  private readonly outer: Flags[] = [];

  constructor(
    private readonly source: string,
    insensitive: boolean,
    private readonly folded: boolean,
    private readonly groupsBefore: number,
  ) {
    this.flags = { i: insensitive, s: false, x: false };
  }

  rewritten(): string {
    const parts: string[] = [];
    while (this.at < this.source.length) parts.push(this.part());
    return parts.join('');
  }

  private part(): string {
    if (this.flags.x && this.take(BLANK) !== null) return '';
    return this.kept() ?? this.group() ?? this.end() ?? this.characters();
  }

  /** What is the same over bytes. */
  private kept(): string | null {
    if (this.take(COMMENT) !== null) return '';
    const numbered = this.take(NUMBERED);
    if (numbered !== null) return `\\g{${Number(numbered[1] ?? numbered[2] ?? numbered[3]) + this.groupsBefore}}`;
    return this.take(REFERENCE)?.[0] ?? this.take(REPEAT)?.[0] ?? this.take(SAME_ESCAPE)?.[0] ?? null;
  }

  private group(): string | null {
    const flags = this.take(FLAGS);
    if (flags !== null) return this.flagGroup(flags);
    if (/^\(\?(?![:=!>|<P'])/.test(this.source.slice(this.at, this.at + 3)))
      throw new PatternError(`unknown kind of group "${this.source.slice(this.at, this.at + 3)}"`);
    const opened = this.take(GROUP);
    if (opened === null) return null;
    this.outer.push(this.flags);
    return opened[0];
  }

  /** Of the flags only those are left to the reader that do not change what characters stand for. */
  private flagGroup([, on = '', off = '', end]: RegExpExecArray): string {
    if (end === ':') this.outer.push(this.flags);
    const value = (flag: keyof Flags) => !off.includes(flag) && (on.includes(flag) || this.flags[flag]);
    this.flags = { i: value('i'), s: value('s'), x: value('x') };
    const left = on.replace(/[isx]/g, '');
    const leftOff = off.replace(/[isx]/g, '');
    if (left === '' && leftOff === '') return end === ':' ? '(?:' : '';
    return `(?${left}${leftOff === '' ? '' : `-${leftOff}`}${end}`;
  }

  private end(): string | null {
    if (!this.source.startsWith(')', this.at)) return null;
    this.at++;
    this.flags = this.outer.pop() ?? this.flags;
    return ')';
  }

  private characters(): string {
    const quoted = this.take(QUOTED);
    if (quoted !== null) return Array.from(quoted[1]!, (letter) => this.written(this.single(letter))).join('');
    if (this.source.startsWith('[', this.at)) return this.written(this.bracketed());
    if (this.source.startsWith('.', this.at)) {
      this.at++;
      return this.written(this.flags.s ? ANY : NO_NEWLINE);
    }
    if (this.source.startsWith('\\R', this.at)) {
      this.at += 2;
      return `(?>\\x0d\\x0a|${sourceOf(VERTICAL)})`;
    }
    const set = this.namedSet();
    return this.written(set ?? this.single(this.character()));
  }

  private written(characters: Characters): string {
    return sourceOf(this.folded ? asFolded(characters) : characters);
  }

  /** The set of one character, in any case where that does not count. */
  private single(letter: string): Characters {
    const code = (this.folded ? foldLetters(letter) : letter).codePointAt(0)!;
    const one: Characters = [[code, code]];
    return this.flags.i && !this.folded ? inAnyCase(one) : one;
  }

  /** The next character, written as it is or as an escape. */
  private character(): string {
    const coded = this.take(CODE);
    if (coded !== null) return String.fromCodePoint(codeIn(coded));
    if (this.source.startsWith('\\', this.at)) {
      const escaped = this.source.charAt(this.at + 1);
      if (escaped === '') throw new PatternError('back slash at the end');
      const control = CONTROLS.get(escaped);
      if (control === undefined && /[A-Za-z0-9]/.test(escaped))
        throw new PatternError(`"\\${escaped}" is not supported`);
      this.at++;
      const letter = this.next();
      return control ?? letter;
    }
    return this.next();
  }

  private next(): string {
    const letter = String.fromCodePoint(this.source.codePointAt(this.at)!);
    this.at += letter.length;
    return letter;
  }

  /** `\w` and its like, properties; null where there is none. */
  private namedSet(): Characters | null {
    const property = this.take(PROPERTY);
    if (property !== null) {
      const [, kind, negated, name, letter] = property;
      return propertySet(name ?? letter!, this.flags.i, (kind === 'P') !== (negated === '^'));
    }
    const shorthand = /^\\([A-Za-z])/.exec(this.source.slice(this.at, this.at + 2))?.[1] ?? '';
    const set = SHORTHANDS.get(shorthand.toLowerCase());
    if (set === undefined || (shorthand === 'N' && this.source.startsWith('\\N{', this.at)) || shorthand === 'n')
      return null;
    this.at += 2;
    return shorthand === shorthand.toLowerCase() ? set : othersThan(set);
  }

  private bracketed(): Characters {
    this.refuseMisplacedPosix();
    this.at++;
    const negated = this.source.startsWith('^', this.at);
    if (negated) this.at++;
    const runs: Run[] = [];
    for (let first = true; first || !this.source.startsWith(']', this.at); first = false) {
      if (this.at >= this.source.length) throw new PatternError('character class without an end');
      runs.push(...this.classItem());
    }
    this.at++;
    const all = charactersOf(runs);
    const inner = this.flags.i ? inAnyCase(all) : all;
    return negated ? othersThan(inner) : inner;
  }

  private refuseMisplacedPosix(): void {
    if (/^\[([:.=])\^?[a-z]{1,12}\1\]/.test(this.source.slice(this.at, this.at + 18)))
      throw new PatternError('[:name:] stands outside of a character class');
  }

  private classItem(): Characters {
    const posix = this.take(POSIX);
    if (posix !== null) {
      const named = POSIX_SETS.get(posix[2]!);
      if (named === undefined) throw new PatternError(`unknown class [:${posix[2]}:]`);
      return posix[1] === '^' ? othersThan(named) : named;
    }
    const named = this.namedSet();
    const from = named === null ? this.classCharacter() : 0;
    const after = this.source.charAt(this.at + 1);
    if (!this.source.startsWith('-', this.at) || after === ']' || after === '') return named ?? [[from, from]];
    this.at++;
    if (named !== null || this.source.startsWith('[:', this.at) || this.namedSet() !== null)
      throw new PatternError(NO_RANGE);
    const to = this.classCharacter();
    if (to < from) throw new PatternError(NO_RANGE);
    return [[from, to]];
  }

  private classCharacter(): number {
    if (this.source.startsWith('\\b', this.at)) {
      this.at += 2;
      return BACKSPACE;
    }
    if (this.at >= this.source.length) throw new PatternError('character class without an end');
    return this.character().codePointAt(0)!;
  }

  private take(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.at;
    const found = form.exec(this.source);
    if (found === null || found[0] === '') return null;
    this.at = form.lastIndex;
    return found;
  }
}

const knownProperties = new Map<string, Characters>();

/** The same object for the same property: what is worked out of it is kept. */
function propertySet(name: string, anyCase: boolean, negated: boolean): Characters {
  const key = `${name} ${anyCase} ${negated}`;
  let found = knownProperties.get(key);
  if (found !== undefined) return found;
  const named = charactersNamed(name);
  const inner = anyCase ? inAnyCase(named) : named;
  found = negated ? othersThan(inner) : inner;
  knownProperties.set(key, found);
  return found;
}

const NO_RANGE = 'range in a character class that is not one';
const BACKSPACE = 0x08;
const CONTROL_BIT = 0x40;

function codeIn(found: RegExpExecArray): number {
  const control = found[8];
  if (control !== undefined) return control.toUpperCase().charCodeAt(0) ^ CONTROL_BIT;
  const kind = CODE_BASES.findIndex((_, index) => found[index + 1] !== undefined);
  const code = parseInt(found[kind + 1]!, CODE_BASES[kind]);
  if (code > CODE_POINT_MAX) throw new PatternError('a code that is no character');
  return code;
}

const CONTROLS: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['f', '\f'],
  ['a', '\x07'],
  ['e', '\x1b'],
]);
const DIGIT: Characters = [[0x30, 0x39]];
const UPPER: Characters = [[0x41, 0x5a]];
const LOWER: Characters = [[0x61, 0x7a]];
const ALPHA: Characters = [...UPPER, ...LOWER];
const WORD: Characters = [...DIGIT, ...UPPER, [0x5f, 0x5f], ...LOWER];
const SPACE: Characters = [
  [0x09, 0x0d],
  [0x20, 0x20],
];
const HORIZONTAL = charactersOf(
  [0x09, 0x20, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000].map((code): Run => [code, code]).concat([[0x2000, 0x200a]]),
);
const VERTICAL: Characters = [
  [0x0a, 0x0d],
  [0x85, 0x85],
  [0x2028, 0x2029],
];
const NEWLINE: Characters = [[0x0a, 0x0a]];
const ANY: Characters = othersThan([]);
const NO_NEWLINE: Characters = othersThan(NEWLINE);

/** In capitals they stand for all other characters; `\N` is what is no newline. */
const SHORTHANDS: ReadonlyMap<string, Characters> = new Map([
  ['d', DIGIT],
  ['w', WORD],
  ['s', SPACE],
  ['h', HORIZONTAL],
  ['v', VERTICAL],
  ['n', NEWLINE],
]);

/** POSIX classes, of ASCII. */
const POSIX_SETS: ReadonlyMap<string, Characters> = new Map<string, Characters>([
  ['alpha', ALPHA],
  ['digit', DIGIT],
  ['alnum', [...DIGIT, ...ALPHA]],
  ['upper', UPPER],
  ['lower', LOWER],
  ['space', SPACE],
  [
    'blank',
    charactersOf([
      [0x09, 0x09],
      [0x20, 0x20],
    ]),
  ],
  [
    'punct',
    charactersOf([
      [0x21, 0x2f],
      [0x3a, 0x40],
      [0x5b, 0x60],
      [0x7b, 0x7e],
    ]),
  ],
  ['print', [[0x20, 0x7e]]],
  ['graph', [[0x21, 0x7e]]],
  [
    'cntrl',
    charactersOf([
      [0x00, 0x1f],
      [0x7f, 0x7f],
    ]),
  ],
  ['xdigit', [...DIGIT, [0x41, 0x46], [0x61, 0x66]]],
  ['word', WORD],
  ['ascii', [[0x00, 0x7f]]],
]);
