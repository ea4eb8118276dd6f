// What a stage sees before there is content, for tests of single stages: a moment, a connection and an envelope.
import { Type } from 'typebox';
import type { Connection, EnvelopeAddress } from '../../message/envelope.js';
import type {
  EarlyJob,
  EarlyMoment,
  RefusedRecipient,
  Stage,
  StageModule,
  StageReport,
  StageSpec,
} from '../../pipeline/stage.js';
import { envelopeAddress, makeConnection } from '../ground/transaction.js';

export interface EarlyFields {
  readonly connection?: Partial<Connection>;
  readonly login?: string | null;
  /** From MAIL on; `a@outside.test` unless given, '' for the null sender. */
  readonly mailFrom?: string | EnvelopeAddress;
  /** At RCPT; `b@house.test` unless given. */
  readonly rcptTo?: string | EnvelopeAddress;
  readonly accepted?: readonly string[];
  /** Default: received. */
  readonly directions?: EarlyJob['directions'];
  /** Domains that are ours; default `house.test`. */
  readonly ownDomains?: readonly string[];
  readonly underMainName?: EarlyJob['underMainName'];
  readonly results?: EarlyJob['results'];
  /** From now until the deadline. */
  readonly timeMs?: number;
  readonly signal?: AbortSignal;
}

/** A job at one moment; what is not known yet then is null, as the runner has it. */
export function makeEarlyJob(moment: EarlyMoment, fields: EarlyFields = {}): EarlyJob {
  const { mailFrom = 'a@outside.test', rcptTo = 'b@house.test', ownDomains = ['house.test'] } = fields;
  const isOwnDomain = (address: string): boolean =>
    ownDomains.includes(address.slice(address.lastIndexOf('@') + 1).toLowerCase());
  const hasSender = moment === 'mail' || moment === 'rcpt';
  const recipient = moment === 'rcpt' ? toAddress(rcptTo) : null;
  const greeted = moment === 'connect' ? { helo: null } : {};
  return {
    moment,
    connection: makeConnection({ ...greeted, ...fields.connection }),
    login: hasSender ? (fields.login ?? null) : null,
    mailFrom: hasSender ? toAddress(mailFrom) : null,
    rcptTo: recipient,
    accepted: (fields.accepted ?? []).map(envelopeAddress),
    directions: fields.directions ?? ['received'],
    recipientIsOurs: recipient === null ? null : isOwnDomain(recipient.address),
    isOwnDomain,
    underMainName: fields.underMainName ?? ((address) => address),
    results: fields.results ?? (() => []),
    deadline: performance.now() + (fields.timeMs ?? 20_000),
    signal: fields.signal ?? new AbortController().signal,
  };
}

/** What the stage reports at the job's moment; nothing where it does not listen then. */
export async function runEarly(stage: Stage, job: EarlyJob): Promise<StageReport> {
  const report = await atMoment(stage, job);
  return report ?? { findings: [] };
}

function atMoment(stage: Stage, job: EarlyJob): Promise<StageReport> | StageReport | undefined {
  switch (job.moment) {
    case 'connect':
      return stage.onConnect?.(job);
    case 'helo':
      return stage.onHelo?.(job);
    case 'mail':
      return stage.onMail?.(job);
    case 'rcpt':
      return stage.onRcpt?.(job);
  }
}

/** A recipient that the MTA refused by itself. */
export function makeRefused(fields: EarlyFields & { readonly status?: string } = {}): RefusedRecipient {
  const { connection, login, mailFrom, rcptTo } = makeEarlyJob('rcpt', fields);
  if (mailFrom === null || rcptTo === null) throw new Error('a job at RCPT has both');
  return { connection, login, mailFrom, rcptTo, status: fields.status ?? '5.1.1' };
}

/** A stage module of the test that always reports the same, for pipelines made of invented stages. */
export function fixedStage(stage: Stage, fields: Partial<StageSpec> & Pick<StageSpec, 'name'>): StageModule {
  return { spec: { ...BARE, ...fields }, create: () => stage };
}

const BARE: Omit<StageSpec, 'name'> = {
  summary: 'A stage of the test.',
  runsAt: ['message'],
  directions: ['received', 'sent', 'internal'],
  needs: [],
  settings: Type.Object({}),
  findings: [],
  onBreak: 'tempfail',
  timeLimitMs: 1_000,
};

function toAddress(given: string | EnvelopeAddress): EnvelopeAddress {
  return typeof given === 'string' ? envelopeAddress(given) : given;
}
