// What would have had to differ for another verdict: found by judging again without one finding, without one kind of
// harm, or with a stage that works, and by the distance to each threshold. Gives sentences; pure.
import type { MessageEvent, RecipientOutcome } from '../logs/event.js';
import type { Thresholds, Verdict } from '../pipeline/decide.js';
import { exemptionOf, findingsFor } from '../pipeline/exempt.js';
import type { FindingSpec, StagedFinding } from '../pipeline/finding.js';

/** Single findings named at most. */
const NAMED_MAX = 3;

/** What a verdict is asked on; exemptions are the event's unless others are given. */
export type Judged = Pick<MessageEvent, 'findings' | 'broken'> & Partial<Pick<MessageEvent, 'exempts'>>;

export interface DifferenceInput {
  readonly outcome: RecipientOutcome;
  readonly event: MessageEvent;
  /** The recipient's place in it. */
  readonly index: number;
  /** Findings that count for this recipient. */
  readonly own: readonly StagedFinding[];
  readonly thresholds: Thresholds;
  /** The verdict for this recipient on other findings. */
  readonly judge: (given: Judged) => Verdict;
  readonly specs: ReadonlyMap<string, FindingSpec>;
}

const WOULD: Readonly<Record<Verdict['action'], string>> = {
  accept: 'delivered unmarked',
  tag: 'delivered, marked as spam',
  quarantine: 'held in quarantine',
  discard: 'dropped',
  tempfail: 'put off',
  reject: 'refused',
};

/** Sentences, the most telling first. */
export function differences(input: DifferenceInput): readonly string[] {
  return [
    ...withWorkingStages(input),
    ...withoutRules(input),
    ...withoutHarm(input),
    ...withoutOne(input),
    ...byPoints(input),
  ];
}

/** What the rules that spared the recipient something spared it. */
function withoutRules({ event, index, own, judge, specs }: DifferenceInput): readonly string[] {
  const { findings, broken, exempts = [] } = event;
  const rules = findingsFor(findings, index).flatMap((one) => exemptionOf(one, exempts, index, specs)?.rule ?? []);
  if (rules.length === 0) return [];
  const now = judge({ findings: own, broken });
  const then = judge({ findings, broken, exempts: [] });
  if (then.action === now.action) return [];
  const why = then.reason === '' ? '' : `: ${then.reason}`;
  return [`Without ${[...new Set(rules)].join('; ')} it would have been ${WOULD[then.action]}${why}.`];
}

function withWorkingStages({ own, event: { broken }, judge }: DifferenceInput): readonly string[] {
  if (broken.length === 0) return [];
  const now = judge({ findings: own, broken });
  const then = judge({ findings: own, broken: [] });
  if (then.action === now.action) return [];
  const names = [...new Set(broken.map(({ stage }) => stage))].join(', ');
  return [`Had ${names} worked and found nothing, it would have been ${WOULD[then.action]}.`];
}

/** For categories that act by themselves: what the rest of the message would have led to. */
function withoutHarm({ own, event: { broken }, judge }: DifferenceInput): readonly string[] {
  const now = judge({ findings: own, broken });
  if (now.category === null || now.category === 'spam' || now.broken !== null) return [];
  const others = own.filter(({ category }) => category !== now.category);
  const then = judge({ findings: others, broken });
  if (then.action === now.action)
    return [`Without what ${now.category} found, it would still have been ${WOULD[then.action]}: ${then.reason}.`];
  return [`But for ${now.category} it would have been ${WOULD[then.action]}${scoreClause(then)}.`];
}

/** Single spam findings, or marks, whose absence alone changes the verdict. */
function withoutOne({ own, event: { broken }, judge }: DifferenceInput): readonly string[] {
  const now = judge({ findings: own, broken });
  const deciding = own.flatMap((finding) => {
    if (finding.category !== 'spam' || (finding.score === 0 && finding.mark === undefined)) return [];
    const then = judge({ findings: own.filter((one) => one !== finding), broken });
    return then.action === now.action ? [] : [{ finding, then }];
  });
  return deciding
    .sort((a, b) => Math.abs(b.finding.score) - Math.abs(a.finding.score))
    .slice(0, NAMED_MAX)
    .map(
      ({ finding, then }) =>
        `Without ${finding.id} (${points(finding.score)}) it would have been ${WOULD[then.action]}${scoreClause(then)}.`,
    );
}

/** The distance to the nearest threshold below and above the score. */
function byPoints({ own, event: { broken }, thresholds, judge }: DifferenceInput): readonly string[] {
  const now = judge({ findings: own, broken });
  if (now.category !== null && now.category !== 'spam') return [];
  if (own.some(({ mark }) => mark !== undefined)) return [];
  const steps = ladder(thresholds);
  const reached = steps.filter(({ at }) => now.score >= at);
  const next = steps[reached.length];
  const held = reached.at(-1);
  const below = reached.at(-2);
  return [
    ...(held
      ? [`Below ${held.at} points (now ${now.score}) it would have been ${WOULD[below?.action ?? 'accept']}.`]
      : []),
    ...(next ? [`With ${round(next.at - now.score)} points more it would have been ${WOULD[next.action]}.`] : []),
  ];
}

/** Thresholds from low to high, each with what it leads to; one that a stronger action undercuts leads nowhere. */
function ladder({ tagAt, quarantineAt, rejectAt }: Thresholds) {
  const steps: { at: number; action: Verdict['action'] }[] = [];
  const strongestFirst = [
    { at: rejectAt, action: 'reject' },
    { at: quarantineAt, action: 'quarantine' },
    { at: tagAt, action: 'tag' },
  ] as const;
  for (const { at, action } of strongestFirst) {
    const lowest = steps[0];
    if (at !== null && (lowest === undefined || at < lowest.at)) steps.unshift({ at, action });
  }
  return steps;
}

function scoreClause({ score, action }: Verdict): string {
  return action === 'accept' || action === 'tag' ? ` with a score of ${score}` : '';
}

function points(score: number): string {
  return `${score > 0 ? '+' : ''}${round(score)} points`;
}

function round(score: number): number {
  return Math.round(score * 1000) / 1000;
}
