// The runner: takes one message through the stages in list order, independent neighbours at once, each within its time,
// and merges what they report in list order. It decides nothing; a stage that breaks is a fact in the result.
import type { Configuration } from '../config/load.js';
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import type { Edit } from './answer.js';
import type { StagedFinding } from './finding.js';
import { pipelineSection } from './settings.js';
import { stageSection, type CommonStageSettings } from './stage-section.js';
import type {
  BreakPolicy,
  Check,
  Direction,
  Outside,
  SealBasis,
  Stage,
  StageModule,
  StageReport,
  StageSpec,
} from './stage.js';

/** Longest reason kept of a broken stage, characters. */
const REASON_MAX_CHARS = 300;

/** A stage that threw or overran its time. */
export interface BrokenStage {
  readonly stage: string;
  readonly reason: string;
  readonly policy: BreakPolicy;
}

/** Everything the stages said of one message. Plain data: it crosses process borders as JSON (bodies of edits aside). */
export interface ScanResult {
  readonly findings: readonly StagedFinding[];
  readonly edits: readonly Edit[];
  readonly subRules: readonly string[];
  readonly sealBasis: SealBasis | null;
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
  readonly signal: AbortSignal;
}

/** Scans one message; what programs may wrap (in-flight marks, a process of its own for suspects). */
export type Scan = (job: ScanJob) => Promise<ScanResult>;

/** The stages at work under one settings version. */
export interface Pipeline {
  readonly scan: Scan;
  /** Names of the stages that are on, list order. */
  readonly stages: readonly string[];
  check(signal: AbortSignal): Promise<readonly (Check & { readonly stage: string })[]>;
  close(): Promise<void>;
}

interface Running {
  readonly spec: StageSpec;
  readonly settings: CommonStageSettings;
  readonly stage: Stage;
}

class StageOverrun extends Error {
  constructor(limitMs: number) {
    super(`over its time limit of ${limitMs} ms`);
  }
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
      const early = module.spec.runsAt.find((moment) => moment !== 'message');
      if (early !== undefined)
        throw new Error(`stage ${module.spec.name} wants to run at ${early}: nothing would run it`);
      running.push({ spec: module.spec, settings, stage: await module.create(settings as never, outside, attached) });
    }
  } catch (error) {
    await closeAll(running);
    throw error;
  }
  const waves = planWaves(running);
  const { timeLimitMs } = configuration.section(pipelineSection);
  return {
    stages: running.map(({ spec }) => spec.name),
    scan: (job) => scan(waves, job, outside, timeLimitMs),
    check: (signal) => checkAll(running, signal),
    close: () => closeAll(running),
  };
}

/** Splits the list into runs of neighbours none of which reads another's results. List order is kept. */
export function planWaves<S extends { readonly spec: StageSpec }>(stages: readonly S[]): readonly (readonly S[])[] {
  const waves: S[][] = [];
  for (const stage of stages) {
    const wave = waves.at(-1);
    if (wave && !wave.some(({ spec }) => stage.spec.needs.includes(spec.name))) wave.push(stage);
    else waves.push([stage]);
  }
  return waves;
}

interface Outcome {
  readonly running: Running;
  readonly report: StageReport | null;
  readonly broken: BrokenStage | null;
  readonly ms: number;
}

async function scan(
  waves: readonly (readonly Running[])[],
  job: ScanJob,
  outside: Outside,
  timeLimitMs: number,
): Promise<ScanResult> {
  const startedMs = outside.clock.monotonicMs();
  const messageDeadline = startedMs + timeLimitMs;
  const reports = new Map<string, StageReport>();
  const outcomes: Outcome[] = [];
  for (const wave of waves) {
    const due = wave.filter(({ spec }) => spec.directions.some((direction) => job.directions.includes(direction)));
    const done = await Promise.all(due.map((running) => runStage(running, job, reports, outside, messageDeadline)));
    for (const outcome of done) {
      outcomes.push(outcome);
      if (outcome.report) reports.set(outcome.running.spec.name, outcome.report);
    }
  }
  return merge(outcomes, outside.clock.monotonicMs() - startedMs);
}

async function runStage(
  running: Running,
  job: ScanJob,
  reports: ReadonlyMap<string, StageReport>,
  outside: Outside,
  messageDeadline: number,
): Promise<Outcome> {
  const { spec, settings } = running;
  const startedMs = outside.clock.monotonicMs();
  const limitMs = Math.min(settings.timeLimitMs, Math.floor(messageDeadline - startedMs));
  let outcome: { report: StageReport } | { error: unknown };
  try {
    outcome = { report: await withinTime(running, job, reports, startedMs, limitMs) };
  } catch (error) {
    outcome = { error };
  }
  const ms = outside.clock.monotonicMs() - startedMs;
  if ('report' in outcome) return { running, report: outcome.report, broken: null, ms };
  const reason = (outcome.error instanceof Error ? outcome.error.message : String(outcome.error)).slice(
    0,
    REASON_MAX_CHARS,
  );
  return { running, report: null, broken: { stage: spec.name, reason, policy: settings.onBreak }, ms };
}

/** Runs one stage; an answer that is there at once costs no timer. */
async function withinTime(
  { spec, stage }: Running,
  job: ScanJob,
  reports: ReadonlyMap<string, StageReport>,
  startedMs: number,
  limitMs: number,
): Promise<StageReport> {
  if (!stage.onMessage) return { findings: [] };
  if (limitMs <= 0) throw new StageOverrun(0);
  const overrun = new AbortController();
  const answer = stage.onMessage({
    message: job.message,
    transaction: job.transaction,
    directions: job.directions,
    results: (name) => {
      if (!spec.needs.includes(name)) throw new Error(`stage ${spec.name} reads ${name} without naming it in needs`);
      return reports.get(name);
    },
    early: () => [],
    deadline: startedMs + limitMs,
    signal: AbortSignal.any([job.signal, overrun.signal]),
  });
  if (!(answer instanceof Promise)) return answer;
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      answer,
      new Promise<never>((_, fail) => {
        timer = setTimeout(() => {
          const error = new StageOverrun(limitMs);
          fail(error);
          overrun.abort(error);
        }, limitMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

function merge(outcomes: readonly Outcome[], totalMs: number): ScanResult {
  const findings: StagedFinding[] = [];
  const edits: Edit[] = [];
  const subRules: string[] = [];
  const broken: BrokenStage[] = [];
  const stageMs: Record<string, number> = {};
  const covered = new Set(outcomes.flatMap(({ report }) => report?.covers ?? []));
  let sealBasis: SealBasis | null = null;
  for (const { running, report, broken: breakage, ms } of outcomes) {
    const stage = running.spec.name;
    stageMs[stage] = round(ms);
    if (breakage) broken.push(breakage);
    if (!report) continue;
    for (const { about = [], ...finding } of report.findings) {
      // A fact scores once.
      const isCovered = finding.category === 'spam' && [finding.id, ...about].some((name) => covered.has(name));
      findings.push({ ...finding, score: isCovered ? 0 : finding.score, stage });
    }
    if (report.edits) edits.push(...report.edits);
    if (report.subRules) subRules.push(...report.subRules);
    sealBasis = report.sealBasis ?? sealBasis;
  }
  return { findings, edits, subRules, sealBasis, stageMs, totalMs: round(totalMs), broken };
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
