// An explanation for a terminal: sentences, a bar of the score's parts against the thresholds, and the findings in
// columns. Text that came by mail cannot steer the terminal.
import type { Explanation, FindingExplanation, RecipientExplanation, ScorePart } from '../gateway/explanation.js';
import { visible } from './table.js';

/** Columns of the widest bar. */
const BAR_COLUMNS = 30;
/** Longest evidence shown, characters. */
const EVIDENCE_MAX_CHARS = 200;

const GROUP: Readonly<Record<ScorePart['group'], string>> = {
  rules: 'content rules',
  authentication: 'authentication',
  lists: 'block and allow lists',
  learning: 'learned',
  reputation: 'reputation',
  message: 'form of the message',
};

/** All lines, without line ends. */
export function explanationLines(explanation: Explanation): readonly string[] {
  const { summary, origin, recipients, authentication, findings, broken, notes } = explanation;
  const lines = [
    summary,
    origin,
    ...recipients.flatMap((recipient) => ['', ...recipientLines(recipient)]),
    ...section(
      'Who sent it',
      authentication.map((line) => `  ${line}`),
    ),
    ...section(
      'What failed',
      broken.map((line) => `  ${line}`),
    ),
    ...section('What was found', findings.flatMap(findingLines)),
    ...section(
      'Please note',
      notes.map((line) => `  ${line}`),
    ),
  ];
  return lines.map(visible);
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function recipientLines(recipient: RecipientExplanation): readonly string[] {
  const { address, direction, sentence, differ, quarantineId } = recipient;
  return [
    `For ${address} (${direction})`,
    `  ${sentence}`,
    ...(quarantineId === null ? [] : [`  To let it through: weir quarantine release ${quarantineId} --to ${address}`]),
    ...scoreLines(recipient),
    ...differ.map((line) => `  ${line}`),
  ];
}

/** A bar for each part, as long as its points on a scale that takes in every threshold. */
function scoreLines({ parts, score, thresholds }: RecipientExplanation): readonly string[] {
  if (parts.length === 0) return [];
  const marks = [thresholds.tagAt, thresholds.quarantineAt, thresholds.rejectAt].filter((at) => at !== null);
  const scale = Math.max(1, ...marks, ...parts.map(({ points }) => Math.abs(points)), score);
  const bar = (points: number) => '█'.repeat(Math.round((Math.abs(points) / scale) * BAR_COLUMNS));
  const names = [
    ['marked', thresholds.tagAt],
    ['held', thresholds.quarantineAt],
    ['refused', thresholds.rejectAt],
  ] as const;
  const at = names.flatMap(([name, value]) => (value === null ? [] : [`${name} at ${value}`])).join(', ');
  return [
    ...parts.map(
      ({ group, points, capped }) =>
        `  ${GROUP[group].padEnd(22)}${signed(points).padStart(7)}  ${bar(points)}${capped ? ' (cap)' : ''}`,
    ),
    `  ${'score'.padEnd(22)}${signed(score).padStart(7)}  ${bar(score)}  ${at}`,
  ];
}

function findingLines({
  id,
  points,
  category,
  meaning,
  evidence,
  recipient,
  stage,
  spared,
}: FindingExplanation): readonly string[] {
  const weight = points === null ? category : signed(points);
  const only = recipient === null ? '' : ` (only for ${recipient})`;
  const seen = evidence === '' ? '' : `: ${evidence.slice(0, EVIDENCE_MAX_CHARS)}`;
  return [
    `${weight.padStart(12)}  ${id}${only}${spared === null ? '' : ` (${spared})`}`,
    `${''.padStart(12)}  ${meaning ?? `Reported by ${stage}.`}${seen === '' ? '' : ` Seen${seen}`}`,
  ];
}

function signed(points: number): string {
  const text = (Math.round(points * 100) / 100).toFixed(points % 1 === 0 ? 1 : 2).replace(/(\.\d)0$/, '$1');
  return points > 0 ? `+${text}` : text;
}
