// Conditional blocks of rule files: `if`, `ifplugin`, `else`, `endif`, nested. Conditions are read into tokens and worked
// out by a small parser of our own; nothing of a file is evaluated.
import { COMPATIBLE_VERSION_NUMBER, countsAsLoaded, hasFeature, PERL_VERSION_NUMBER, pluginName } from './features.js';

/** Deepest nesting of blocks, and of brackets in a condition. */
export const BLOCKS_DEPTH_MAX = 50;
const CONDITION_TOKENS_MAX = 200;

/** What conditions are about. */
export interface ConditionFacts {
  readonly loaded: ReadonlySet<string>;
  /** Flags of `enable_compat`. */
  readonly compatible: ReadonlySet<string>;
  /** Whether nothing may be looked up. */
  readonly localTestsOnly: boolean;
}

/** Why a condition cannot be read. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

/** The same because of a term that is nothing at all: then its line is as good as not there, and its "endif" too many. */
class UnreadableTermError extends ConditionError {}

interface Block {
  readonly word: string;
  readonly line: number;
  /** Whether lines were skipped already where it began. */
  readonly outerSkips: boolean;
}

/** The blocks that are open at one place of one file. */
export class ConditionalBlocks {
  private readonly open: Block[] = [];
  /** Whether lines here are skipped. */
  skips = false;

  /**
   * Whether the line belongs to the blocks themselves. Throws ConditionError when it is broken.
   */
  takes(word: string, value: string, line: number, facts: ConditionFacts): boolean {
    switch (word) {
      case 'if':
      case 'ifplugin':
        this.begin(word, value, line, facts);
        return true;
      case 'else':
        alone(word, value);
        if (this.open.length === 0) throw new ConditionError('"else" without "if"');
        this.skips = this.open.some(({ outerSkips }) => outerSkips) || !this.skips;
        return true;
      case 'endif': {
        alone(word, value);
        const block = this.open.pop();
        if (block === undefined) throw new ConditionError('"endif" without "if"');
        this.skips = block.outerSkips;
        return true;
      }
      default:
        return false;
    }
  }

  private begin(word: string, value: string, line: number, facts: ConditionFacts): void {
    if (this.open.length >= BLOCKS_DEPTH_MAX) throw new ConditionError(`nests deeper than ${BLOCKS_DEPTH_MAX}`);
    this.open.push({ word, line, outerSkips: this.skips });
    const skipped = this.skips;
    this.skips = skipped || !this.holds(word, value, facts, skipped);
  }

  /** A condition that cannot be worked out skips its block; one with a word that is none begins no block, as in SpamAssassin. */
  private holds(word: string, value: string, facts: ConditionFacts, skipped: boolean): boolean {
    try {
      if (value === '') throw new UnreadableTermError(`"${word}" without a condition`);
      return word === 'ifplugin' ? pluginLoaded(value, facts) : evaluateCondition(value, facts);
    } catch (error) {
      if (error instanceof UnreadableTermError) this.open.pop();
      this.skips = skipped || !(error instanceof UnreadableTermError);
      throw error;
    }
  }

  /** Blocks that were never closed. */
  unclosed(): readonly { readonly word: string; readonly line: number }[] {
    return this.open;
  }
}

function alone(word: string, value: string): void {
  if (value !== '') throw new ConditionError(`"${word}" stands alone on its line`);
}

function pluginLoaded(value: string, { loaded }: ConditionFacts): boolean {
  return countsAsLoaded(pluginName(value.trim()), loaded);
}

const TOKEN = /\s*(?:([-+]?\d+(?:\.\d+)?)|([A-Za-z_]\w*(?:::\w+)*)|(\|\||&&|>=|<=|==|!=|[-+*/^!<>()]))/y;

/** Whether a condition holds. Throws ConditionError where it cannot be read. */
export function evaluateCondition(text: string, facts: ConditionFacts): boolean {
  const reader = new ConditionReader(tokensOf(text), facts);
  return reader.whole() !== 0;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  const source = text.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(source);
    const token = found?.[1] ?? found?.[2] ?? found?.[3];
    const wrong = `"${source.slice(at, at + 20)}" does not belong in a condition`;
    if (token === undefined) {
      throw /^\s*\W{1,5}[A-Za-z_](?!\w)/.test(source.slice(at))
        ? new UnreadableTermError(wrong)
        : new ConditionError(wrong);
    }
    if (/^[A-Za-z_]$/.test(token)) throw new UnreadableTermError(wrong);
    tokens.push(token);
    if (tokens.length > CONDITION_TOKENS_MAX) throw new ConditionError(`more than ${CONDITION_TOKENS_MAX} terms`);
  }
  return tokens;
}

const STRENGTH: ReadonlyMap<string, number> = new Map([
  ['||', 1],
  ['&&', 2],
  ['==', 3],
  ['!=', 3],
  ['<', 4],
  ['>', 4],
  ['<=', 4],
  ['>=', 4],
]);

class ConditionReader {
  private at = 0;
  private depth = 0;

  constructor(
    private readonly tokens: readonly string[],
    private readonly facts: ConditionFacts,
  ) {}

  whole(): number {
    const value = this.binary(1);
    if (this.at < this.tokens.length) throw new ConditionError(`unexpected "${this.tokens[this.at]}"`);
    return value;
  }

  private binary(weakest: number): number {
    let value = this.unary();
    for (;;) {
      const token = this.tokens[this.at] ?? '';
      const strength = STRENGTH.get(token);
      if (strength === undefined || strength < weakest) return value;
      this.at++;
      value = combine(token, value, this.binary(strength + 1));
    }
  }

  private unary(): number {
    if (++this.depth > BLOCKS_DEPTH_MAX) throw new ConditionError(`nests deeper than ${BLOCKS_DEPTH_MAX}`);
    const value = this.primary();
    this.depth--;
    return value;
  }

  private primary(): number {
    const token = this.tokens[this.at++];
    if (token === undefined) throw new ConditionError('ends too early');
    if (token === '!') return Number(this.unary() === 0);
    if (token === '(') {
      const value = this.binary(1);
      this.expect(')');
      return value;
    }
    if (/^[-+]?\d/.test(token)) return Number(token);
    switch (token) {
      case 'version':
        return COMPATIBLE_VERSION_NUMBER;
      case 'perl_version':
        return PERL_VERSION_NUMBER;
      case 'local_tests_only':
        return Number(this.facts.localTestsOnly);
      case 'plugin':
        return Number(countsAsLoaded(pluginName(this.argument()), this.facts.loaded));
      case 'can':
      case 'has':
        return Number(hasFeature(this.argument(), this.facts.loaded, this.facts.compatible));
      default:
        throw new ConditionError(`unknown term "${token.slice(0, 40)}"`);
    }
  }

  private argument(): string {
    this.expect('(');
    const name = this.tokens[this.at++] ?? '';
    if (!/^[A-Za-z_]/.test(name)) throw new ConditionError('expected a name in brackets');
    this.expect(')');
    return name;
  }

  private expect(token: string): void {
    if (this.tokens[this.at++] !== token) throw new ConditionError(`expected "${token}"`);
  }
}

function combine(operator: string, left: number, right: number): number {
  switch (operator) {
    case '||':
      return left !== 0 ? left : right;
    case '&&':
      return left !== 0 ? right : left;
    case '==':
      return Number(left === right);
    case '!=':
      return Number(left !== right);
    case '<':
      return Number(left < right);
    case '>':
      return Number(left > right);
    case '<=':
      return Number(left <= right);
    default:
      return Number(left >= right);
  }
}
