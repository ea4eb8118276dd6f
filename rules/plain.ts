// Rules as plain data, ready but for what cannot be written down: patterns are known by their facts, evals by name, metas as
// the steps of their expressions. This is what is kept on disk; `ready.ts` makes rules that run of it.
import type { EvalInput, HeaderSelector, PatternSource, TextInput, UriDetailKey } from './definition.js';
import type { Rule } from './compile.js';
import type { Expression } from './expression.js';
import type { PatternFacts } from './pattern/facts.js';

export type PlainTest =
  | {
      readonly kind: 'text';
      readonly input: TextInput;
      readonly pattern: PatternFacts;
      readonly template: PatternSource | null;
    }
  | {
      readonly kind: 'header';
      readonly selector: HeaderSelector;
      readonly negated: boolean;
      readonly pattern: PatternFacts;
      readonly template: PatternSource | null;
      readonly ifUnset: string | null;
    }
  | { readonly kind: 'exists'; readonly name: string }
  | { readonly kind: 'eval'; readonly name: string; readonly input: EvalInput; readonly args: readonly string[] }
  | { readonly kind: 'meta'; readonly expression: Expression }
  | {
      readonly kind: 'mimeheader';
      readonly name: string;
      readonly raw: boolean;
      readonly negated: boolean;
      readonly pattern: PatternFacts;
      readonly ifUnset: string;
    }
  | {
      readonly kind: 'uriDetail';
      readonly criteria: readonly {
        readonly key: UriDetailKey;
        readonly negated: boolean;
        readonly pattern: PatternFacts;
      }[];
    }
  | { readonly kind: 'empty' };

/** A rule but for its test, which is plain. */
export type PlainRule = Omit<Rule, 'test'> & { readonly test: PlainTest };

/** The rules of one set in the order they run. */
export interface PlainSet {
  readonly rules: readonly PlainRule[];
  readonly metas: readonly PlainRule[];
  readonly stages: readonly PlainStage[];
}

/** How many of the rules that follow belong to a stage, and the numbers of the metas after them. */
export interface PlainStage {
  readonly rules: number;
  readonly metas: readonly number[];
}
