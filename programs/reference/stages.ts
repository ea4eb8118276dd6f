// The reference of the stages: one page each, and one table of all findings, from what the stages declare of themselves.
import { viewSchema } from '../../config/schema.js';
import { stageSection } from '../../pipeline/stage-section.js';
import type { StageSpec } from '../../pipeline/stage.js';
import type { FindingSpec } from '../../pipeline/finding.js';
import { code, codeList, writePage, writeTable } from './markdown.js';
import { writeKeys } from './settings.js';

/** What each break policy does, in words. */
const BREAK_WORDS: Readonly<Record<StageSpec['onBreak'], string>> = {
  tempfail: 'the message gets a temporary failure',
  quarantine: 'the message is quarantined',
  continue: 'the message goes on without this stage',
};

/** docs/reference/stages/<name>.md */
export function writeStage(spec: StageSpec): string {
  const position = [
    ['Runs at', codeList(spec.runsAt)],
    ['Directions', codeList(spec.directions)],
    ['Reads the results of', codeList(spec.needs)],
    ['Without a setting', (spec.enabledByDefault ?? true) ? 'on' : 'off'],
    ['When it fails or overruns its time', `${code(spec.onBreak)}: ${BREAK_WORDS[spec.onBreak]}`],
    ['Time limit', `${spec.timeLimitMs} ms for one message`],
  ];
  return writePage(`Stage ${spec.name}`, [
    spec.summary,
    writeTable(['', ''], position),
    '## Settings',
    `Section ${code(spec.name)} of the configuration.`,
    ...writeKeys(viewSchema(stageSection(spec).schema)),
    '## Findings',
    spec.findings.length === 0 ? 'None.' : writeTable([...FINDING_HEADS], spec.findings.map(findingCells)),
  ]);
}

const FINDING_HEADS = ['Finding', 'Category', 'Group', 'Score', 'Meaning'] as const;

function findingCells(finding: FindingSpec): readonly string[] {
  return [code(finding.id), finding.category, finding.group ?? '–', String(finding.score), finding.meaning];
}

/** docs/reference/findings.md */
export function writeFindings(specs: readonly StageSpec[]): string {
  const rows = specs
    .flatMap((spec) => spec.findings.map((finding) => ({ finding, stage: spec.name })))
    .sort((a, b) => (a.finding.id < b.finding.id ? -1 : 1))
    .map(({ finding, stage }) => [...findingCells(finding), `[${stage}](stages/${stage}.md)`]);
  return writePage('Findings', [
    `Everything a stage can say of a message. Scores are defaults; in the category spam they add up per group, in any
other category a score of 1 or more acts. A name that ends in \`*\` stands for a family.`,
    writeTable([...FINDING_HEADS, 'Stage'], rows),
  ]);
}

/** docs/reference/stages/index.md: the stages in the order in which they run. */
export function writeStageList(specs: readonly StageSpec[]): string {
  const rows = specs.map((spec) => [`[${spec.name}](${spec.name}.md)`, codeList(spec.runsAt), spec.summary]);
  return writePage('Stages', [
    'In the order in which they run.',
    writeTable(['Stage', 'Runs at', 'What it does'], rows),
  ]);
}
