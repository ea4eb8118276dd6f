// Whether a value that came from a disk is a rule set as plain data: each rule with every field of its kind. Takes
// anything, never throws, trusts nothing that it has not looked at.
import { SHORTCIRCUITS, URI_DETAIL_KEYS, type Refusal } from '../definition.js';
import { EVALS } from '../evals/table.js';
import type { PlainSet } from '../plain.js';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isTruth: Check = (value) => typeof value === 'boolean';
const isTexts: Check = (value) => listOf(isText)(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    (values as readonly unknown[]).includes(value);

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function fields(checks: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(checks);
  return (value) =>
    typeof value === 'object' && value !== null && entries.every(([key, check]) => check((value as Fields)[key]));
}

const isPattern = fields({
  source: isText,
  flags: isText,
  literals: orNull(isTexts),
  screen: orNull(isText),
  linear: orNull(isText),
  countable: isTruth,
  names: isTexts,
});
const isTemplate = orNull(fields({ source: isText, flags: isText }));
const isOperator = oneOf('+', '-', '*', '/', '&&', '||', '<', '>', '<=', '>=', '==', '!=', '^', '!', 'neg', '?:');
const STEPS: ReadonlyMap<unknown, Check> = new Map([
  ['number', fields({ value: isNumber })],
  ['rule', fields({ name: isText })],
  ['matching', fields({ glob: isText })],
  ['operator', fields({ operator: isOperator })],
]);
const isStep: Check = (step) => STEPS.get((step as Fields | null)?.['kind'])?.(step) === true;
const isEvalKind = oneOf('header', 'rbl', 'body', 'rawbody', 'uri', 'full');

/** By kind of test, what it must have. */
const TESTS: ReadonlyMap<unknown, Check> = new Map([
  ['text', fields({ input: oneOf('body', 'rawbody', 'uri', 'full'), pattern: isPattern, template: isTemplate })],
  [
    'header',
    fields({
      selector: fields({ name: isText, modifiers: isTexts }),
      negated: isTruth,
      pattern: isPattern,
      template: isTemplate,
      ifUnset: orNull(isText),
    }),
  ],
  ['exists', fields({ name: isText })],
  ['eval', fields({ name: (name) => typeof name === 'string' && EVALS.has(name), input: isEvalKind, args: isTexts })],
  ['meta', fields({ expression: fields({ steps: listOf(isStep), names: isTexts, globs: isTexts, empty: isTruth }) })],
  ['mimeheader', fields({ name: isText, raw: isTruth, negated: isTruth, pattern: isPattern, ifUnset: isText })],
  [
    'uriDetail',
    fields({ criteria: listOf(fields({ key: oneOf(...URI_DETAIL_KEYS), negated: isTruth, pattern: isPattern })) }),
  ],
  ['empty', () => true],
]);

const isRule = fields({
  name: isText,
  file: isText,
  line: isNumber,
  test: (test) => TESTS.get((test as Fields | null)?.['kind'])?.(test) === true,
  score: isNumber,
  description: isText,
  flags: (flags) => flags instanceof Set && [...flags].every(isText),
  countMax: isNumber,
  priority: isNumber,
  shortcircuit: oneOf(...SHORTCIRCUITS),
  examples: listOf(fields({ ok: isTruth, text: isText, file: isText, line: isNumber })),
});

const isAnySet = fields({
  rules: listOf(isRule),
  metas: listOf(isRule),
  stages: listOf(fields({ rules: isNumber, metas: listOf(isNumber) })),
});

/** Whether it is a rule set, its stages made of its own rules. */
export function isPlainSet(value: unknown): value is PlainSet {
  if (!isAnySet(value)) return false;
  const { rules, metas, stages } = value as PlainSet;
  const count = stages.reduce((sum, stage) => sum + stage.rules, 0);
  return count === rules.length && stages.every((stage) => stage.metas.every((index) => metas[index] !== undefined));
}

/** Whether it is a list of refusals. */
export function isRefusals(value: unknown): value is readonly Refusal[] {
  return listOf(fields({ file: isText, line: isNumber, reason: isText }))(value);
}
