// The runner: takes one message through the stages in list order, independent neighbours at once, each within its time,
// and merges what they report in list order. It decides nothing; a stage that breaks is a fact in the result.
import type { Configuration } from '../config/load.js';
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { FindingSpec } from './finding.js';
import {
  createEarlyPipeline,
  EARLY_MOMENTS,
  HOOKS,
  runsFor,
  standing,
  type EarlyPipeline,
  type EarlyResult,
  type Standing,
} from './early.js';
import { spamScore } from './decide.js';
import { countedFor, type Found } from './exempt.js';
import { mergeReports, type Merged, type StagedReport } from './merge.js';
import { pipelineSection, verdictSection } from './settings.js';
import { planWaves, runStage, type BrokenStage, type Outcome, type Running, type StageTime } from './stage-run.js';
import { stageSection, type CommonStageSettings } from './stage-section.js';
import type { Check, Direction, Outside, Stage, StageModule, StageSpec } from './stage.js';

/** Everything the stages said of one message. Plain data: it crosses process borders as JSON (bodies of edits aside). */
export interface ScanResult extends Merged {
  /** ms per stage that ran, list order. */
  readonly stageMs: Readonly<Record<string, number>>;
  readonly totalMs: number;
  readonly broken: readonly BrokenStage[];
}

/** One message to scan. */
export interface ScanJob {
  readonly message: Message;
  readonly transaction: Transaction;
  readonly directions: readonly Direction[];
  /** What was reported before the content; recipients by their index in `rcptTo`. */
  readonly early?: readonly EarlyResult[];
  readonly signal: AbortSignal;
}

/** Scans one message; what programs may wrap (in-flight marks, a process of its own for suspects). */
export type Scan = (job: ScanJob) => Promise<ScanResult>;

/** The stages at work under one settings version. */
export interface Pipeline extends EarlyPipeline {
  readonly scan: Scan;
  /** Names of the stages that are on, list order. */
  readonly stages: readonly string[];
  check(signal: AbortSignal): Promise<readonly (Check & { readonly stage: string })[]>;
  close(): Promise<void>;
}

/** The catalogue of all stages, those that are off included: what was reported while they were on is still judged by it. */
export function specTable(modules: readonly StageModule[]): ReadonlyMap<string, FindingSpec> {
  return new Map(modules.flatMap(({ spec }) => spec.findings.map((finding) => [finding.id, finding] as const)));
}

/** Makes the stages that are on. Throws what a stage throws when it cannot be made: settings are then not taken. */
export async function createPipeline(
  modules: readonly StageModule[],
  configuration: Configuration,
  outside: Outside,
): Promise<Pipeline> {
  const running: Running[] = [];
  const { attached } = configuration;
  try {
    for (const module of modules) {
      const settings = configuration.section(stageSection(module.spec)) as unknown as CommonStageSettings;
      if (!settings.enabled) continue;
      const stage = await module.create(settings as never, outside, attached);
      running.push({ spec: module.spec, settings, stage });
      refuseUnheard(module.spec, stage);
    }
  } catch (error) {
    await closeAll(running);
    throw error;
  }
  const waves = planWaves(running.filter(({ spec }) => spec.runsAt.includes('message')));
  const { timeLimitMs } = configuration.section(pipelineSection);
  const specs = specTable(modules);
  const judge: Judge = (found, recipient) =>
    spamScore(countedFor(found, recipient, specs), configuration.section(verdictSection).caps);
  return {
    ...createEarlyPipeline(running, outside),
    stages: running.map(({ spec }) => spec.name),
    scan: (job) => scan(waves, job, outside, timeLimitMs, judge),
    check: (signal) => checkAll(running, signal),
    close: () => closeAll(running),
  };
}

/** What a stage would do at a moment that it does not name would never be done. */
function refuseUnheard({ name, runsAt }: StageSpec, stage: Stage): void {
  for (const moment of [...EARLY_MOMENTS, 'message'] as const)
    if (stage[HOOKS[moment]] !== undefined && !runsAt.includes(moment))
      throw new Error(`stage ${name} has ${HOOKS[moment]} and does not say that it runs at ${moment}`);
}

/** The spam score of what was found so far, for one recipient. */
type Judge = (found: Found, recipient: number) => number;

async function scan(
  waves: readonly (readonly Running[])[],
  job: ScanJob,
  outside: Outside,
  timeLimitMs: number,
  judge: Judge,
): Promise<ScanResult> {
  const startedMs = outside.clock.monotonicMs();
  const bounds = { clock: outside.clock, deadline: startedMs + timeLimitMs, signal: job.signal };
  const early = standing(job.early ?? [], job.directions);
  const outcomes: Outcome[] = [];
  for (const wave of waves) {
    const due = wave.filter(({ spec }) => runsFor(spec.directions, job.directions));
    const sofar = { early, outcomes: outcomes.slice(), judge };
    const done = await Promise.all(
      due.map((running) =>
        runStage(running, bounds, (time) => callStage(running, job, sofar, time) ?? { findings: [] }),
      ),
    );
    outcomes.push(...done);
  }
  return toResult(early, outcomes, outside.clock.monotonicMs() - startedMs);
}

/** What stands when a wave begins. */
interface SoFar {
  readonly early: Standing;
  readonly outcomes: readonly Outcome[];
  readonly judge: Judge;
}

function callStage(
  { spec, stage }: Running,
  job: ScanJob,
  { early, outcomes, judge }: SoFar,
  { deadline, signal }: StageTime,
) {
  const { message, transaction, directions } = job;
  return stage.onMessage?.({
    ...{ message, transaction, directions, deadline, signal },
    results: (name) => {
      if (!spec.needs.includes(name)) throw unnamed(spec, name);
      return outcomes.find(({ running }) => running.spec.name === name)?.report ?? undefined;
    },
    early: (name) => {
      if (name !== spec.name && !spec.needs.includes(name)) throw unnamed(spec, name);
      return early.reports.filter((report) => report.stage === name);
    },
    scoreSoFar: (recipient) => judge(mergeReports(reportsIn(early, outcomes)), recipient),
  });
}

function unnamed({ name }: StageSpec, other: string): Error {
  return new Error(`stage ${name} reads ${other} without naming it in needs`);
}

function toResult(early: Standing, outcomes: readonly Outcome[], totalMs: number): ScanResult {
  const stageMs: Record<string, number> = {};
  for (const { running, ms } of outcomes) stageMs[running.spec.name] = round(ms);
  const broken = [...early.broken, ...outcomes.flatMap((outcome) => outcome.broken ?? [])];
  return { ...mergeReports(reportsIn(early, outcomes)), stageMs, totalMs: round(totalMs), broken };
}

/** In the order of the dialogue, then in that of the list. */
function reportsIn(early: Standing, outcomes: readonly Outcome[]): readonly StagedReport[] {
  return [
    ...early.reports.map((report) => ({ stage: report.stage, report })),
    ...outcomes.flatMap(({ running, report }) => (report === null ? [] : [{ stage: running.spec.name, report }])),
  ];
}

const round = (ms: number) => Math.round(ms * 100) / 100;

async function checkAll(
  stages: readonly Running[],
  signal: AbortSignal,
): Promise<readonly (Check & { stage: string })[]> {
  const lines = await Promise.all(
    stages.map(async ({ spec, stage }) => {
      try {
        return (await stage.check?.(signal))?.map((check) => ({ ...check, stage: spec.name })) ?? [];
      } catch (error) {
        return [{ stage: spec.name, name: 'check', state: 'fail' as const, detail: String(error) }];
      }
    }),
  );
  return lines.flat();
}

async function closeAll(stages: readonly Running[]): Promise<void> {
  await Promise.allSettled(stages.map(async ({ stage }) => stage.close?.()));
}
