// Redirectors a rule set knows (`redirector_pattern`): where an address that goes through one leads. Patterns are
// compiled once; what they cost on hostile addresses is bounded like every pattern's.
import type { PatternSource } from '../definition.js';
import { compilePattern, Subject, type Pattern } from '../pattern/pattern.js';
import type { Redirector } from './canonical-uris.js';

/** The name the first group goes by, since patterns tell what named groups took. */
const TARGET = 'weirTarget';

/**
 * One function for all patterns: the text of the first group of the first pattern that matches and whose text holds a
 * dot. Throws PatternError when a pattern cannot be run.
 */
export function compileRedirectors(sources: readonly PatternSource[]): Redirector {
  const patterns = sources.flatMap((source) => {
    const named = nameFirstGroup(source.source);
    return named === null ? [] : [{ name: named.name, pattern: compilePattern({ ...source, source: named.source }) }];
  });
  if (patterns.length === 0) return () => null;
  return (uri) => {
    const subject = new Subject(uri);
    for (const { name, pattern } of patterns) {
      const target = pattern.possibleIn(subject) ? targetIn(pattern, subject, name) : null;
      if (target?.includes('.') === true) return target;
    }
    return null;
  };
}

function targetIn(pattern: Pattern, subject: Subject, name: string): string | null {
  return pattern.captures(subject, 1).get(name)?.[0] ?? null;
}

/** The pattern with its first capturing group named, or null where there is none. */
export function nameFirstGroup(source: string): { readonly source: string; readonly name: string } | null {
  let inClass = false;
  for (let at = 0; at < source.length; at++) {
    const char = source[at];
    if (char === '\\') at++;
    else if (inClass) inClass = char !== ']';
    else if (char === '[') {
      inClass = true;
      // A bracket that comes first stands for itself.
      if (source[at + 1] === '^') at++;
      if (source[at + 1] === ']') at++;
    } else if (char === '(') {
      if (source[at + 1] !== '?')
        return { source: `${source.slice(0, at)}(?<${TARGET}>${source.slice(at + 1)}`, name: TARGET };
      const given = /^\(\?P?<([A-Za-z_]\w*)>/.exec(source.slice(at))?.[1];
      if (given !== undefined) return { source, name: given };
    }
  }
  return null;
}
