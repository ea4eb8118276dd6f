// Size and shape limits (product A8): largest message, most recipients, most hops. Counts only; reads no content. What the
// envelope tells is said before the content is sent.
import { Type, type Static } from 'typebox';
import type { FindingSpec, Finding } from '../../pipeline/finding.js';
import type { EarlyJob, MessageJob, StageModule, StageReport } from '../../pipeline/stage.js';

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
    id: 'RECIPIENT_OVER_LIMIT',
    category: 'policy',
    score: 1,
    action: 'tempfail',
    meaning:
      'This recipient is one more than one message may have: the sender is to send it another (RFC 5321 §4.5.3.1.10).',
    reply: { code: 452, enhanced: '4.5.3', text: 'Too many recipients of one message' },
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

/** Longest number read as a size (RFC 1870 §4: up to 20 digits). */
const SIZE_DIGITS_MAX = 20;

/** The size that MAIL FROM announces (RFC 1870). */
export function checkAnnouncedSize({ mailFrom }: EarlyJob, { sizeMaxBytes }: Settings): StageReport {
  const said = mailFrom?.params.get('SIZE') ?? '';
  const isSize = /^[0-9]+$/.test(said) && said.length <= SIZE_DIGITS_MAX;
  if (!isSize || Number(said) <= sizeMaxBytes) return { findings: [] };
  return { findings: [finding('SIZE_OVER_LIMIT', `${said} bytes announced, ${sizeMaxBytes} allowed`)] };
}

/** One recipient more than one message may have. */
export function checkRecipient({ accepted }: EarlyJob, { recipientsMax }: Settings): StageReport {
  if (accepted.length < recipientsMax) return { findings: [] };
  return { findings: [finding('RECIPIENT_OVER_LIMIT', `${recipientsMax} allowed in one message`)] };
}

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
    runsAt: ['mail', 'rcpt', 'message'],
    directions: ['received', 'sent', 'internal'],
    needs: [],
    settings,
    findings,
    onBreak: 'tempfail',
    timeLimitMs: 1_000,
  },
  create: (limits) => ({
    // A size over the limit is said at RCPT: not worth a round trip for every sender.
    hears: () => 'by-rcpt',
    onMail: (job) => checkAnnouncedSize(job, limits),
    onRcpt: (job) => checkRecipient(job, limits),
    onMessage: (job) => checkLimits(job, limits),
  }),
};
