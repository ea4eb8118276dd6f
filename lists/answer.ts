// What an answer of a list means: listed, not listed, an error of the list, or nothing known. The only place where an
// answer of the DNS becomes a fact about somebody; whatever is not certainly a listing is none.
import type { DnsAnswer } from '../outside/resolver.js';
import { isFailure } from '../outside/resolver.js';
import type { List } from './list.js';
import { matchesFilter } from './site.js';

/** Answers of one name looked at. */
export const CODES_MAX = 32;

/**
 * `error`: the list, or somebody in its place, answered with what is no answer. `unknown`: no answer.
 * `codes`: the addresses that came, in order, at most `CODES_MAX`.
 */
export interface ListAnswer {
  readonly state: 'listed' | 'not-listed' | 'error' | 'unknown';
  readonly codes: readonly string[];
  /** What happened, for people, where nothing is known; else ''. */
  readonly detail: string;
}

const NOT_LISTED: ListAnswer = { state: 'not-listed', codes: [], detail: '' };

/** Reads an answer. One address that is an error spoils the whole: who answers so does not know the list's contents. */
export function readAnswer(list: List, answer: DnsAnswer<'A'>): ListAnswer {
  if (isFailure(answer)) return { state: 'unknown', codes: [], detail: answer.status };
  if (answer.status !== 'found') return NOT_LISTED;
  const codes = [...new Set(answer.records)].sort(byOctets).slice(0, CODES_MAX);
  const wrong = codes.find((code) => isError(list, code));
  if (wrong !== undefined) return { state: 'error', codes, detail: describeError(wrong) };
  return codes.length === 0 ? NOT_LISTED : { state: 'listed', codes, detail: '' };
}

function isError(list: List, code: string): boolean {
  if (isForeign(code) || isRefusal(code)) return true;
  if (list.errors.some((filter) => matchesFilter(filter, code))) return true;
  // Some lists say "refused" by it, one says "allowed": who means it names it in a filter.
  return code === '127.0.0.1' && !list.entries.some(({ filter }) => filter !== null && matchesFilter(filter, code));
}

/** Not of 127/8: a captive resolver, a wildcard, a list whose domain was parked. */
const isForeign = (code: string): boolean => !code.startsWith('127.');

/** 127.255.255.0/24: wrong name, open resolver, over quota. */
const isRefusal = (code: string): boolean => code.startsWith('127.255.255.');

const REFUSALS: Readonly<Record<string, string>> = {
  '127.255.255.252': 'the zone is misspelt',
  '127.255.255.254': 'asked through an open or public resolver',
  '127.255.255.255': 'too many questions',
};

function describeError(code: string): string {
  if (isForeign(code)) return `answered ${code}, which no list gives`;
  const meaning = Object.hasOwn(REFUSALS, code) ? ` (${REFUSALS[code] ?? ''})` : '';
  return `error code ${code}${meaning}`;
}

function byOctets(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => text.split('.').map(Number));
  for (let index = 0; index < 4; index += 1) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
