// Modifier letters of a pattern: those that a rule's pattern bears after its delimiter, and those of groups within it.
import { PatternError } from './syntax.js';

/** `i` cases alike, `m` lines, `s` dot takes newlines, `x` blanks mean nothing, `n` plain brackets keep nothing. */
export interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly x: boolean;
  readonly n: boolean;
}

const NONE: Flags = { i: false, m: false, s: false, x: false, n: false };

/** `base` with `on` switched on and `off` switched off. Throws PatternError on a letter that means nothing here. */
export function readFlags(on: string, off = '', base: Flags = NONE): Flags {
  for (const letter of on) {
    // `p` keeps copies and `a` is always on: neither changes what matches.
    if (!'imsxnpa'.includes(letter)) throw new PatternError(`unknown pattern modifier "${letter}"`);
  }
  if (on.includes('xx')) throw new PatternError('unknown pattern modifier "xx"');
  const value = (flag: keyof Flags) => !off.includes(flag) && (on.includes(flag) || base[flag]);
  return { i: value('i'), m: value('m'), s: value('s'), x: value('x'), n: value('n') };
}
