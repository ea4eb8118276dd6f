// What a rule tests, worked out from how it is written: patterns read, expressions taken apart, evals and their arguments
// checked. Takes what the reader gives, gives plain data, or the reason why the rule cannot run; never throws on it.
import { nearestName } from '../config/nearest.js';
import { anyTexts, templateOf } from './captures.js';
import type { PatternSource, RuleTest } from './definition.js';
import { kindWanted } from './evals/kinds.js';
import { EVALS } from './evals/table.js';
import { ExpressionError, readExpression } from './expression.js';
import { describePattern, type PatternFacts } from './pattern/facts.js';
import { PatternError } from './pattern/syntax.js';
import type { PlainTest } from './plain.js';

/** The test as plain data, or the reason why it cannot run. `localTestsOnly`: what that name stands for in a meta. */
export function describeTest(test: RuleTest, localTestsOnly: boolean): PlainTest | string {
  try {
    switch (test.kind) {
      case 'text':
        return { ...test, ...withTemplate(test.pattern) };
      case 'header':
        return { ...test, ...withTemplate(test.pattern) };
      case 'mimeheader':
        return { ...test, pattern: describePattern(test.pattern) };
      case 'uriDetail':
        return {
          kind: 'uriDetail',
          criteria: test.criteria.map((one) => ({ ...one, pattern: describePattern(one.pattern) })),
        };
      case 'exists':
      case 'empty':
        return test;
      case 'meta':
        return { kind: 'meta', expression: readExpression(test.expression, localTestsOnly) };
      case 'eval':
        return describeEval(test);
    }
  } catch (error) {
    if (error instanceof PatternError || error instanceof ExpressionError) return error.message;
    throw error;
  }
}

function withTemplate(written: PatternSource): { pattern: PatternFacts; template: PatternSource | null } {
  const template = templateOf(written);
  return { pattern: describePattern(template === null ? written : anyTexts(template)), template };
}

function describeEval(test: Extract<RuleTest, { kind: 'eval' }>): PlainTest | string {
  const found = EVALS.get(test.name);
  if (found === undefined) {
    const near = nearestName(test.name, [...EVALS.keys()]);
    return `unknown eval "${test.name}"${near === null ? '' : `, did you mean "${near}"?`}`;
  }
  const wanted = kindWanted(test.name, test.input);
  if (wanted !== null) return `eval "${test.name}" is for ${wanted} rules, not ${test.input} rules`;
  const count = test.args.length;
  if (count < found.argsMin || count > found.argsMax)
    return `eval "${test.name}" takes ${argumentCount(found)}, not ${count}`;
  const wrong = found.checkArgs?.(test.args) ?? null;
  return wrong === null
    ? { kind: 'eval', name: test.name, input: test.input, args: test.args }
    : `eval "${test.name}": ${wrong}`;
}

function argumentCount(found: { argsMin: number; argsMax: number }): string {
  const range = found.argsMin === found.argsMax ? `${found.argsMin}` : `${found.argsMin} to ${found.argsMax}`;
  return `${range} argument${range === '1' ? '' : 's'}`;
}
