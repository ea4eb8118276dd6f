// Answers of the policy protocol: an action and its text in one line. Whatever a text holds, one line leaves.
import type { EnvelopeAnswer } from '../pipeline/answer.js';

/** Longest text after the action, bytes: Postfix cuts long replies by itself, in places of its own. */
export const TEXT_MAX_BYTES = 400;

export type TempfailForm = 'defer-if-permit' | 'at-once';

/** The bytes of an answer (access(5)); `continue` is no opinion, and later restrictions decide. */
export function formatAnswer(answer: EnvelopeAnswer, tempfail: TempfailForm): Buffer {
  return Buffer.from(`action=${actionOf(answer, tempfail)}\n\n`, 'latin1');
}

function actionOf(answer: EnvelopeAnswer, tempfail: TempfailForm): string {
  if (answer.kind === 'continue') return 'DUNNO';
  const { code, enhanced, text } = answer.reply;
  const rest = `${enhanced} ${text}`.replace(/[^\x20-\x7e]/g, '?').slice(0, TEXT_MAX_BYTES);
  // 421 ends the session, which the other form cannot say.
  if (answer.kind === 'tempfail' && tempfail === 'defer-if-permit' && code !== 421) return `DEFER_IF_PERMIT ${rest}`;
  return `${code} ${rest}`;
}
