// A verdict in words and columns, for `weir scan` and the demonstration: what was found, what it weighs, what follows.
import type { Verdict } from '../pipeline/decide.js';
import type { StagedFinding } from '../pipeline/finding.js';

const EVIDENCE_MAX_CHARS = 100;

const MEANING: Readonly<Record<Verdict['action'], string>> = {
  accept: 'delivered as it is',
  tag: 'delivered, marked as spam',
  quarantine: 'held in quarantine',
  discard: 'dropped without a word to the sender',
  tempfail: 'put off: the sender is told to try again',
  reject: 'refused: the sender is told',
};

/** One line for the verdict, e.g. `tag         6.2 of 5  delivered, marked as spam (score 6.2 at or over 5)`. */
export function verdictLine({ action, score, thresholds, reason }: Verdict): string {
  const of = thresholds.tagAt === null ? '' : ` of ${thresholds.tagAt}`;
  const why = reason === '' ? '' : ` (${shown(reason)})`;
  return `${action.padEnd(10)} ${String(score).padStart(6)}${of}  ${MEANING[action]}${why}`;
}

/** What is explained: a scan's result or a logged event. */
interface Explained {
  readonly findings: readonly StagedFinding[];
  readonly broken: readonly { readonly stage: string; readonly reason: string; readonly policy: string }[];
}

/** One line per finding, strongest first, and one per broken stage. */
export function findingLines({ findings, broken }: Explained): readonly string[] {
  const width = Math.max(0, ...findings.map(({ id }) => id.length));
  const sorted = [...findings].sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  return [
    ...sorted.map(({ id, score, stage, category, evidence }) => {
      const weight = category === 'spam' ? score.toFixed(1) : category;
      return `${weight.padStart(10)}  ${id.padEnd(width)}  ${stage}${evidence === '' ? '' : `: ${shown(evidence)}`}`;
    }),
    ...broken.map(({ stage, reason, policy }) => `    broken  ${stage}: ${shown(reason)}; policy ${policy}`),
  ];
}

/** Text from mail made safe for a terminal: one line, no control or direction characters, bounded. */
export function shown(text: string): string {
  const safe = text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
  return safe.length > EVIDENCE_MAX_CHARS ? `${safe.slice(0, EVIDENCE_MAX_CHARS)}…` : safe;
}
