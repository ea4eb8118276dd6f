// A regular expression as an administrator writes it, over characters of Unicode, written anew over the UTF-8 bytes that
// rules run on. Only what stands for characters is rewritten; all else is left to the reader of patterns, which refuses
// what is none. Case is settled here, so what comes out needs no flag for it.
import type { PatternSource } from '../definition.js';
import { PatternError } from '../pattern/syntax.js';
import { CharacterReader, type CharacterFlags } from './character-reader.js';
import type { Characters } from './characters.js';
import { ANY, NO_NEWLINE, VERTICAL } from './character-sets.js';
import { foldLetters } from './fold.js';
import { asFolded, inAnyCase } from './letter-case.js';
import { sourceOf, sourceOfOne } from './utf8-source.js';

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

class Rewriter extends CharacterReader {
  private readonly outer: CharacterFlags[] = [];

  constructor(
    source: string,
    insensitive: boolean,
    private readonly folded: boolean,
    private readonly groupsBefore: number,
  ) {
    super(source, { i: insensitive, s: false, x: false });
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
    const value = (flag: keyof CharacterFlags) => !off.includes(flag) && (on.includes(flag) || this.flags[flag]);
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
    if (quoted !== null) return Array.from(quoted[1]!, (letter) => this.letter(letter)).join('');
    if (this.source.startsWith('[', this.at)) return this.set(this.bracketed());
    if (this.source.startsWith('.', this.at)) {
      this.at++;
      return this.set(this.flags.s ? ANY : NO_NEWLINE);
    }
    if (this.source.startsWith('\\R', this.at)) {
      this.at += 2;
      return `(?>\\x0d\\x0a|${this.set(VERTICAL)})`;
    }
    const named = this.namedSet();
    return named === null ? this.letter(this.character()) : this.set(named);
  }

  private set(characters: Characters): string {
    return sourceOf(this.folded ? asFolded(characters) : characters);
  }

  /** One character, in any case where that does not count. */
  private letter(letter: string): string {
    if (this.folded) return sourceOfOne(foldLetters(letter));
    const code = letter.codePointAt(0)!;
    return this.flags.i ? sourceOf(inAnyCase([[code, code]])) : sourceOfOne(letter);
  }
}
