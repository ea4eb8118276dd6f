// Reads the parts of an expression that stand for characters: letters, escapes, shorthands, properties and bracketed
// classes. The base of the rewriter, which knows what stands around them.
import { PatternError } from '../pattern/syntax.js';
import { charactersOf, CODE_POINT_MAX, othersThan, type Characters, type Run } from './characters.js';
import { POSIX_SETS, SHORTHANDS } from './character-sets.js';
import { inAnyCase } from './letter-case.js';
import { charactersNamed } from './properties.js';

const PROPERTY = /\\([pP])(?:\{(\^?)([A-Za-z_=]{1,40})\}|([A-Z]))/y;
const POSIX = /\[:(\^?)([a-z]{1,10}):\]/y;
const CODE =
  /\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|N\{U\+([0-9A-Fa-f]{1,6})\}|u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|o\{([0-7]{1,7})\}|([0-7]{3}|0[0-7]?)|c([@-_a-z?]))/y;
const CODE_BASES = [16, 16, 16, 16, 16, 8, 8] as const;
/** Classes read before, by their text. */
const knownClasses = new Map<string, Characters>();
const KNOWN_CLASSES_MAX = 4_096;

/** What changes the meaning of characters: cases alike, dot takes newlines, blanks mean nothing. */
export interface CharacterFlags {
  readonly i: boolean;
  readonly s: boolean;
  readonly x: boolean;
}

/** A reading position in an expression, and what can be read of characters there. */
export class CharacterReader {
  protected at = 0;

  constructor(
    protected readonly source: string,
    protected flags: CharacterFlags,
  ) {}

  protected take(form: RegExp): RegExpExecArray | null {
    form.lastIndex = this.at;
    const found = form.exec(this.source);
    if (found === null || found[0] === '') return null;
    this.at = form.lastIndex;
    return found;
  }

  /** The next character, written as it is or as an escape. */
  protected character(): string {
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
  protected namedSet(): Characters | null {
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

  /** A bracketed class. */
  protected bracketed(): Characters {
    const from = this.at;
    const key = `${this.flags.i ? 'i' : ' '}${this.source.slice(from, this.source.indexOf(']', from) + 1)}`;
    const known = knownClasses.get(key);
    if (known !== undefined) {
      this.at = from + key.length - 1;
      return known;
    }
    const read = this.readClass();
    // Only where the first closing bracket was the end does the same text always mean the same.
    if (this.at === from + key.length - 1) {
      if (knownClasses.size >= KNOWN_CLASSES_MAX) knownClasses.clear();
      knownClasses.set(key, read);
    }
    return read;
  }

  private readClass(): Characters {
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
