// A question to the handler before the content: what it answers at once is a step at once, what takes time is pending. A
// handler that fails gives a temporary failure, never a pass.
import type { EnvelopeAnswer } from '../pipeline/answer.js';
import { CONTINUE } from '../pipeline/answer.js';
import { UNAVAILABLE } from './reply.js';
import { Close, Pending, type Conclusion, type Reply, type Step } from './step.js';

const FAILED: EnvelopeAnswer = { kind: 'tempfail', reply: UNAVAILABLE };

export interface Question {
  /** Asks; undefined goes on. */
  readonly call: () => Promise<EnvelopeAnswer | void> | EnvelopeAnswer | void;
  /** What follows from the answer. */
  readonly finish: (answer: EnvelopeAnswer) => Buffer | null | Close;
  readonly failed: (error: unknown) => void;
  /** The time is over: whoever works on the answer may stop. */
  readonly giveUp: () => void;
}

export function ask(question: Question): Step {
  let answer;
  try {
    answer = question.call() ?? CONTINUE;
  } catch (error) {
    question.failed(error);
    return question.finish(FAILED);
  }
  if (!(answer instanceof Promise)) return question.finish(answer);
  return new Pending('envelope', concludeLater(answer, question), () => {
    question.giveUp();
    return question.finish(FAILED);
  });
}

async function concludeLater(
  answer: Promise<EnvelopeAnswer | void>,
  { failed, finish }: Question,
): Promise<Conclusion> {
  let given = FAILED;
  try {
    given = (await answer) ?? CONTINUE;
  } catch (error) {
    failed(error);
  }
  return {
    reply: () => {
      const step = finish(given);
      return step instanceof Close ? step : onePacket(step);
    },
    lost: () => undefined,
  };
}

/** A reply of one packet, or of none. */
export function onePacket(bytes: Buffer | null): Reply {
  return { packets: bytes === null ? [] : [bytes], settled: null };
}
