// What a rule file says, as data: every statement with the file and line it stands in. Nothing here is ever executed;
// a rule file can name tests, patterns and numbers, and that is all it can do.

import type { RuleSettings } from './language/settings.js';

/** Where a statement stands: file as it was named to the reader, line counted from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** A line that was not taken, and why. The rest of the file still holds. */
export interface Refusal extends Place {
  readonly reason: string;
}

/** A pattern as written: source between the delimiters and its modifier letters (of `imsxg`; others are refused). */
export interface PatternSource {
  readonly source: string;
  readonly flags: string;
}

/** Inputs a pattern can run over, apart from headers (SpamAssassin's rule types). */
export const TEXT_INPUTS = ['body', 'rawbody', 'uri', 'full'] as const;
export type TextInput = (typeof TEXT_INPUTS)[number];

/** When an eval runs: with the headers, at the stage of look-ups, or over a text. */
export type EvalInput = 'header' | 'rbl' | TextInput;

export const HEADER_MODIFIERS = ['raw', 'addr', 'name', 'host', 'domain', 'ip', 'revip', 'first', 'last'] as const;
export type HeaderModifier = (typeof HEADER_MODIFIERS)[number];

/** Which header value a rule reads: a field name or pseudo header (ALL, ToCc, MESSAGEID, EnvelopeFrom), and modifiers in order. */
export interface HeaderSelector {
  readonly name: string;
  readonly modifiers: readonly HeaderModifier[];
}

export type RuleTest =
  | { readonly kind: 'text'; readonly input: TextInput; readonly pattern: PatternSource }
  | {
      readonly kind: 'header';
      readonly selector: HeaderSelector;
      readonly negated: boolean;
      readonly pattern: PatternSource;
      /** What an absent header reads as, or null (then the empty string). */
      readonly ifUnset: string | null;
    }
  | { readonly kind: 'exists'; readonly name: string }
  | {
      readonly kind: 'eval';
      readonly input: EvalInput;
      readonly name: string;
      readonly args: readonly string[];
    }
  | { readonly kind: 'meta'; readonly expression: string }
  | {
      readonly kind: 'mimeheader';
      /** Field name, or `ALL`. */
      readonly name: string;
      readonly raw: boolean;
      readonly negated: boolean;
      readonly pattern: PatternSource;
      /** What an absent header reads as. */
      readonly ifUnset: string;
    }
  | { readonly kind: 'uriDetail'; readonly criteria: readonly UriCriterion[] }
  /** Declared for others to hit (`reuse`, `askdns`): it never hits by itself. */
  | { readonly kind: 'empty' };

export const URI_DETAIL_KEYS = ['raw', 'type', 'cleaned', 'text', 'domain', 'host'] as const;
export type UriDetailKey = (typeof URI_DETAIL_KEYS)[number];

/** One condition of a `uri_detail` rule; all of them must hold for one address. */
export interface UriCriterion {
  readonly key: UriDetailKey;
  readonly negated: boolean;
  readonly pattern: PatternSource;
}

/** Four score sets: local, with network tests, with Bayes, with both. */
export type Scores = readonly [number, number, number, number];

/** What a hit of a rule does to the rules that would run after it: nothing, or none of them runs and a score is added. */
export const SHORTCIRCUITS = ['on', 'ham', 'spam', 'off'] as const;
export type Shortcircuit = (typeof SHORTCIRCUITS)[number];

export type Statement = Place &
  (
    | { readonly kind: 'rule'; readonly name: string; readonly test: RuleTest }
    | { readonly kind: 'score'; readonly name: string; readonly scores: Scores; readonly relative: boolean }
    | { readonly kind: 'describe'; readonly name: string; readonly text: string }
    | { readonly kind: 'tflags'; readonly name: string; readonly flags: readonly string[] }
    | { readonly kind: 'priority'; readonly name: string; readonly priority: number }
    | { readonly kind: 'shortcircuit'; readonly name: string; readonly as: Shortcircuit }
    | { readonly kind: 'test'; readonly name: string; readonly ok: boolean; readonly text: string }
  );

/** What reading rule files gives. */
export interface ParsedRules {
  readonly statements: readonly Statement[];
  readonly settings: RuleSettings;
  readonly refusals: readonly Refusal[];
  /** Words that are read and change nothing here, each once, where it stands first. */
  readonly notes: readonly Refusal[];
}

/** Whether a name is a sub-rule: it scores nothing and is shown to nobody, metas build on it. */
export function isSubRule(name: string): boolean {
  return name.startsWith('__');
}
