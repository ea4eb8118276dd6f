// The runner before the content: takes one moment of an SMTP session through the stages that listen to it, in list order,
// and keeps what they report for later moments and for the message. It decides nothing and remembers nothing.
import { planWaves, runStage, type BrokenStage, type Outcome, type Running } from './stage-run.js';
import type {
  Direction,
  EarlyJob,
  EarlyMoment,
  EarlyReport,
  Hearing,
  Moment,
  Outside,
  RefusedRecipient,
  Stage,
  StageReport,
} from './stage.js';

/** In the order of the dialogue. */
export const EARLY_MOMENTS = ['connect', 'helo', 'mail', 'rcpt'] as const satisfies readonly EarlyMoment[];

/** One moment to run the stages at. */
export interface EarlyInput extends Omit<EarlyJob, 'results'> {
  /** What was reported so far in this session and transaction, in order. */
  readonly before: readonly EarlyResult[];
  /** Stages that ran at this moment already (for this recipient). */
  readonly ran: readonly string[];
}

/** What the stages said at one moment. Plain data: it crosses process borders. */
export interface EarlyResult {
  readonly moment: EarlyMoment;
  /** Index the recipient has in `rcptTo`; null before RCPT. */
  readonly recipient: number | null;
  /** Stages that ran, list order. */
  readonly ran: readonly string[];
  /** Of those that had something to say. */
  readonly reports: readonly EarlyReport[];
  readonly broken: readonly (Pick<EarlyReport, 'directions'> & { readonly breakage: BrokenStage })[];
  /** ms per stage that ran. */
  readonly stageMs: Readonly<Record<string, number>>;
}

/** What happens before the content, under one settings version. */
export interface EarlyPipeline {
  /** How soon somebody must be told of that moment; null where nobody listens to it. */
  readonly hearing: (moment: EarlyMoment) => Hearing | null;
  /** Null when nobody has to be asked. Never rejects. */
  readonly early: (input: EarlyInput) => Promise<EarlyResult> | null;
  /** Tells the stages that count them; what broke is told. Never rejects. */
  readonly refused: (
    recipient: RefusedRecipient,
    directions: readonly Direction[],
    bounds: Bounds,
  ) => Promise<readonly BrokenStage[]>;
  /** Tells the stages named that a session they heard of is over. Never rejects. */
  readonly ended: (connection: EarlyJob['connection'], stages: readonly string[]) => Promise<readonly BrokenStage[]>;
}

type Bounds = Pick<EarlyJob, 'deadline' | 'signal'>;

/** What a stage does at each moment. */
export const HOOKS = {
  connect: 'onConnect',
  helo: 'onHelo',
  mail: 'onMail',
  rcpt: 'onRcpt',
  message: 'onMessage',
} as const satisfies Record<Moment, keyof Stage>;

/** How long stages may take over the end of a session, ms. */
const ENDED_LIMIT_MS = 10_000;

export function createEarlyPipeline(running: readonly Running[], outside: Outside): EarlyPipeline {
  const listeners = new Map(EARLY_MOMENTS.map((moment) => [moment, planWaves(running.filter(listensAt(moment)))]));
  const hearings = new Map(EARLY_MOMENTS.map((moment) => [moment, soonest(running.filter(listensAt(moment)), moment)]));
  const wavesAt = (moment: EarlyMoment) => listeners.get(moment) ?? [];
  const counting = running.filter(({ stage }) => stage.onRefusedRcpt !== undefined);
  return {
    hearing: (moment) => hearings.get(moment) ?? null,
    early: (input) => {
      const isDue = ({ spec }: Running) => !input.ran.includes(spec.name) && runsFor(spec.directions, input.directions);
      const waves = wavesAt(input.moment).flatMap((wave) => [wave.filter(isDue)].filter(({ length }) => length > 0));
      return waves.length === 0 ? null : runMoment(waves, input, outside);
    },
    refused: (recipient, directions, bounds) =>
      tellAll(
        counting.filter(({ spec }) => runsFor(spec.directions, directions)),
        { ...bounds, clock: outside.clock },
        ({ stage }) => stage.onRefusedRcpt?.(recipient),
      ),
    ended: (connection, stages) => {
      const told = running.filter(({ spec, stage }) => stage.onEnd !== undefined && stages.includes(spec.name));
      const deadline = outside.clock.monotonicMs() + ENDED_LIMIT_MS;
      const bounds = { clock: outside.clock, deadline, signal: new AbortController().signal };
      return tellAll(told, bounds, ({ stage }) => stage.onEnd?.(connection));
    },
  };
}

/** Whether a stage for these directions has to do with what may come from there. */
export function runsFor(directions: readonly Direction[], possible: readonly Direction[]): boolean {
  return directions.some((direction) => possible.includes(direction));
}

/** What stands of the results for mail of these directions: a client that turns out to be a user is spared what holds for strangers. */
export function standing(results: readonly EarlyResult[], possible: readonly Direction[]): Standing {
  const stands = ({ directions }: Pick<EarlyReport, 'directions'>): boolean => runsFor(directions, possible);
  return {
    reports: results.flatMap(({ reports }) => reports.filter(stands)),
    broken: results.flatMap(({ broken }) => broken.filter(stands).map(({ breakage }) => breakage)),
  };
}

export interface Standing {
  readonly reports: readonly EarlyReport[];
  readonly broken: readonly BrokenStage[];
}

function listensAt(moment: EarlyMoment): (running: Running) => boolean {
  return ({ spec, stage }) => spec.runsAt.includes(moment) && stage[HOOKS[moment]] !== undefined;
}

const SOONEST_FIRST = ['now', 'by-rcpt', 'with-message'] as const satisfies readonly Hearing[];

function soonest(listeners: readonly Running[], moment: EarlyMoment): Hearing | null {
  const asked = listeners.map(({ stage }) => stage.hears?.(moment) ?? 'now');
  return SOONEST_FIRST.find((hearing) => asked.includes(hearing)) ?? null;
}

async function runMoment(
  waves: readonly (readonly Running[])[],
  input: EarlyInput,
  outside: Outside,
): Promise<EarlyResult> {
  const outcomes: Outcome[] = [];
  const bounds = { clock: outside.clock, deadline: input.deadline, signal: input.signal };
  for (const wave of waves) {
    const before = outcomes.slice();
    const done = await Promise.all(
      wave.map((running) =>
        runStage(running, bounds, (time) => callStage(running, input, before, time) ?? { findings: [] }),
      ),
    );
    outcomes.push(...done);
  }
  return toResult(outcomes, input);
}

function callStage(
  { spec, stage }: Running,
  input: EarlyInput,
  atOnce: readonly Outcome[],
  time: { readonly deadline: number; readonly signal: AbortSignal },
) {
  const { moment, connection, login, mailFrom, rcptTo, accepted, directions, recipientIsOurs, before } = input;
  return stage[HOOKS[moment]]?.({
    ...{ moment, connection, login, mailFrom, rcptTo, accepted, directions, recipientIsOurs },
    isOwnDomain: (address) => input.isOwnDomain(address),
    underMainName: (address) => input.underMainName(address),
    deadline: time.deadline,
    // Read through: a signal that no stage looks at is never made.
    get signal() {
      return time.signal;
    },
    results: (name) => {
      if (name !== spec.name && !spec.needs.includes(name))
        throw new Error(`stage ${spec.name} reads ${name} without naming it in needs`);
      const now = atOnce.filter(({ running }) => running.spec.name === name).flatMap(({ report }) => report ?? []);
      return [...reportsOf(before, name, input), ...now];
    },
  });
}

/** What a stage said at earlier moments; of other recipients nothing is told. */
function reportsOf(before: readonly EarlyResult[], name: string, { moment, accepted }: EarlyInput): StageReport[] {
  const recipient = moment === 'rcpt' ? accepted.length : null;
  return before
    .flatMap(({ reports }) => reports)
    .filter((report) => report.stage === name && (report.recipient === null || report.recipient === recipient));
}

function toResult(outcomes: readonly Outcome[], { moment, accepted }: EarlyInput): EarlyResult {
  const recipient = moment === 'rcpt' ? accepted.length : null;
  const only = recipient === null ? {} : { recipient };
  return {
    moment,
    recipient,
    ran: outcomes.map(({ running }) => running.spec.name),
    reports: outcomes.flatMap(({ running, report }) =>
      report === null || isEmpty(report) ? [] : [toReport(running, report, moment, recipient)],
    ),
    broken: outcomes.flatMap(({ running, broken }) =>
      broken === null ? [] : [{ breakage: { ...broken, ...only }, directions: running.spec.directions }],
    ),
    stageMs: Object.fromEntries(outcomes.map(({ running, ms }) => [running.spec.name, ms])),
  };
}

function isEmpty({ findings, ...rest }: StageReport): boolean {
  return findings.length === 0 && Object.values(rest).every((value) => value === undefined);
}

/** At RCPT everything holds for that recipient alone, whatever the stage wrote. */
function toReport({ spec }: Running, report: StageReport, moment: EarlyMoment, recipient: number | null): EarlyReport {
  const place = { stage: spec.name, directions: spec.directions, moment, recipient };
  if (recipient === null) return { ...report, ...place };
  return {
    ...report,
    ...place,
    findings: report.findings.map((finding) => ({ ...finding, recipient })),
    ...(report.exempts && { exempts: report.exempts.map((exemption) => ({ ...exemption, recipient })) }),
  };
}

async function tellAll(
  stages: readonly Running[],
  bounds: Bounds & { readonly clock: Outside['clock'] },
  tell: (running: Running) => Promise<void> | void,
): Promise<readonly BrokenStage[]> {
  const outcomes = await Promise.all(
    stages.map((running) =>
      runStage(running, bounds, () => {
        const told = tell(running);
        return told instanceof Promise ? told.then(() => NOTHING) : NOTHING;
      }),
    ),
  );
  return outcomes.flatMap(({ broken }) => broken ?? []);
}

const NOTHING: StageReport = { findings: [] };
