// One line of a client as the dummy engine reads it: verb and the rest, the address in MAIL and RCPT, and whether it is
// SMTP at all. Takes bytes of a client that nobody trusts; gives text without control characters, bounded.
import { isUtf8 } from 'node:buffer';

/** Longest address or name kept for the log, characters: more than RFC 5321 §4.5.3.1 allows. */
const WORD_MAX_CHARS = 320;

export interface CommandLine {
  /** Upper case. */
  readonly verb: string;
  /** What follows, trimmed. */
  readonly rest: string;
}

export function readCommand(line: Buffer): CommandLine {
  const text = line.toString('utf8').trim();
  const end = text.search(/[ \t]/);
  return end === -1
    ? { verb: text.toUpperCase(), rest: '' }
    : { verb: text.slice(0, end).toUpperCase(), rest: text.slice(end + 1).trim() };
}

/** Commands of other protocols, header fields, and bytes that are no text. */
export function isForeign(line: Buffer, { verb }: CommandLine, foreignVerbs: readonly string[]): boolean {
  return foreignVerbs.includes(verb) || /^[\x21-\x39\x3b-\x7e]+[ \t]*:/.test(line.toString('latin1')) || !isUtf8(line);
}

/** The address after `FROM:` or `TO:`, without brackets; null when the rest is no such argument. */
export function readPath(rest: string, word: 'FROM' | 'TO'): string | null {
  if (rest.slice(0, word.length + 1).toUpperCase() !== `${word}:`) return null;
  const argument = rest.slice(word.length + 1).trim();
  if (argument === '') return null;
  if (!argument.startsWith('<')) return clean(argument.split(/[ \t]/)[0] ?? '');
  const end = argument.indexOf('>');
  return end === -1 ? null : clean(argument.slice(1, end));
}

/** A name or address for the log. */
export const clean = (text: string): string => text.slice(0, WORD_MAX_CHARS).replace(/\p{Cc}/gu, '?');
