// The configuration section of a stage: its own keys, and the three every stage has.
import { Type, type TObject } from 'typebox';
import type { Section } from '../config/section.js';
import type { BreakPolicy, StageSpec } from './stage.js';

/** Longest time limit a stage may be given, ms. */
export const STAGE_TIME_LIMIT_MAX_MS = 240_000;

/** What every stage's section holds besides its own keys. */
export interface CommonStageSettings {
  readonly enabled: boolean;
  readonly onBreak: BreakPolicy;
  readonly timeLimitMs: number;
}

/** Builds the section of one stage. Keys that the stage declares itself win over the common three. */
export function stageSection(spec: StageSpec): Section {
  const common = {
    enabled: Type.Boolean({ default: spec.enabledByDefault ?? true, description: 'Whether the stage runs.' }),
    onBreak: Type.Union([Type.Literal('tempfail'), Type.Literal('quarantine'), Type.Literal('continue')], {
      default: spec.onBreak,
      description: 'What becomes of a message when the stage fails or overruns its time.',
    }),
    timeLimitMs: Type.Integer({
      default: spec.timeLimitMs,
      minimum: 1,
      maximum: STAGE_TIME_LIMIT_MAX_MS,
      description: 'Longest time the stage may take for one message, ms.',
    }),
  };
  const schema: TObject = Type.Object({ ...common, ...spec.settings.properties }, { additionalProperties: false });
  const { check, complete, files, complaints } = spec;
  return {
    name: spec.name,
    description: spec.summary,
    schema,
    ...(complete && { complete: (values, all) => complete(values, all) }),
    ...(check && { check: (values, attached) => check(values, attached) }),
    ...(files && { files: (values) => files(values) }),
    ...(complaints && { complaints: (values, attached) => complaints(values, attached) }),
  };
}
