// What lists say of one address, asked by hand or by the check of own addresses: every list tested, asked and explained.
// Three answers are told apart, listed, not listed and unknown, and an unknown one is never taken for a good one.
import type { Clock } from '../../outside/clock.js';
import type { Resolver } from '../../outside/resolver.js';
import { readAnswer, type ListAnswer } from '../../lists/answer.js';
import { isFor } from './ask.js';
import { ListHealth } from '../../lists/health.js';
import { meaningOf } from '../../lists/known.js';
import { counts, type List } from '../../lists/list.js';
import { questionName, reverseAddress } from '../../lists/question.js';
import { matchesFilter, parseFilter } from '../../lists/site.js';

/** Longest reason of a list shown, characters. */
const REASON_MAX_CHARS = 300;

/** `not-asked`: the list is not set for addresses of this family. */
export type AddressState = 'listed' | 'not-listed' | 'unknown' | 'not-asked';

/** What one list says of an address. */
export interface AddressVerdict {
  readonly list: string;
  readonly state: AddressState;
  /** Addresses that came. */
  readonly codes: readonly string[];
  /** What the codes mean, where that is known. */
  readonly meanings: readonly string[];
  /** Points it would give a client; 0 where no entry of the settings counts the codes. */
  readonly score: number;
  /** What the list gives as the reason (TXT), one line of printable ASCII, or ''. */
  readonly reason: string;
  /** Why it is unknown; else ''. */
  readonly detail: string;
}

export interface CheckOptions {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks all lists about an address in its usual form, in their order. */
export function checkAddress(
  address: string,
  lists: readonly List[],
  options: CheckOptions,
): Promise<readonly AddressVerdict[]> {
  return Promise.all(lists.map((list) => askList(address, list, options)));
}

async function askList(address: string, list: List, options: CheckOptions): Promise<AddressVerdict> {
  const none = { list: list.name, codes: [], meanings: [], score: 0, reason: '', detail: '' };
  const entries = list.entries.filter((entry) => isFor(entry, 'client', address));
  const name = questionName(reverseAddress(address), list.zone);
  if (entries.length === 0 || name === null) return { ...none, state: 'not-asked' };
  const [belief, answer] = await Promise.all([testList(list, options), askOnce(list, name, options)]);
  const { codes } = answer;
  if (belief !== '') return { ...none, codes, state: 'unknown', detail: belief };
  if (answer.state === 'error' || answer.state === 'unknown')
    return { ...none, codes, state: 'unknown', detail: answer.detail };
  if (answer.state === 'not-listed') return { ...none, state: 'not-listed' };
  const scoring = entries.filter((entry) => codes.some((code) => counts(entry, 'client', code)));
  return {
    ...none,
    state: 'listed',
    codes,
    meanings: codes.map((code) => meaningOf(list.zone, code, fits)).filter((text) => text !== ''),
    score: scoring.reduce((sum, { weight }) => sum + weight, 0),
    reason: await readReason(name, options),
  };
}

const fits = (filter: string, code: string): boolean => {
  const parsed = parseFilter(filter);
  return parsed !== null && matchesFilter(parsed, code);
};

/** Why the list is not to be believed, or ''. */
async function testList(list: List, { resolver, clock }: CheckOptions): Promise<string> {
  const quiet = () => undefined;
  const never = Number.MAX_SAFE_INTEGER;
  const health = new ListHealth(list, {
    resolver,
    clock,
    testEveryMs: never,
    retestMs: never,
    onBelief: quiet,
    onError: quiet,
  });
  const { state, reason } = await health.test();
  health.close();
  return state === 'believed' ? '' : reason;
}

async function askOnce(list: List, name: string, options: CheckOptions): Promise<ListAnswer> {
  const { resolver, timeoutMs, signal } = options;
  return readAnswer(list, await resolver.lookup('A', name, { timeoutMs, signal, fresh: true }));
}

async function readReason(name: string, { resolver, timeoutMs, signal }: CheckOptions): Promise<string> {
  const answer = await resolver.lookup('TXT', name, { timeoutMs, signal });
  if (answer.status !== 'found') return '';
  const text = answer.records.map((strings) => strings.join('')).join('; ');
  return text.slice(0, REASON_MAX_CHARS).replace(/[^ -~]/g, '?');
}
