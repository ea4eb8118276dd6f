// Named groups of one rule's pattern in the patterns of others: `(?<NAME>…)` takes a text, `%{NAME}` stands for it. Texts
// come from mail, so they are quoted before they become part of a pattern.
import type { PatternSource } from './definition.js';
import { compilePattern, type Pattern } from './pattern/pattern.js';
import { PatternError } from './pattern/syntax.js';

/** Rules that take texts run before all others. */
export const CAPTURING_PRIORITY = -10_000;
/** Texts of one name, and characters of all of them, that are put into a pattern. */
const TEXTS_MAX = 50;
const TEXTS_LENGTH_MAX = 4_000;

const TEMPLATE = /(?<!\\)%\{([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)\}/g;

/** Texts by name. */
export type Captured = ReadonlyMap<string, readonly string[]>;

/** Whether the pattern takes texts for others. */
export function takesTexts({ source }: PatternSource): boolean {
  return /\(\?P?[<'][A-Z]/.test(source);
}

/** The pattern where it has such names, or null. */
export function templateOf(pattern: PatternSource): PatternSource | null {
  return pattern.source.includes('%{') && pattern.source.search(TEMPLATE) >= 0 ? pattern : null;
}

/** A pattern that matches wherever one made of the template does, whatever the texts. */
export function anyTexts({ source, flags }: PatternSource): PatternSource {
  return { source: source.replace(TEMPLATE, '(?:[\\x00-\\xff]+)'), flags };
}

/** The pattern with texts in it; null where a name has none. Throws PatternError where it cannot be run with them. */
export function filled({ source, flags }: PatternSource, captured: Captured): Pattern | null {
  let missing = false;
  const text = source.replace(TEMPLATE, (_, name: string) => {
    const texts = (captured.get(name) ?? []).filter((one) => one !== '').slice(0, TEXTS_MAX);
    const quoted = texts.map((one) => one.replace(/[^A-Za-z0-9_]/g, '\\$&')).join('|');
    if (quoted === '') missing = true;
    if (quoted.length > TEXTS_LENGTH_MAX) throw new PatternError(`texts of more than ${TEXTS_LENGTH_MAX} characters`);
    return `(?:${quoted})`;
  });
  return missing ? null : compilePattern({ source: text, flags });
}
