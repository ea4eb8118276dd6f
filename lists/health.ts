// Whether a list can be believed: its test entries (RFC 5782 §5) are asked before it is first believed, every so often,
// and at once when its answers look wrong. A list that fails is suspended until its test entries pass again.
import type { Clock } from '../outside/clock.js';
import type { Resolver } from '../outside/resolver.js';
import { readAnswer, type ListAnswer } from './answer.js';
import type { List } from './list.js';

/** Failed looks at a list after which it is suspended: rounds of tests without an answer. */
export const SILENT_TESTS_MAX = 3;
/** Look-ups without an answer, in a row, after which a list is tested out of turn. */
export const FAILURES_MAX = 5;
/** Shortest time between two tests, ms: wrong answers about hostile names must not make us ask without end. */
export const TEST_EVERY_MIN_MS = 1_000;
/** A listing counts on a test no older than this, ms: a list that begins to list everything harms nobody for longer. */
export const LISTING_TRUST_MS = 60_000;
/** Longest wait for one test entry, ms. */
const TEST_TIMEOUT_MS = 5_000;

/** `unproven`: no test of it was answered yet. Only a list that is `believed` counts. */
export interface Belief {
  readonly state: 'believed' | 'unproven' | 'suspended';
  /** Why it is not believed; else ''. */
  readonly reason: string;
}

/** Answers of a list so far. */
export interface ListCounts {
  readonly answers: number;
  readonly failures: number;
  readonly errors: number;
}

export interface HealthOptions {
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly testEveryMs: number;
  readonly retestMs: number;
  /** Called when a list is suspended (why) or believed (null) after the other, and after its first test. */
  onBelief(list: List, suspended: string | null): void;
  /** Called when a list answered with an error (what), or (null) when there was none between two tests. */
  onError(list: List, error: string | null): void;
}

type Verdict = { readonly kind: 'pass' } | { readonly kind: 'fail' | 'silent'; readonly reason: string };

const BELIEVED: Belief = { state: 'believed', reason: '' };

export class ListHealth {
  #belief: Belief = { state: 'unproven', reason: 'not tested yet' };
  #test: Promise<void> | null = null;
  #testedAtMs = -Infinity;
  /** A wrong answer made us test again: nothing is believed until that is over. */
  #doubted = true;
  #silentTests = 0;
  #failuresInARow = 0;
  #erring = false;
  #erredSinceTest = false;
  #told: string | null | undefined;
  #counts = { answers: 0, failures: 0, errors: 0 };
  readonly #closed = new AbortController();

  constructor(
    readonly list: List,
    private readonly options: HealthOptions,
  ) {}

  /** Whether to ask it now: false while it is suspended and its next test is not due. Starts the test when it is. */
  isWorthAsking(): boolean {
    this.#testWhenDue();
    return this.#belief.state !== 'suspended';
  }

  /** What to make of its answers. Waits for a test under way where nothing is proven; `signal` ends the wait. */
  async belief(signal: AbortSignal): Promise<Belief> {
    this.#testWhenDue();
    if (this.#test !== null && (this.#doubted || this.#belief.state === 'unproven'))
      await orAborted(this.#test, signal);
    if (this.#doubted && this.#belief.state === 'believed') return { state: 'unproven', reason: 'in doubt' };
    return this.#belief;
  }

  /** To be called with every answer to a question about a message. */
  note(answer: ListAnswer): void {
    this.#counts.answers += 1;
    if (answer.state === 'error') {
      this.#counts.errors += 1;
      this.#erredSinceTest = true;
      this.#err(answer.detail);
      this.#doubtSoon();
      return;
    }
    if (answer.state !== 'unknown') {
      this.#failuresInARow = 0;
      if (answer.state === 'listed' && this.#ageMs() >= LISTING_TRUST_MS) this.#doubtSoon();
      return;
    }
    this.#counts.failures += 1;
    this.#failuresInARow += 1;
    if (this.#failuresInARow >= FAILURES_MAX) this.#testSoon();
  }

  counts(): ListCounts {
    return { ...this.#counts };
  }

  /** Runs the test now, or waits for the one under way. */
  async test(): Promise<Belief> {
    this.#test ??= this.#run();
    await this.#test;
    return this.#belief;
  }

  close(): void {
    this.#closed.abort();
  }

  #testWhenDue(): void {
    const { retestMs, testEveryMs } = this.options;
    const isSound = this.#belief.state === 'believed';
    if (isSound && (this.#doubted || this.#erredSinceTest)) this.#doubtSoon();
    else if (this.#ageMs() >= (isSound && this.#silentTests === 0 ? testEveryMs : retestMs)) this.#start();
  }

  /** Within a moment of a test that passed an error casts no doubt: else hostile names could keep a list from counting. */
  #doubtSoon(): void {
    if (this.#ageMs() < this.#testEveryMinMs()) return;
    this.#doubted = true;
    this.#start();
  }

  #testEveryMinMs(): number {
    return Math.min(TEST_EVERY_MIN_MS, this.options.retestMs);
  }

  #testSoon(): void {
    if (this.#ageMs() >= this.#testEveryMinMs()) this.#start();
  }

  #ageMs(): number {
    return this.options.clock.monotonicMs() - this.#testedAtMs;
  }

  #start(): void {
    if (!this.#closed.signal.aborted) this.#test ??= this.#run();
  }

  async #run(): Promise<void> {
    const erredBefore = this.#erredSinceTest;
    this.#erredSinceTest = false;
    const verdict = await this.#ask();
    this.#testedAtMs = this.options.clock.monotonicMs();
    this.#test = null;
    if (this.#closed.signal.aborted) return;
    this.#failuresInARow = 0;
    // Too many questions of our own: nothing was learned of the list.
    if (verdict.kind === 'silent' && verdict.reason === 'busy') {
      this.#erredSinceTest ||= erredBefore;
      return;
    }
    if (verdict.kind === 'pass') this.#pass(erredBefore);
    else if (verdict.kind === 'fail') this.#suspend(verdict.reason);
    else this.#beSilent(verdict.reason);
  }

  /** An error is over once there was none from one test to the next: the test that it caused takes nothing back. */
  #pass(erredBefore: boolean): void {
    this.#doubted = false;
    this.#silentTests = 0;
    this.#believe();
    if (erredBefore || this.#erredSinceTest) return;
    this.#err(null);
  }

  #beSilent(reason: string): void {
    this.#silentTests += 1;
    if (this.#belief.state === 'suspended') return;
    if (this.#silentTests >= SILENT_TESTS_MAX) this.#suspend(`no answer (${reason})`);
    else if (this.#belief.state === 'unproven') this.#belief = { state: 'unproven', reason: `no answer (${reason})` };
  }

  #suspend(reason: string): void {
    this.#doubted = false;
    this.#belief = { state: 'suspended', reason };
    this.#tell(reason);
  }

  #believe(): void {
    this.#belief = BELIEVED;
    this.#tell(null);
  }

  #tell(suspended: string | null): void {
    if (this.#told !== suspended) this.options.onBelief(this.list, suspended);
    this.#told = suspended;
  }

  #err(detail: string | null): void {
    if (this.#erring !== (detail !== null)) this.options.onError(this.list, detail);
    this.#erring = detail !== null;
  }

  async #ask(): Promise<Verdict> {
    const { testListed, testUnlisted } = this.list;
    const [listed, unlisted] = await Promise.all([this.#lookUp(testListed), this.#lookUp(testUnlisted)]);
    return judge(this.list, listed, unlisted);
  }

  async #lookUp(label: string): Promise<ListAnswer | null> {
    if (label === '') return null;
    const { signal } = this.#closed;
    const name = `${label}.${this.list.zone}`;
    const options = { signal, timeoutMs: TEST_TIMEOUT_MS, fresh: true };
    return readAnswer(this.list, await this.options.resolver.lookup('A', name, options));
  }
}

/** What both test entries say together; null for one that is not tested. */
export function judge(list: List, listed: ListAnswer | null, unlisted: ListAnswer | null): Verdict {
  const error = [listed, unlisted].find((answer) => answer?.state === 'error');
  if (error) return { kind: 'fail', reason: error.detail };
  if (unlisted?.state === 'listed')
    return { kind: 'fail', reason: `lists everything: ${list.testUnlisted} gives ${unlisted.codes.join(' ')}` };
  if (listed?.state === 'not-listed')
    return { kind: 'fail', reason: `dead, or no list: its test entry ${list.testListed} is not listed` };
  const silent = [listed, unlisted].find((answer) => answer?.state === 'unknown');
  return silent ? { kind: 'silent', reason: silent.detail } : { kind: 'pass' };
}

/** Waits for the work or for the signal, whichever is first; never rejects for the signal. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  let stop = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([work, aborted]);
  signal.removeEventListener('abort', stop);
}
