// How one way of writing a Received line is described, and tried on a line: a pattern with named blanks (`{helo}`, `{ip}`
// …) and what its finds mean. Patterns are anchored or bounded, so that no line takes longer than its length asks.
import { IP_LOOSE_SOURCE, IP_SOURCE, isIp } from './ip.js';

/** What a line says about one handover, as it stands there; '' where it says nothing. */
export interface Handover {
  ip: string;
  rdns: string;
  helo: string;
  by: string;
  id: string;
  ident: string;
  /** Null where no envelope sender is named. */
  envfrom: string | null;
  auth: string;
  /** The server that wrote the line looks names up, so that none given means there is none. */
  lookedUp: boolean;
}

export type Blank = 'ip' | 'rdns' | 'helo' | 'by' | 'id' | 'ident' | 'more';

/** One way of writing the line. */
export interface ReceivedFormat {
  readonly pattern: RegExp;
  readonly blanks: readonly Blank[];
  readonly lookedUp: boolean;
  /** Asked before the pattern is tried. */
  readonly when: ((line: string) => boolean) | null;
  /** What more there is to do with the finds. */
  readonly then: ((handover: Handover, line: string, more: string) => void) | null;
}

export interface FormatOptions {
  readonly lookedUp?: boolean;
  readonly when?: string;
  readonly then?: (handover: Handover, line: string, more: string) => void;
}

const BLANK = /\{(_?)([a-z]*)([*!]?)(?:=([^{}]+))?\}/g;

/**
 * Reads a description: `{helo}` stands for a word of at least one character, `{helo*}` for one that may be empty, `{ip}`
 * for an address between delimiters, `{ip!}` for one that needs none; `{_ip}` for an address and `{}` for a word that is
 * not taken; `{name=pattern}` for what is neither. All else is a regular expression. `when` is a text the line must hold.
 */
export function format(text: string, options: FormatOptions = {}): ReceivedFormat {
  const blanks: Blank[] = [];
  const source = text.replace(BLANK, (_, skip: string, name: string, mark: string, own: string | undefined) => {
    const body =
      own ?? (name === 'ip' ? (mark === '!' ? IP_SOURCE : IP_LOOSE_SOURCE) : mark === '*' ? '[^ ]*' : '[^ ]+');
    if (skip !== '' || name === '') return `(?:${body})`;
    blanks.push(name as Blank);
    return `(${body})`;
  });
  const { when } = options;
  return {
    pattern: new RegExp(source),
    blanks,
    lookedUp: options.lookedUp ?? false,
    when: when === undefined ? null : (line) => line.includes(when),
    then: options.then ?? null,
  };
}

/** Tries a format on the line behind its "from"; fills the handover and says true when it is written that way. */
export function tryFormat(each: ReceivedFormat, line: string, handover: Handover): boolean {
  if (each.when !== null && !each.when(line)) return false;
  const found = each.pattern.exec(line);
  if (found === null) return false;
  const ip = each.blanks.indexOf('ip');
  if (ip >= 0 && !isIp(found[ip + 1] ?? '')) return false;
  let more = '';
  each.blanks.forEach((blank, index) => {
    const value = found[index + 1] ?? '';
    if (blank === 'more') more = value;
    else handover[blank] = value;
  });
  handover.lookedUp = each.lookedUp;
  each.then?.(handover, line, more);
  return true;
}
