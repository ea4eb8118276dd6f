// Modifier letters of a pattern: those that a rule's pattern bears after its delimiter, and those of groups within it.
import { PatternError } from './syntax.js';

/**
 * Which bytes above 127 are letters. `ascii`: none is, though their cases are alike (SpamAssassin's own /aa). `bytes`: none
 * is, and they have no case (/d, /l). `latin1`: those of latin1 are (/u).
 */
export type Charset = 'ascii' | 'bytes' | 'latin1';

/** `i` cases alike, `m` lines, `s` dot takes newlines, `x` blanks mean nothing, `n` plain brackets keep nothing. */
export interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly x: boolean;
  /** Blanks in bracketed classes mean nothing either. */
  readonly xx: boolean;
  readonly n: boolean;
  readonly charset: Charset;
}

const NONE: Flags = { i: false, m: false, s: false, x: false, xx: false, n: false, charset: 'ascii' };

/** What `(?^…)` starts from. */
export const RESET: Flags = { ...NONE, charset: 'bytes' };

/** `base` with `on` switched on and `off` switched off. Throws PatternError on a letter that means nothing here. */
export function readFlags(on: string, off = '', base: Flags = NONE): Flags {
  // `p` keeps copies, which changes nothing that matches.
  const unknown = /[^imsxnpauld]/.exec(on);
  if (unknown !== null) throw new PatternError(`unknown pattern modifier "${unknown[0]}"`);
  const value = (flag: 'i' | 'm' | 's' | 'x' | 'n') => !off.includes(flag) && (on.includes(flag) || base[flag]);
  const x = value('x');
  return {
    i: value('i'),
    m: value('m'),
    s: value('s'),
    x,
    xx: x && (on.includes('x') ? on.includes('xx') : base.xx),
    n: value('n'),
    charset: charsetOf(on) ?? base.charset,
  };
}

const CHARSETS: ReadonlyMap<string, Charset | null> = new Map<string, Charset | null>([
  ['', null],
  ['a', 'ascii'],
  ['aa', 'ascii'],
  ['d', 'bytes'],
  ['l', 'bytes'],
  ['u', 'latin1'],
]);

function charsetOf(on: string): Charset | null {
  const letters = on.replace(/[^auld]/g, '');
  const found = CHARSETS.get(letters);
  if (found === undefined) throw new PatternError(`pattern modifiers "${letters}" exclude each other`);
  return found;
}
