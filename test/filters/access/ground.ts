// Rules, sessions and a state in memory for the tests of the block and allow lists.
import type { EnvelopeAddress } from '../../../message/envelope.js';
import type { EarlyJob, EarlyMoment, Outside, Stage, StageReport } from '../../../pipeline/stage.js';
import { makeRule, type AccessRule, type RuleWish } from '../../../filters/access/rule.js';
import { movedClock, type MovedClock } from '../../ground/state.js';
import { envelopeAddress, makeConnection } from '../../ground/transaction.js';
import { makeOutside } from '../message-job.js';

let made = 0;

/** A sound rule; throws where the wish is none. */
export function rule(effect: string, kind: string, value: string, more: Partial<RuleWish> = {}): AccessRule {
  const result = makeRule({ effect, kind, value, ...more });
  if ('fault' in result) throw new Error(`${result.fault.key}: expected ${result.fault.expected}`);
  made += 1;
  return { ...result.rule, id: `rule-${String(made)}`, author: 'test', createdAt: 0 };
}

/** The world of a stage under a clock that is moved by hand. */
export function world(
  more: Partial<Outside> = {},
  clock = movedClock(),
): ReturnType<typeof makeOutside> & { readonly clock: MovedClock } {
  return { ...makeOutside(), ...more, clock };
}

export interface Session {
  readonly client?: string | null;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly login?: string | null;
}

/** One SMTP session through the early moments of a stage: the reports, in order. */
export async function runEarly(stage: Stage, session: Session): Promise<readonly StageReport[]> {
  const reports: StageReport[] = [];
  const ask = async (moment: EarlyMoment, more: Partial<EarlyJob> = {}): Promise<void> => {
    const job: EarlyJob = {
      moment,
      connection: makeConnection({ clientAddress: session.client === undefined ? '198.51.100.7' : session.client }),
      login: moment === 'connect' ? null : (session.login ?? null),
      mailFrom: moment === 'connect' ? null : envelopeAddress(session.from ?? 'ann@sender.example'),
      rcptTo: null,
      accepted: [],
      directions: ['received'],
      recipientIsOurs: null,
      isOwnDomain: () => false,
      underMainName: (address) => address,
      results: () => [...reports],
      deadline: 60_000,
      signal: new AbortController().signal,
      ...more,
    };
    const handlers = { connect: stage.onConnect, mail: stage.onMail, rcpt: stage.onRcpt, helo: stage.onHelo };
    const report = await handlers[moment]?.call(stage, job);
    if (report !== undefined) reports.push(report);
  };
  await ask('connect');
  await ask('mail');
  const accepted: EnvelopeAddress[] = [];
  for (const to of session.to ?? ['bob@here.example']) {
    await ask('rcpt', { rcptTo: envelopeAddress(to), accepted: [...accepted] });
    accepted.push(envelopeAddress(to));
  }
  return reports;
}
