// Makes rules that run of plain data: patterns from their facts (their engines are built when first needed), evals by
// name from the table. What was worked out once is not worked out again.
import type { CompiledTest, Rule, RuleSet, RuleStage } from './compile.js';
import { EVALS } from './evals/table.js';
import { patternOf } from './pattern/pattern.js';
import type { PlainRule, PlainSet, PlainTest } from './plain.js';

/** The set, ready to run. */
export function readySet(plain: PlainSet): RuleSet {
  const rules = plain.rules.map(ready);
  const metas = plain.metas.map(ready);
  const byName = new Map([...rules, ...metas].map((rule) => [rule.name, rule]));
  return { rules, metas, byName, stages: stagesOf(plain, rules, metas) };
}

function stagesOf({ stages }: PlainSet, rules: readonly Rule[], metas: readonly Rule[]): readonly RuleStage[] {
  let from = 0;
  return stages.map((stage) => ({
    rules: rules.slice(from, (from += stage.rules)),
    metas: stage.metas.map((index) => metas[index]!),
  }));
}

function ready(rule: PlainRule): Rule {
  return { ...rule, test: readyTest(rule) };
}

function readyTest({ test }: PlainRule): CompiledTest {
  switch (test.kind) {
    case 'text':
    case 'header':
    case 'mimeheader':
      return { ...test, pattern: patternOf(test.pattern) };
    case 'uriDetail':
      return { kind: 'uriDetail', criteria: test.criteria.map((one) => ({ ...one, pattern: patternOf(one.pattern) })) };
    case 'exists':
    case 'empty':
    case 'meta':
      return test;
    case 'eval':
      return { ...test, run: evalNamed(test) };
  }
}

/** What is described is in the table: a rule that calls no eval of it was refused. */
function evalNamed({ name }: Extract<PlainTest, { kind: 'eval' }>) {
  const found = EVALS.get(name);
  if (found === undefined) throw new Error(`no eval ${name}`);
  return found.run;
}
