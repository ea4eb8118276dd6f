// Reads the parts of a pattern that stand for single bytes: escapes, shorthands and bracketed classes. The base of the
// pattern reader, which knows what stands around them.
import {
  addSet,
  complement,
  DIGIT,
  emptySet,
  foldCase,
  HORIZONTAL,
  NEWLINE,
  PatternError,
  POSIX,
  setOf,
  SPACE,
  VERTICAL,
  WORD,
  type ByteSet,
} from './syntax.js';

/** A reading position in the source of a pattern, and what can be read of bytes there. */
export class ByteReader {
  protected at = 0;

  constructor(protected readonly source: string) {}

  protected peek(): string {
    return this.source.charAt(this.at);
  }

  protected take(text: string): boolean {
    if (!this.source.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** `\d` and its like at the reading position, or null. */
  protected shorthand(): ByteSet | null {
    const char = this.peek();
    if (char === 'N') {
      this.at++;
      return complement(NEWLINE);
    }
    const set = SHORTHANDS.get(char.toLowerCase());
    if (set === undefined) return null;
    this.at++;
    return char === char.toLowerCase() ? set : complement(set);
  }

  /** The byte an escape stands for (`\n`, `\x41`, `\x{41}`, `\101`, `\cA`, `\.`). */
  protected escapedCode(): number {
    const char = this.peek();
    this.at++;
    const control = CONTROL_ESCAPES.get(char);
    if (control !== undefined) return control;
    if (char === 'x') return this.hexCode();
    if (/[0-7]/.test(char)) {
      const digits = /^[0-7]{1,3}/.exec(this.source.slice(this.at - 1, this.at + 2))![0];
      this.at += digits.length - 1;
      return parseInt(digits, 8) & 0xff;
    }
    if (char === 'c') return (this.source.charCodeAt(this.at++) & 0x5f) ^ 0x40;
    if (/[A-Za-z0-9]/.test(char)) throw new PatternError(`"\\${char}" is not supported`);
    return char.charCodeAt(0);
  }

  private hexCode(): number {
    const found = /^(?:\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{0,2}))/.exec(this.source.slice(this.at, this.at + 10))!;
    this.at += found[0].length;
    const code = parseInt(found[1] ?? found[2] ?? '', 16);
    if (code > 0xff) throw new PatternError('a character above 0xFF: patterns work on bytes, write its UTF-8 bytes');
    return Number.isNaN(code) ? 0 : code;
  }

  /** A bracketed class, after its `[`. */
  protected charClass(insensitive: boolean): ByteSet {
    const set = emptySet();
    const negated = this.take('^');
    for (let first = true; first || this.peek() !== ']'; first = false) {
      if (this.at >= this.source.length) throw new PatternError('character class without an end');
      this.classItem(set);
    }
    this.at++;
    const folded = insensitive ? foldCase(set) : set;
    return negated ? complement(folded) : folded;
  }

  private classItem(set: ByteSet): void {
    const posix = /^\[:(\^?)([a-z]{1,10}):\]/.exec(this.source.slice(this.at, this.at + 16));
    if (posix !== null) {
      const named = POSIX.get(posix[2]!);
      if (named === undefined) throw new PatternError(`unknown class [:${posix[2]}:]`);
      this.at += posix[0].length;
      addSet(set, posix[1] === '^' ? complement(named) : named);
      return;
    }
    const from = this.classAtom();
    if (typeof from !== 'number') return addSet(set, from);
    const next = this.source.charAt(this.at + 1);
    if (this.peek() !== '-' || next === ']' || next === '') return addSet(set, setOf(from));
    this.at++;
    const to = this.classAtom();
    if (typeof to !== 'number' || to < from) throw new PatternError('range in a character class that is not one');
    addSet(set, setOf([from, to]));
  }

  private classAtom(): number | ByteSet {
    const char = this.peek();
    if (char !== '\\') {
      this.at++;
      return this.byte(char.charCodeAt(0));
    }
    this.at++;
    if (this.take('b')) return 0x08;
    if (this.peek() === '') throw new PatternError('character class without an end');
    return this.shorthand() ?? this.byte(this.escapedCode());
  }

  private byte(code: number): number {
    if (code > 0xff) throw new PatternError('a character above 0xFF: patterns work on bytes, write its UTF-8 bytes');
    return code;
  }
}

const SHORTHANDS: ReadonlyMap<string, ByteSet> = new Map([
  ['d', DIGIT],
  ['w', WORD],
  ['s', SPACE],
  ['h', HORIZONTAL],
  ['v', VERTICAL],
]);

const CONTROL_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['f', 0x0c],
  ['a', 0x07],
  ['e', 0x1b],
]);
