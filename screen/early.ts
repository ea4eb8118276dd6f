// What the greeting showed of a client, judged: wait on, let through, or what speaks against it. A pure function of what
// is known at that moment.
import type { DnsblScore } from './dnsbl.js';
import type { RefusalReason } from './event.js';
import { passLengthMs, type PassedTest } from './passes.js';
import type { ScreenSettings } from './settings.js';

/** A reason with the words that follow the code: 550 where recipients are refused, 521 where all ends. */
export interface Charge extends RefusalReason {
  readonly text: string;
}

export interface EarlyFacts {
  readonly due: ReadonlySet<PassedTest>;
  /** Bytes came before the greeting ended. */
  readonly hasSpoken: boolean;
  readonly isTimeUp: boolean;
  /** Refused by a list of networks: it waits like any other, and nothing is earned. */
  readonly isDenied: boolean;
  /** Null when no list is asked. */
  readonly score: DnsblScore | null;
  readonly clientAddress: string;
}

/** `passes`: how long each holds, ms. */
export type EarlyVerdict =
  | { readonly kind: 'wait' }
  | { readonly kind: 'allowed'; readonly passMs: number }
  | {
      readonly kind: 'judged';
      readonly charges: readonly Charge[];
      readonly passes: ReadonlyMap<PassedTest, number>;
    };

const WAIT: EarlyVerdict = { kind: 'wait' };

/** Judges as soon as every test is over; the one of talking early lasts the whole wait, and what lists say late is late. */
export function judgeEarly(settings: ScreenSettings, facts: EarlyFacts): EarlyVerdict {
  const { due, hasSpoken, isTimeUp, isDenied, score } = facts;
  const spoke = due.has('pregreet') && hasSpoken;
  if (spoke && settings.pregreetAction === 'drop') return judged(settings, facts);
  const isHeard = score === null || score.isComplete || isTimeUp;
  if (isHeard && !spoke && isAllowed(settings, score)) return { kind: 'allowed', passMs: dnsblPassMs(settings, score) };
  const isGreeted = isTimeUp || spoke || !(isDenied || due.has('pregreet'));
  return isHeard && isGreeted ? judged(settings, facts) : WAIT;
}

function isAllowed({ dnsblAllowThreshold }: ScreenSettings, score: DnsblScore | null): score is DnsblScore {
  return score !== null && dnsblAllowThreshold < 0 && score.rank <= dnsblAllowThreshold;
}

function judged(settings: ScreenSettings, facts: EarlyFacts): EarlyVerdict {
  const { due, hasSpoken, isDenied, score, clientAddress } = facts;
  const charges: Charge[] = [];
  const passes = new Map<PassedTest, number>();
  if (due.has('pregreet')) {
    if (hasSpoken) charges.push(pregreetCharge(settings));
    else if (!isDenied) passes.set('pregreet', passLengthMs(settings, 'pregreet'));
  }
  if (score !== null) {
    if (score.rank >= settings.dnsblThreshold) charges.push(dnsblCharge(settings, score, clientAddress));
    else if (due.has('dnsbl')) passes.set('dnsbl', dnsblPassMs(settings, score));
  }
  return { kind: 'judged', charges, passes };
}

const pregreetCharge = ({ pregreetAction }: ScreenSettings): Charge => ({
  test: 'pregreet',
  action: pregreetAction,
  detail: 'talked before the greeting ended',
  text: '5.5.1 Protocol error',
});

function dnsblCharge({ dnsblAction }: ScreenSettings, { rank, hits }: DnsblScore, clientAddress: string): Charge {
  const list = hits[0]?.list ?? '';
  return {
    test: 'dnsbl',
    action: dnsblAction,
    detail: `rank ${rank}`,
    text: `5.7.1 Service unavailable; client [${clientAddress}] blocked using ${list}`,
  };
}

/** As long as the answers hold, within bounds; where a list was silent, as short as may be: it may speak next time. */
function dnsblPassMs(settings: ScreenSettings, { ttlS }: DnsblScore): number {
  const { dnsblPassMinS, dnsblPassMaxS } = settings;
  return Math.min(Math.max(ttlS ?? 0, dnsblPassMinS), dnsblPassMaxS) * 1_000;
}
