// From verdicts to one plan for the whole message: the answer to the MTA, what is quarantined, what leaves as a separate
// copy, all worked out before anything is written. Pure.
import type { Transaction } from '../message/envelope.js';
import type { Answer, Edit, SmtpReply } from '../pipeline/answer.js';
import type { Verdict } from '../pipeline/decide.js';
import { CATEGORIES, type Category } from '../pipeline/finding.js';
import type { Direction } from '../pipeline/stage.js';
import { Marker, type Mark, type MarkInput } from './marks.js';

const INCOMPLETE_REPLY: SmtpReply = { code: 552, enhanced: '5.3.4', text: 'Message exceeds fixed limit' };

/** Recipients whose mail is held together: one quarantine entry. */
export interface Held {
  readonly category: Category;
  readonly reason: string;
  readonly score: number;
  /** Indexes in `rcptTo`. */
  readonly recipients: readonly number[];
}

/** Recipients who get a copy with edits other than those of the MTA's own delivery. */
export interface Copy {
  readonly recipients: readonly number[];
  readonly edits: readonly Edit[];
}

export interface Plan {
  readonly answer: Answer;
  readonly held: readonly Held[];
  readonly copies: readonly Copy[];
  /** What becomes of each recipient's mail in the end: a refusal that others do not share has become quarantine. */
  readonly outcomes: readonly Verdict[];
}

/** What the plan needs besides the verdicts. */
export interface PlanInput extends MarkInput {
  /** In the order of `rcptTo`. */
  readonly directions: readonly Direction[];
  /** The edits that seal the message as it is after these; none where nothing is sealed. */
  readonly seal: (content: Transaction['content'], edits: readonly Edit[]) => readonly Edit[];
}

/** Behaviour 1 and 2 in one place. `verdicts` in the order of `rcptTo`, at least one. */
export function makePlan(verdicts: readonly Verdict[], input: PlanInput): Plan {
  if (input.transaction.truncated) return refuseIncomplete(verdicts);
  const tempfail = verdicts.find(({ action }) => action === 'tempfail');
  if (tempfail) return whole({ kind: 'tempfail', reply: replyOf(tempfail) }, sameForAll(verdicts, tempfail));
  const [first] = verdicts;
  if (first && verdicts.every(({ action }) => action === 'reject')) {
    return whole({ kind: 'reject', reply: replyOf(first) }, verdicts);
  }
  const outcomes = verdicts.map((verdict): Verdict =>
    verdict.action === 'reject' ? { ...verdict, action: 'quarantine' } : verdict,
  );
  const held = groupHeld(outcomes);
  const deliveries = groupDeliveries(outcomes, input);
  const [main, ...others] = deliveries;
  if (!main) return { answer: { kind: 'discard' }, held, copies: [], outcomes };
  const stays = new Set(main.recipients);
  const leaves = input.transaction.rcptTo.filter((_, index) => !stays.has(index));
  const edits: Edit[] = [...leaves.map(({ given }): Edit => ({ kind: 'delete-recipient', given })), ...main.edits];
  return { answer: { kind: 'accept', edits }, held, copies: others, outcomes };
}

/** What was not kept whole can be neither judged nor held nor copied: whatever the settings say, its sender is told. */
function refuseIncomplete(verdicts: readonly Verdict[]): Plan {
  const refused = verdicts.find(({ action }) => action === 'reject');
  const reply = refused?.reply ?? INCOMPLETE_REPLY;
  const outcomes = verdicts.map((verdict): Verdict =>
    verdict.action === 'reject'
      ? verdict
      : { ...verdict, action: 'reject', category: 'policy', reason: 'larger than is kept for judging', reply },
  );
  return whole({ kind: 'reject', reply }, outcomes);
}

function whole(answer: Answer, outcomes: readonly Verdict[]): Plan {
  return { answer, held: [], copies: [], outcomes };
}

/** A temporary failure goes for the whole message: nothing was delivered, so the sender's retry doubles nothing. */
function sameForAll(verdicts: readonly Verdict[], one: Verdict): readonly Verdict[] {
  return verdicts.map((verdict) =>
    verdict.action === 'tempfail'
      ? verdict
      : { ...verdict, action: 'tempfail', reason: one.reason, category: one.category, reply: one.reply },
  );
}

function replyOf({ reply }: Verdict): SmtpReply {
  return reply ?? { code: 451, enhanced: '4.3.0', text: 'Try again later' };
}

function groupHeld(outcomes: readonly Verdict[]): readonly Held[] {
  const groups = new Map<Category, Verdict[]>();
  for (const verdict of outcomes) {
    if (verdict.action !== 'quarantine') continue;
    const category = verdict.category ?? 'spam';
    groups.set(category, [...(groups.get(category) ?? []), verdict]);
  }
  return CATEGORIES.flatMap((category) => {
    const verdicts = groups.get(category) ?? [];
    const [first] = verdicts;
    if (!first) return [];
    const score = Math.max(...verdicts.map((verdict) => verdict.score));
    return [{ category, reason: first.reason, score, recipients: verdicts.map(({ recipient }) => recipient) }];
  });
}

/** Groups of recipients that get the same bytes, the largest first: it goes the MTA's own way. */
function groupDeliveries(outcomes: readonly Verdict[], input: PlanInput): readonly Copy[] {
  const marker = new Marker(input);
  const groups = new Map<string, { recipients: number[]; mark: Mark }>();
  for (const verdict of outcomes) {
    if (verdict.action !== 'accept' && verdict.action !== 'tag') continue;
    const mark = marker.markOf(verdict, input.directions[verdict.recipient] ?? 'received');
    const key = JSON.stringify(mark);
    const group = groups.get(key);
    if (group) group.recipients.push(verdict.recipient);
    else groups.set(key, { recipients: [verdict.recipient], mark });
  }
  return [...groups.values()]
    .sort((a, b) => b.recipients.length - a.recipients.length)
    .map(({ recipients, mark }) => {
      const edits = marker.editsOf(mark);
      return { recipients, edits: [...edits, ...input.seal(input.transaction.content, edits)] };
    });
}
