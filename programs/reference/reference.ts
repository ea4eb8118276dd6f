// All generated files of the project: the reference under docs/reference/ and the sample configuration. Pure: gives
// paths and texts, writes nothing, and gives the same texts on every machine.
import { writeSample } from '../../config/sample.js';
import { STAGES } from '../../filters/index.js';
import { createProgram } from '../command-line.js';
import { SAMPLE_OPENING } from '../sample.js';
import { SECTIONS } from '../sections.js';
import { writeAlerts } from './alerts.js';
import { writeCommands } from './commands.js';
import { writeEvals } from './evals.js';
import { writeConfiguration } from './settings.js';
import { writeFindings, writeStage, writeStageList } from './stages.js';

/** Folder that holds generated files only. */
export const REFERENCE_DIR = 'docs/reference';

/** Path from the project's root to text. */
export async function composeReference(): Promise<ReadonlyMap<string, string>> {
  const specs = STAGES.map(({ spec }) => spec);
  const names = new Set(specs.map(({ name }) => name));
  return new Map([
    [`${REFERENCE_DIR}/configuration.md`, writeConfiguration(SECTIONS, names)],
    [`${REFERENCE_DIR}/findings.md`, writeFindings(specs)],
    [`${REFERENCE_DIR}/commands.md`, writeCommands(await createProgram())],
    [`${REFERENCE_DIR}/alerts.md`, writeAlerts()],
    [`${REFERENCE_DIR}/evals.md`, writeEvals()],
    [`${REFERENCE_DIR}/stages/index.md`, writeStageList(specs)],
    ...specs.map((spec) => [`${REFERENCE_DIR}/stages/${spec.name}.md`, writeStage(spec)] as const),
    ['weir.sample.yaml', writeSample(SECTIONS, SAMPLE_OPENING)],
  ]);
}
