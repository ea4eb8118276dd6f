// What greylisting says of a recipient: one finding makes the mail wait, one refuses, the others are facts for the log.
import type { Finding, FindingSpec, RefusalReply } from '../../pipeline/finding.js';
import type { Answer } from './passage.js';

export const greylistFindings = [
  {
    id: 'GREYLISTED',
    category: 'greylist',
    score: 1,
    meaning:
      'Client, sender and recipient have not been seen together before, or not long ago enough: try again later.',
    reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again later' },
  },
  {
    id: 'GREYLIST_DENIED',
    category: 'greylist',
    score: 1,
    action: 'reject',
    meaning: 'The settings of greylisting refuse this source.',
    reply: { code: 550, enhanced: '5.7.1', text: 'Mail from this client is not accepted here' },
  },
  {
    id: 'GREYLIST_PASSED',
    category: 'greylist',
    score: 0,
    meaning: 'The mail came again in time, or client, sender and recipient are known together.',
  },
  {
    id: 'GREYLIST_SPARED',
    category: 'greylist',
    score: 0,
    meaning: 'Greylisting was not asked for: the evidence says why.',
  },
] as const satisfies readonly FindingSpec[];

/** `recipient` is the index in `rcptTo`. */
export function denied(source: string, recipient: number): Finding {
  return { id: 'GREYLIST_DENIED', category: 'greylist', score: 1, evidence: source, recipient };
}

export function spared(why: string, recipient: number): Finding {
  return { id: 'GREYLIST_SPARED', category: 'greylist', score: 0, evidence: why, recipient };
}

/** What became of the triplet with that id. */
export function answered(answer: Answer, id: string, nowMs: number, recipient: number): Finding {
  const common = { category: 'greylist', recipient } as const;
  if (answer.kind === 'known')
    return { ...common, id: 'GREYLIST_PASSED', score: 0, evidence: `known since ${instant(answer.passedAt)}` };
  if (answer.kind === 'through')
    return { ...common, id: 'GREYLIST_PASSED', score: 0, evidence: `came again after ${seconds(answer.waitedMs)} s` };
  const evidence = `attempt ${answer.attempts}, passes from ${instant(answer.passesAt)}, id ${id}`;
  return { ...common, id: 'GREYLISTED', score: 1, evidence, reply: waitReply(answer.passesAt - nowMs) };
}

/** The reply says for how long: people read it in bounces and in their own logs. */
function waitReply(leftMs: number): RefusalReply {
  const left = Math.max(1, seconds(leftMs));
  return {
    code: 451,
    enhanced: '4.7.1',
    text: `Greylisted, please try again in ${left} ${left === 1 ? 'second' : 'seconds'}`,
  };
}

const seconds = (ms: number): number => Math.ceil(ms / 1_000);
const instant = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
