// A refusal before the content in plain words: who was refused, at which command, and what stages had found by then. From
// an entry of the security log and the catalogue of findings; the same facts go out as JSON.
import { meaningOf, type ExplainContext } from '../gateway/explanation.js';
import type { SecurityEntry } from '../logs/row.js';
import { showTime, visible } from './table.js';

/** What a step is called in a sentence. */
const AT: Readonly<Record<NonNullable<SecurityEntry['step']>, string>> = {
  connect: 'when it connected',
  helo: 'at its greeting',
  mail: 'at MAIL',
  rcpt: 'at RCPT',
  data: 'at the message',
  protocol: 'for a breach of protocol',
};

/** All lines, without line ends. */
export function refusalLines(entry: SecurityEntry, specs: ExplainContext['specs']): readonly string[] {
  const { time, clientAddress, clientName, step, event, findings } = entry;
  const name = clientName === null ? '' : ` (${clientName})`;
  const lines = [
    `${showTime(time)}: the client ${clientAddress ?? 'unknown'}${name} was refused ${AT[step ?? 'rcpt']}.`,
    `${event}.`,
    ...partiesOf(entry),
    ...(findings.length === 0 ? [] : ['', 'What was found by then']),
    ...findings.map(
      ({ id, stage, evidence }) =>
        `  ${id}: ${meaningOf(id, specs) ?? `Reported by ${stage}.`}${evidence === '' ? '' : ` Seen: ${evidence}`}`,
    ),
    '',
    step === 'connect' || step === 'helo'
      ? 'No sender and no recipient were known yet. There is no message: nothing was taken that could be released.'
      : 'There is no message: nothing was taken that could be released. The sender was told.',
  ];
  return lines.map(visible);
}

function partiesOf({ helo, login, mailFrom, recipients }: SecurityEntry): readonly string[] {
  const known = [
    ['It called itself', helo],
    ['Login', login],
    ['Sender', mailFrom === '' ? '<>' : mailFrom],
    ['Recipient', recipients[0] ?? null],
  ] as const;
  return known.flatMap(([what, value]) => (value === null ? [] : [`${what}: ${value}`]));
}
