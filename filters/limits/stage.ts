// Size and shape limits (product A8): largest message, most recipients, most hops. Counts only; reads no content.
import { Type, type Static } from 'typebox';
import type { FindingSpec, Finding } from '../../pipeline/finding.js';
import type { MessageJob, StageModule, StageReport } from '../../pipeline/stage.js';

const settings = Type.Object({
  sizeMaxBytes: Type.Integer({
    default: 26_214_400,
    minimum: 1_024,
    maximum: 268_435_456,
    description: 'Largest message, bytes.',
  }),
  recipientsMax: Type.Integer({
    default: 1_000,
    minimum: 1,
    maximum: 50_000,
    description: 'Most recipients of one message.',
  }),
  hopsMax: Type.Integer({
    default: 50,
    minimum: 1,
    maximum: 1_000,
    description: 'Most Received headers; more means a loop.',
  }),
});
type Settings = Static<typeof settings>;

const findings = [
  {
    id: 'SIZE_OVER_LIMIT',
    category: 'policy',
    score: 1,
    meaning: 'The message is larger than allowed.',
    reply: { code: 552, enhanced: '5.3.4', text: 'Message size exceeds fixed limit' },
  },
  {
    id: 'HEADER_OVER_LIMIT',
    category: 'policy',
    score: 1,
    meaning: 'The header is larger, or has more fields, than is read.',
    reply: { code: 552, enhanced: '5.3.4', text: 'Message header exceeds fixed limit' },
  },
  {
    id: 'RECIPIENTS_OVER_LIMIT',
    category: 'policy',
    score: 1,
    meaning: 'The message has more recipients than allowed.',
    reply: { code: 550, enhanced: '5.5.3', text: 'Too many recipients' },
  },
  {
    id: 'HOPS_OVER_LIMIT',
    category: 'policy',
    score: 1,
    meaning: 'The message passed more servers than allowed: a mail loop.',
    reply: { code: 554, enhanced: '5.4.6', text: 'Too many hops' },
  },
] as const satisfies readonly FindingSpec[];

type Id = (typeof findings)[number]['id'];
const finding = (id: Id, evidence: string): Finding => ({ id, category: 'policy', score: 1, evidence });

/** Compares sizes and counts with the limits. */
export function checkLimits(job: MessageJob, limits: Settings): StageReport {
  const found: Finding[] = [];
  const { transaction, message } = job;
  if (transaction.sizeBytes > limits.sizeMaxBytes) {
    found.push(finding('SIZE_OVER_LIMIT', `${transaction.sizeBytes} bytes, ${limits.sizeMaxBytes} allowed`));
  } else if (transaction.truncated) {
    found.push(finding('HEADER_OVER_LIMIT', `${transaction.sizeBytes} bytes in all`));
  }
  if (transaction.rcptTo.length > limits.recipientsMax) {
    found.push(
      finding('RECIPIENTS_OVER_LIMIT', `${transaction.rcptTo.length} recipients, ${limits.recipientsMax} allowed`),
    );
  }
  const hops = message.headersNamed('Received').length;
  if (hops > limits.hopsMax) found.push(finding('HOPS_OVER_LIMIT', `${hops} hops, ${limits.hopsMax} allowed`));
  return { findings: found };
}

export const limitsStage: StageModule<typeof settings> = {
  spec: {
    name: 'limits',
    summary: 'Refuses mail over the limits of size, recipients or hops.',
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: [],
    settings,
    findings,
    onBreak: 'tempfail',
    timeLimitMs: 1_000,
  },
  create: (limits) => ({ onMessage: (job) => checkLimits(job, limits) }),
};
