// The attachment stage (product E2, E3): judges files by name, declared type and content. Archives are looked at from
// outside only. Reports findings and the facts of each file; opens nothing, runs nothing, decides nothing.
import type { Finding } from '../../pipeline/finding.js';
import type { MessageJob, Outside, StageModule, StageReport } from '../../pipeline/stage.js';
import { joinEvidence, showName } from '../evidence.js';
import { unreadOf } from '../unread.js';
import { bareParts, lookAtBytes, lookAtFile, type FileFacts, type Note } from './file.js';
import { attachmentFindings, type AttachmentFindingId } from './findings.js';
import { refusalsOf, type Refusals } from './refusals.js';
import { attachmentSettings, type AttachmentSettings } from './settings.js';

/** What later stages may read of this one. */
export interface AttachmentFacts {
  /** In message order; at most `filesMax`. */
  readonly files: readonly FileFacts[];
}

/** The time for one message ran out: the break policy decides. */
export class AttachmentTimeError extends Error {
  override readonly name = 'AttachmentTimeError';
  constructor(done: number, all: number) {
    super(`attachments: out of time after ${done} of ${all} files`);
  }
}

export const attachmentsStage: StageModule<typeof attachmentSettings> = {
  spec: {
    name: 'attachments',
    summary: 'Judges attached files by name, declared type and what their bytes are.',
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: [],
    settings: attachmentSettings,
    findings: attachmentFindings,
    onBreak: 'tempfail',
    timeLimitMs: 10_000,
  },
  create: (settings, outside) => {
    const refusals = refusalsOf(settings);
    return { onMessage: (job) => judgeMessage(job, settings, refusals, outside) };
  },
};

/** Answers at once where there is no file, as for most mail. */
function judgeMessage(
  job: MessageJob,
  settings: AttachmentSettings,
  refusals: Refusals,
  outside: Outside,
): StageReport | Promise<StageReport> {
  const notes = [...partNotes(job, settings), ...hiddenNotes(job, refusals), ...unreadNotes(job)];
  if (job.message.attachments.length > 0) return judgeFiles(job, notes, settings.filesMax, refusals, outside);
  return report([], notes);
}

async function judgeFiles(
  job: MessageJob,
  notes: readonly Note[],
  filesMax: number,
  refusals: Refusals,
  outside: Outside,
): Promise<StageReport> {
  const { attachments } = job.message;
  const all = [...notes];
  const files: FileFacts[] = [];
  for (const attachment of attachments.slice(0, filesMax)) {
    const isLate = outside.clock.monotonicMs() > job.deadline || job.signal.aborted;
    if (isLate) throw new AttachmentTimeError(files.length, attachments.length);
    const { facts, notes: own } = await lookAtFile(attachment, refusals);
    files.push(facts);
    all.push(...own);
  }
  if (attachments.length > filesMax) {
    all.push({ id: 'ATTACHMENT_TOO_MANY', evidence: `${attachments.length} files, ${filesMax} looked at` });
  }
  return report(files, all);
}

function report(files: readonly FileFacts[], notes: readonly Note[]): StageReport {
  const facts: AttachmentFacts = { files };
  return { findings: findingsOf(notes), facts };
}

/** Parts that are refused for being what they are (product E3). */
function partNotes({ message }: MessageJob, settings: AttachmentSettings): readonly Note[] {
  const notes: Note[] = [];
  for (const { type, path } of message.parts) {
    const evidence = path === '' ? 'the whole message' : `part ${path}`;
    if (type === 'message/partial' && settings.refusePartialMessages)
      notes.push({ id: 'ATTACHMENT_PARTIAL_MESSAGE', evidence });
    if (type === 'message/external-body' && settings.refuseExternalBodies)
      notes.push({ id: 'ATTACHMENT_EXTERNAL_BODY', evidence });
  }
  return notes;
}

const unreadNotes = ({ message }: MessageJob): readonly Note[] =>
  unreadOf(message).map((evidence) => ({ id: 'ATTACHMENT_TOO_COMPLEX', evidence }));

/** Programs in parts that are no files, and in the further readings of the bytes. */
function hiddenNotes({ message }: MessageJob, refusals: Refusals): readonly Note[] {
  const notes: (Note | null)[] = [];
  for (const part of bareParts(message)) {
    notes.push(lookAtBytes(part.content(), part.path === '' ? 'the body' : `part ${part.path}`, refusals));
  }
  for (const { content, reason } of message.readings()) {
    notes.push(lookAtBytes(content, `another reading (${showName(reason)})`, refusals));
  }
  return notes.filter((note) => note !== null);
}

/** One finding per kind; its evidence names each file. */
function findingsOf(notes: readonly Note[]): readonly Finding[] {
  if (notes.length === 0) return [];
  const texts = new Map<AttachmentFindingId, Set<string>>();
  for (const { id, evidence } of notes) texts.set(id, (texts.get(id) ?? new Set()).add(evidence));
  const findings: Finding[] = [];
  for (const spec of attachmentFindings) {
    const evidence = texts.get(spec.id);
    if (!evidence) continue;
    const { id, category, score } = spec;
    findings.push({
      id,
      category,
      score,
      evidence: joinEvidence([...evidence]),
      ...('group' in spec && { group: spec.group }),
    });
  }
  return findings;
}
