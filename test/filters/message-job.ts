// A message as a stage gets it, and the world it gets, for tests of single stages.
import { Value } from 'typebox/value';
import type { Static, TObject } from 'typebox';
import { FILES_ON_DISK } from '../../config/attached.js';
import { parseMessage } from '../../message/parse.js';
import type { MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { makeTransaction } from '../ground/transaction.js';

/** Lines of a mail, joined as they go over the wire. */
export const mail = (...lines: readonly string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1');

/** A job for one message; `timeMs` from now until its deadline. */
export function makeJob(
  raw: Buffer | string,
  fields: {
    readonly timeMs?: number;
    readonly signal?: AbortSignal;
    readonly transaction?: Parameters<typeof makeTransaction>[1];
    readonly directions?: MessageJob['directions'];
    readonly results?: MessageJob['results'];
    readonly early?: MessageJob['early'];
    readonly scoreSoFar?: MessageJob['scoreSoFar'];
  } = {},
): MessageJob {
  const content = typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw;
  return {
    message: parseMessage(content),
    transaction: makeTransaction(content, fields.transaction),
    directions: fields.directions ?? ['received'],
    results: fields.results ?? (() => undefined),
    early: fields.early ?? (() => []),
    scoreSoFar: fields.scoreSoFar ?? (() => 0),
    deadline: performance.now() + (fields.timeMs ?? 20_000),
    signal: fields.signal ?? new AbortController().signal,
  };
}

export interface RaisedAlert {
  readonly code: string;
  readonly raised: boolean;
  readonly detail: string;
}

/** The world a stage is made in: real clocks, and alerts kept for looking at. */
export function makeOutside(): Outside & { readonly alerts: RaisedAlert[] } {
  const alerts: RaisedAlert[] = [];
  return {
    clock: { now: () => Date.now(), monotonicMs: () => performance.now() },
    resolver: null,
    countries: null,
    state: null,
    alert: (code, raised, detail) => void alerts.push({ code, raised, detail }),
    alerts,
  };
}

/** Makes a stage with its defaults but for `settings`. */
export async function makeStage<Schema extends TObject>(
  module: StageModule<Schema>,
  settings: Partial<Static<Schema>> = {},
  outside: Outside = makeOutside(),
): Promise<Stage> {
  return module.create(
    { ...(Value.Default(module.spec.settings, {}) as Static<Schema>), ...settings },
    outside,
    FILES_ON_DISK,
  );
}

/** What the stage reports of one message. */
export async function runStage(stage: Stage, job: MessageJob): Promise<StageReport> {
  if (!stage.onMessage) throw new Error('the stage takes no messages');
  return stage.onMessage(job);
}

/** Ids of the findings, in order. */
export const idsOf = (report: StageReport): readonly string[] => report.findings.map(({ id }) => id);
