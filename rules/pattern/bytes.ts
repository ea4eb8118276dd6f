// Reads the parts of a pattern that stand for single bytes: escapes, shorthands and bracketed classes. The base of the
// pattern reader, which knows what stands around them.
import type { Flags } from './flags.js';
import { propertyForms } from './property-forms.js';
import {
  addSet,
  BYTES,
  complement,
  DIGIT,
  emptySet,
  foldCase,
  HORIZONTAL,
  LATIN1_MORE,
  PatternError,
  POSIX,
  SPACE,
  VERTICAL,
  WORD,
  type ByteSet,
} from './syntax.js';

/** Classes read before: rule sets repeat them by the thousand. */
const seenClasses = new Map<string, ByteSet>();
const SEEN_CLASSES_MAX = 4_096;
/** Letters in front of a class's text in its key. */
const CLASS_KEY_FLAGS = 3;

/** A reading position in the source of a pattern, and what can be read of bytes there. */
export class ByteReader {
  protected at = 0;

  constructor(
    protected readonly source: string,
    protected flags: Flags,
  ) {}

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
    if (char === 'p' || char === 'P') return this.property(char === 'P');
    const lower = char.toLowerCase();
    const set = SHORTHANDS.get(lower);
    if (set === undefined) return null;
    this.at++;
    const meant = this.withLatin1(lower, set);
    return char === lower ? meant : complement(meant);
  }

  private withLatin1(name: string, set: ByteSet): ByteSet {
    const more = this.flags.charset === 'latin1' ? LATIN1_MORE.get(name) : undefined;
    if (more === undefined) return set;
    const all = set.slice();
    addSet(all, more);
    return all;
  }

  /** `\p{Lu}`, `\pL`, `\P{…}`, `\p{^…}`: those bytes that are such a character in latin1, as Perl takes them. */
  private property(negated: boolean): ByteSet {
    const found = /^[pP](?:\{(\^?)([A-Za-z_=]{1,40})\}|([A-Z]))/.exec(this.source.slice(this.at, this.at + 48));
    const name = found?.[2] ?? found?.[3];
    if (found === null || name === undefined) throw new PatternError('property without a name');
    this.at += found[0].length;
    const inner = this.flags.i ? foldCase(propertySet(name)) : propertySet(name);
    return negated !== (found[1] === '^') ? complement(inner) : inner;
  }

  /** The byte an escape stands for (`\n`, `\x41`, `\x{41}`, `\101`, `\cA`, `\.`). */
  protected escapedCode(): number {
    const char = this.peek();
    this.at++;
    const control = CONTROL_ESCAPES.get(char);
    if (control !== undefined) return control;
    if (char === 'x') return this.hexCode();
    if (char === 'o' || char === 'N') return this.bracedCode(char);
    if (/[0-7]/.test(char)) {
      const digits = /^[0-7]{1,3}/.exec(this.source.slice(this.at - 1, this.at + 2))![0];
      this.at += digits.length - 1;
      if (/[89]/.test(this.peek()) && digits.length < 3) throw new PatternError('an octal number with an 8 or 9 in it');
      return parseInt(digits, 8);
    }
    if (char === 'c') return this.controlCode();
    if (/[A-Za-z0-9]/.test(char)) throw new PatternError(`"\\${char}" is not supported`);
    return char.charCodeAt(0);
  }

  private controlCode(): number {
    const code = this.source.charCodeAt(this.at++);
    if (!(code >= 0x20 && code < 0x7f)) throw new PatternError('"\\c" without its letter');
    return String.fromCharCode(code).toUpperCase().charCodeAt(0) ^ 0x40;
  }

  /** May be above 0xFF: such a character is never in the text. */
  private hexCode(): number {
    const found = /^(?:\{([0-9A-Fa-f]{0,8})\}|([0-9A-Fa-f]{0,2}))/.exec(this.source.slice(this.at, this.at + 10))!;
    this.at += found[0].length;
    const next = this.peek();
    if (found[1] === undefined && found[2]!.length < 2 && next !== '')
      throw new PatternError('"\\x" without two hexadecimal digits');
    return parseInt(`0${found[1] ?? found[2] ?? ''}`, 16);
  }

  /** `\o{101}`, `\N{U+41}`. */
  private bracedCode(kind: 'o' | 'N'): number {
    const form = kind === 'o' ? /^\{([0-7]{1,8})\}/ : /^\{U\+([0-9A-Fa-f]{1,6})\}/;
    const found = form.exec(this.source.slice(this.at, this.at + 12));
    if (found === null) throw new PatternError(`"\\${kind}" is not supported so`);
    this.at += found[0].length;
    return parseInt(found[1]!, kind === 'o' ? 8 : 16);
  }

  /** A bracketed class, after its `[`. */
  protected charClass(): ByteSet {
    const from = this.at;
    const { i, xx, charset } = this.flags;
    const key = `${i ? 'i' : ' '}${xx ? 'x' : ' '}${charset.charAt(0)}${this.source.slice(from, this.source.indexOf(']', from) + 1)}`;
    const known = seenClasses.get(key);
    if (known !== undefined) {
      this.at = from + key.length - CLASS_KEY_FLAGS;
      return known;
    }
    const read = this.readClass();
    // Only where the first closing bracket was the end does the same text always mean the same.
    if (this.at === from + key.length - CLASS_KEY_FLAGS) {
      if (seenClasses.size >= SEEN_CLASSES_MAX) seenClasses.clear();
      seenClasses.set(key, read);
    }
    return read;
  }

  private readClass(): ByteSet {
    const set = emptySet();
    const negated = this.take('^');
    for (let first = true; first || this.peek() !== ']'; first = false) {
      while (this.flags.xx && /[ \t]/.test(this.peek())) this.at++;
      if (this.peek() === ']' && !first) break;
      if (this.at >= this.source.length) throw new PatternError('character class without an end');
      this.classItem(set);
    }
    this.at++;
    const folded = this.flags.i ? foldCase(set, this.flags.charset === 'bytes') : set;
    return negated ? complement(folded) : folded;
  }

  private classItem(set: ByteSet): void {
    const posix = /^\[:(\^?)([a-z]{1,10}):\]/.exec(this.source.slice(this.at, this.at + 16));
    if (posix !== null) {
      const named = POSIX.get(posix[2]!);
      if (named === undefined) throw new PatternError(`unknown class [:${posix[2]}:]`);
      this.at += posix[0].length;
      const meant = this.withLatin1(posix[2]!, named);
      addSet(set, posix[1] === '^' ? complement(meant) : meant);
      return;
    }
    const from = this.classAtom();
    const next = this.source.charAt(this.at + 1);
    const range = this.peek() === '-' && next !== ']' && next !== '';
    if (typeof from !== 'number') {
      if (range) throw new PatternError('range in a character class that is not one');
      return addSet(set, from);
    }
    if (!range) {
      if (from <= 0xff) set[from] = 1;
      return;
    }
    this.at++;
    const to = this.source.startsWith('[:', this.at) ? null : this.classAtom();
    if (typeof to !== 'number' || to < from) throw new PatternError('range in a character class that is not one');
    if (from <= 0xff) set.fill(1, from, Math.min(to, 0xff) + 1);
  }

  private classAtom(): number | ByteSet {
    const char = this.peek();
    if (/^\[[.=][^\]]{0,20}[.=]\]/.test(this.source.slice(this.at, this.at + 24)))
      throw new PatternError('"[." and "[=" are not supported');
    this.at++;
    if (char !== '\\') return char.charCodeAt(0);
    if (this.take('b')) return 0x08;
    if (this.peek() === '') throw new PatternError('character class without an end');
    return this.shorthand() ?? this.escapedCode();
  }
}

function propertySet(name: string): ByteSet {
  const bare = name.replace(/^Is_?/i, '');
  const known = POSIX.get(bare.toLowerCase().replace(/^(?:posix|xposix)_?/, ''));
  for (const form of propertyForms(name)) {
    try {
      const test = new RegExp(`^\\p{${form}}$`, 'u');
      return Uint8Array.from({ length: BYTES }, (_, byte) => Number(test.test(String.fromCharCode(byte))));
    } catch {
      // Not a name that this form of it has: the next is tried.
      continue;
    }
  }
  if (known !== undefined) return known;
  throw new PatternError(`unknown property "${name}"`);
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
