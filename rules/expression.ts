// Meta expressions: arithmetic and logic over hit counts. Read by a tokenizer and a precedence climber of our own into a
// postfix program that a small stack machine runs; no text of a rule file is ever given to JavaScript to evaluate.

/** Most tokens in one expression. */
export const EXPRESSION_TOKENS_MAX = 4_000;
/** Deepest nesting of brackets, negations and conditionals. */
export const EXPRESSION_DEPTH_MAX = 100;
/** Most steps of one expression, what rows of comparisons repeat among them. */
const EXPRESSION_STEPS_MAX = 4 * EXPRESSION_TOKENS_MAX;

/** Operators of expressions, by how they are written; `neg` is the sign. */
export type Operator =
  '+' | '-' | '*' | '/' | '&&' | '||' | '<' | '>' | '<=' | '>=' | '==' | '!=' | '^' | '!' | 'neg' | '?:';

type Step =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'rule'; readonly name: string }
  /** Sum over all rules whose name matches: `*` any run, `?` one character. */
  | { readonly kind: 'matching'; readonly glob: string }
  | { readonly kind: 'operator'; readonly operator: Operator };

/** An expression ready to run. */
export interface Expression {
  readonly steps: readonly Step[];
  /** Names it reads, each once. */
  readonly names: readonly string[];
  /** Patterns of `rules_matching`. */
  readonly globs: readonly string[];
  /** `()`: declared for others to hit, never hits by itself. */
  readonly empty: boolean;
}

/** Why an expression cannot be read. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}

/** Binding strength, Perl's order, weakest first. */
const STRENGTH: ReadonlyMap<string, number> = new Map([
  ['||', 1],
  ['&&', 2],
  ['^', 3],
  ['==', 4],
  ['!=', 4],
  ['<', 5],
  ['>', 5],
  ['<=', 5],
  ['>=', 5],
  ['+', 6],
  ['-', 6],
  ['*', 7],
  ['/', 7],
]);

/** Strengths of the operators that can stand in a row. */
const COMPARISONS: ReadonlySet<number> = new Set([4, 5]);

/** A number may not carry a sign: SpamAssassin reads `A -1` as two operands and refuses it. */
const TOKEN =
  /^(?:(\d{1,15}(?:\.\d{1,15})?)(?![-+.\d])|([A-Za-z_]\w{0,127})|(&&|\|\||<=|>=|==|!=|[-+](?![-+.\d])|[*/!()<>?:^]))/;

/** Reads an expression; `localTestsOnly` is what that name stands for. Throws ExpressionError with the reason. */
export function readExpression(text: string, localTestsOnly = false): Expression {
  const tokens = tokenize(text).map((token) => (token === 'local_tests_only' ? String(Number(localTestsOnly)) : token));
  if (tokens.length === 2 && tokens[0] === '(' && tokens[1] === ')') {
    return { steps: [], names: [], globs: [], empty: true };
  }
  const steps = new ExpressionReader(tokens).readAll();
  const names = new Set(steps.flatMap((step) => (step.kind === 'rule' ? [step.name] : [])));
  const globs = new Set(steps.flatMap((step) => (step.kind === 'matching' ? [step.glob] : [])));
  return { steps, names: [...names], globs: [...globs], empty: false };
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text.charAt(at))) {
      at++;
      continue;
    }
    const glob = text.startsWith('rules_matching', at)
      ? /^rules_matching\(\s{0,20}([_A-Za-z*?][\w*?]{0,127})\s{0,20}\)/.exec(text.slice(at, at + 220))
      : null;
    const token = glob?.[0] ?? TOKEN.exec(text.slice(at, at + 140))?.[0];
    if (token === undefined) throw new ExpressionError(`"${text.slice(at, at + 12)}" does not belong in an expression`);
    tokens.push(glob === null ? token : `matching ${glob[1]}`);
    if (tokens.length > EXPRESSION_TOKENS_MAX) throw new ExpressionError(`more than ${EXPRESSION_TOKENS_MAX} terms`);
    at += token.length;
  }
  return tokens;
}

class ExpressionReader {
  private at = 0;
  private depth = 0;
  private readonly steps: Step[] = [];

  constructor(private readonly tokens: readonly string[]) {}

  readAll(): Step[] {
    if (this.tokens.length === 0) throw new ExpressionError('nothing to evaluate');
    this.conditional();
    if (this.at < this.tokens.length) throw new ExpressionError(`unexpected "${this.tokens[this.at]}"`);
    return this.steps;
  }

  private nested<T>(read: () => T): T {
    if (++this.depth > EXPRESSION_DEPTH_MAX) throw new ExpressionError(`nests deeper than ${EXPRESSION_DEPTH_MAX}`);
    const result = read();
    this.depth--;
    return result;
  }

  private take(token: string): boolean {
    if (this.tokens[this.at] !== token) return false;
    this.at++;
    return true;
  }

  private operator(operator: Operator): void {
    this.steps.push({ kind: 'operator', operator });
  }

  private conditional(): void {
    this.binary(1);
    if (!this.take('?')) return;
    this.nested(() => this.conditional());
    if (!this.take(':')) throw new ExpressionError('"?" without ":"');
    this.nested(() => this.conditional());
    this.operator('?:');
  }

  private binary(weakest: number): void {
    this.unary();
    for (;;) {
      const token = this.tokens[this.at];
      const strength = token === undefined ? undefined : STRENGTH.get(token);
      if (token === undefined || strength === undefined || strength < weakest) return;
      this.at++;
      let right = this.operand(strength + 1);
      this.operator(token as Operator);
      if (!COMPARISONS.has(strength)) continue;
      // Perl reads `a < b < c` as `a < b && b < c`.
      while (STRENGTH.get(this.tokens[this.at] ?? '') === strength) {
        const next = this.tokens[this.at++];
        this.steps.push(...right);
        if (this.steps.length > EXPRESSION_STEPS_MAX) throw new ExpressionError('comparisons in too long a row');
        right = this.operand(strength + 1);
        this.operator(next as Operator);
        this.operator('&&');
      }
    }
  }

  /** Reads an operand; gives the steps it takes. */
  private operand(weakest: number): readonly Step[] {
    const from = this.steps.length;
    this.binary(weakest);
    return this.steps.slice(from);
  }

  private unary(): void {
    if (this.take('!')) {
      this.nested(() => this.unary());
      return this.operator('!');
    }
    if (this.take('-')) {
      this.nested(() => this.unary());
      return this.operator('neg');
    }
    if (this.take('+')) return this.nested(() => this.unary());
    this.primary();
  }

  private primary(): void {
    const token = this.tokens[this.at++];
    if (token === undefined) throw new ExpressionError('ends too early');
    if (token === '(') {
      this.nested(() => this.conditional());
      if (!this.take(')')) throw new ExpressionError('opening bracket without a closing one');
      return;
    }
    if (/^[.\d]/.test(token)) return void this.steps.push({ kind: 'number', value: Number(token) });
    if (token.startsWith('matching ')) return void this.steps.push({ kind: 'matching', glob: token.slice(9) });
    if (!/^[A-Za-z_]/.test(token)) throw new ExpressionError(`unexpected "${token}"`);
    this.steps.push({ kind: 'rule', name: token });
  }
}

/** An expression ready to run over the counts of all rules by their numbers; a rule that did not hit counts 0. */
export type Evaluation = (counts: Float64Array) => number;

/** How rules are numbered. */
export interface RuleNumbers {
  /** The number of a rule; undefined for one that never hits. */
  numberOf(name: string): number | undefined;
  /** Numbers of the rules that a glob means. */
  matching(glob: string): readonly number[];
}

/**
 * Makes functions of the steps. Logic gives its last operand as Perl does, so a plain `A && B` passes B's count. Division
 * by zero gives 0.
 */
export function prepareExpression(expression: Expression, numbers: RuleNumbers): Evaluation {
  const stack: Evaluation[] = [];
  for (const step of expression.steps) {
    if (step.kind === 'operator') applyOperator(step.operator, stack);
    else stack.push(operand(step, numbers));
  }
  return stack.pop() ?? NOTHING;
}

const NOTHING: Evaluation = () => 0;

function operand(step: Exclude<Step, { kind: 'operator' }>, numbers: RuleNumbers): Evaluation {
  if (step.kind === 'number') return () => step.value;
  if (step.kind === 'rule') {
    const number = numbers.numberOf(step.name);
    return number === undefined ? NOTHING : (counts) => counts[number]!;
  }
  const matching = numbers.matching(step.glob);
  return (counts) => matching.reduce((sum, number) => sum + counts[number]!, 0);
}

function applyOperator(operator: Operator, stack: Evaluation[]): void {
  const right = stack.pop() ?? NOTHING;
  if (operator === '!') return void stack.push((counts) => (right(counts) === 0 ? 1 : 0));
  if (operator === 'neg') return void stack.push((counts) => -right(counts));
  const left = stack.pop() ?? NOTHING;
  if (operator === '?:') {
    const condition = stack.pop() ?? NOTHING;
    return void stack.push((counts) => (condition(counts) !== 0 ? left(counts) : right(counts)));
  }
  stack.push(combine(operator, left, right));
}

/** Operators between two operands. */
export type BinaryOperator = Exclude<Operator, '!' | 'neg' | '?:'>;

/** What the operator makes of two operands. */
export function combine(operator: BinaryOperator, left: Evaluation, right: Evaluation): Evaluation {
  switch (operator) {
    case '+':
      return (counts) => left(counts) + right(counts);
    case '-':
      return (counts) => left(counts) - right(counts);
    case '*':
      return (counts) => left(counts) * right(counts);
    case '/':
      return (counts) => {
        const divisor = right(counts);
        return divisor === 0 ? 0 : left(counts) / divisor;
      };
    case '&&':
      return (counts) => {
        const value = left(counts);
        return value !== 0 ? right(counts) : value;
      };
    case '||':
      return (counts) => {
        const value = left(counts);
        return value !== 0 ? value : right(counts);
      };
    case '^':
      return (counts) => (Math.trunc(left(counts)) ^ Math.trunc(right(counts))) >>> 0;
    case '<':
      return (counts) => Number(left(counts) < right(counts));
    case '>':
      return (counts) => Number(left(counts) > right(counts));
    case '<=':
      return (counts) => Number(left(counts) <= right(counts));
    case '>=':
      return (counts) => Number(left(counts) >= right(counts));
    case '==':
      return (counts) => Number(left(counts) === right(counts));
    case '!=':
      return (counts) => Number(left(counts) !== right(counts));
  }
}
