// Which rules must hit before a meta is worth working out: of `A && B && !C` it is enough to wait for the rarer of A and B.
// Works on expressions alone, when a set is prepared.
import { combine, type BinaryOperator, type Expression, type RuleNumbers } from './expression.js';

const NO_COUNTS = new Float64Array(0);

/** How often a rule may be expected to hit, in any unit. */
export type Weight = (rule: number) => number;

/** A part of an expression. */
interface Part {
  /** Its value where nothing hits. */
  readonly zero: number;
  /** Rules it reads. */
  readonly reads: number[];
  /** If none of these hits it is 0; null where it may be something else. */
  readonly needs: number[] | null;
  /** Weight of `needs`. */
  readonly weight: number;
}

/**
 * Rules one of which must hit for the expression to come to anything but 0; null where it does without any. One that reads
 * by globs waits for nothing: they may mean all rules there are.
 */
export function neededRules(expression: Expression, numbers: RuleNumbers, weight: Weight): readonly number[] | null {
  if (expression.globs.length > 0) return null;
  const stack: Part[] = [];
  const pop = (): Part => stack.pop() ?? literal(0);
  for (const step of expression.steps) {
    if (step.kind === 'number') stack.push(literal(step.value));
    else if (step.kind === 'rule') stack.push(reading(numbers.numberOf(step.name), weight));
    else if (step.kind === 'matching') return null;
    else if (step.operator === '!' || step.operator === 'neg') stack.push(unary(step.operator, pop(), weight));
    else {
      const right = pop();
      const left = pop();
      stack.push(
        step.operator === '?:' ? choice(pop(), left, right, weight) : binary(step.operator, left, right, weight),
      );
    }
  }
  return pop().needs;
}

function literal(value: number): Part {
  return { zero: value, reads: [], needs: value === 0 ? [] : null, weight: 0 };
}

function reading(rule: number | undefined, weight: Weight): Part {
  return rule === undefined ? literal(0) : { zero: 0, reads: [rule], needs: [rule], weight: weight(rule) };
}

function weightOf(rules: readonly number[], weight: Weight): number {
  return rules.reduce((sum, rule) => sum + weight(rule), 0);
}

/** What is known of any part: where it is 0 while nothing hits, something that it reads must. */
function plain(zero: number, reads: number[], weight: Weight): Part {
  return zero === 0
    ? { zero, reads, needs: [...reads], weight: weightOf(reads, weight) }
    : { zero, reads, needs: null, weight: 0 };
}

function unary(operator: '!' | 'neg', part: Part, weight: Weight): Part {
  return operator === 'neg' ? { ...part, zero: -part.zero } : plain(Number(part.zero === 0), part.reads, weight);
}

function choice(condition: Part, left: Part, right: Part, weight: Weight): Part {
  const reads = joined(joined(condition.reads, left.reads), right.reads);
  return plain(condition.zero !== 0 ? left.zero : right.zero, reads, weight);
}

function binary(operator: BinaryOperator, left: Part, right: Part, weight: Weight): Part {
  const zero = combine(
    operator,
    () => left.zero,
    () => right.zero,
  )(NO_COUNTS);
  const isConstant = right.reads.length === 0;
  const reads = joined(left.reads, right.reads);
  const like = (part: Part): Part => ({ zero, reads, needs: part.needs, weight: part.weight });
  switch (operator) {
    case '&&':
    case '*':
      // Both must come to something: the rarer one is waited for.
      if (left.needs === null) return right.needs === null ? plain(zero, reads, weight) : like(right);
      return right.needs === null || left.weight <= right.weight ? like(left) : like(right);
    case '||':
    case '+':
    case '-':
    case '^':
      if (left.needs === null || right.needs === null) return plain(zero, reads, weight);
      return { zero, reads, needs: joined(left.needs, right.needs), weight: left.weight + right.weight };
    case '/':
      return left.needs === null ? plain(zero, reads, weight) : like(left);
    default:
      return zero === 0 && isConstant && left.needs !== null ? like(left) : plain(zero, reads, weight);
  }
}

/** Puts the second behind the first, which nobody uses any more. */
function joined(first: number[], second: readonly number[]): number[] {
  for (const one of second) first.push(one);
  return first;
}
