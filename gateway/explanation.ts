// Why a message became what it became, in plain words: from its log event and the catalogue of findings to sentences and
// the figures behind them. Pure; the command line prints it, the page shows it, both from the same text.
import type { MessageEvent, RecipientOutcome } from '../logs/event.js';
import { decideOne, spamScore, thresholdsFor, type Judgeable, type Verdict } from '../pipeline/decide.js';
import { countedFor, exemptionOf } from '../pipeline/exempt.js';
import {
  SCORE_GROUPS,
  type Category,
  type FindingSpec,
  type ScoreGroup,
  type StagedFinding,
} from '../pipeline/finding.js';
import type { VerdictSettings } from '../pipeline/settings.js';
import { differences, type Judged } from './differences.js';

/** The stage whose findings are also told as authentication results. */
const AUTHENTICATION_STAGE = 'authentication';
/** A meaning that tells nothing beyond the name of its finding is left out. */
const FAMILY = '*';

/** What explaining takes besides the event. */
export interface ExplainContext {
  /** Settings in force now; thresholds are taken from the event where it has them. */
  readonly verdict: VerdictSettings;
  readonly version: string;
  readonly specs: ReadonlyMap<string, FindingSpec>;
}

export interface FindingExplanation {
  readonly stage: string;
  readonly id: string;
  readonly category: Category;
  /** Points towards the spam score; null in every other category, where a finding acts by itself. */
  readonly points: number | null;
  /** What it means, from the catalogue; null for findings that rule files bring and do not describe. */
  readonly meaning: string | null;
  readonly evidence: string;
  /** The recipient it holds for; null for all. */
  readonly recipient: string | null;
  /** Why it does not count, where a rule spares it: for all it would count for, or for the recipients named. */
  readonly spared: string | null;
}

/** One score group's part of the bar. `points` after the cap. */
export interface ScorePart {
  readonly group: ScoreGroup;
  readonly points: number;
  readonly capped: boolean;
}

export interface RecipientExplanation {
  readonly address: string;
  readonly direction: RecipientOutcome['direction'];
  readonly action: RecipientOutcome['action'];
  readonly category: Category | null;
  /** What happened and why. */
  readonly sentence: string;
  readonly score: number;
  readonly thresholds: Verdict['thresholds'];
  readonly parts: readonly ScorePart[];
  /** What would have had to differ for another verdict, a sentence each. */
  readonly differ: readonly string[];
  readonly quarantineId: string | null;
}

export interface Explanation {
  readonly id: string;
  /** ms since the epoch. */
  readonly time: number;
  /** The whole in one sentence. */
  readonly summary: string;
  /** Where it came from, a sentence. */
  readonly origin: string;
  readonly recipients: readonly RecipientExplanation[];
  /** Authentication in plain words, a sentence each. */
  readonly authentication: readonly string[];
  /** Heaviest first; what weighs nothing last. */
  readonly findings: readonly FindingExplanation[];
  /** Stages that failed and what their policy did, a sentence each. */
  readonly broken: readonly string[];
  /** What a reader should know about this explanation itself. */
  readonly notes: readonly string[];
}

/** What happened, as the rest of a sentence about the message. */
export const DEED: Readonly<Record<Verdict['action'], string>> = {
  accept: 'delivered',
  tag: 'delivered, marked as spam',
  quarantine: 'held in quarantine',
  discard: 'dropped without a word to the sender',
  tempfail: 'put off: the sender was told to try again',
  reject: 'refused: the sender was told',
};

/** Explains one event. */
export function explain(event: MessageEvent, context: ExplainContext): Explanation {
  const findings = sortByWeight(event.findings).map((finding) => explainFinding(finding, event, context));
  return {
    id: event.id,
    time: event.time,
    summary: summarise(event),
    origin: describeOrigin(event),
    recipients: event.recipients.map((outcome, index) => explainRecipient(outcome, index, event, context)),
    authentication: event.findings
      .filter(({ stage }) => stage === AUTHENTICATION_STAGE)
      .map((finding) => asSentence(finding, context.specs)),
    findings,
    broken: event.broken.map(
      ({ stage, reason, policy }) => `The stage ${stage} failed (${reason}); its policy is ${policy}.`,
    ),
    notes: notesOn(event, context),
  };
}

function explainRecipient(
  outcome: RecipientOutcome,
  index: number,
  event: MessageEvent,
  { verdict, specs }: ExplainContext,
): RecipientExplanation {
  const thresholds = outcome.thresholds ?? thresholdsFor(outcome.address, verdict);
  const judge = (given: Judged): Verdict =>
    decideOne(asResult({ exempts: event.exempts ?? [], ...given }), index, thresholds, verdict, specs);
  const own = countedFor(asFound(event), index, specs);
  return {
    address: outcome.address,
    direction: outcome.direction,
    action: outcome.action,
    category: outcome.category,
    sentence: `${capital(DEED[outcome.action])}${reasonClause(outcome, judge(event), event)}.`,
    score: outcome.score,
    thresholds,
    parts: scoreParts(own, verdict.caps),
    differ: differences({ outcome, own, event, index, thresholds, judge, specs }),
    quarantineId: outcome.quarantineId,
  };
}

function asResult({ findings, broken, exempts = [] }: Judged): Judgeable {
  return { findings, exempts, broken: broken as Judgeable['broken'] };
}

const asFound = ({ findings, exempts = [] }: MessageEvent) => ({ findings, exempts });

function reasonClause(outcome: RecipientOutcome, now: Verdict, event: MessageEvent): string {
  if (outcome.action === 'accept') return outcome.score === 0 ? '' : `, with a spam score of ${outcome.score}`;
  const because = now.category === outcome.category && now.reason !== '' ? now.reason : (event.security?.event ?? '');
  const refusalShared = outcome.action === 'quarantine' && now.action === 'reject';
  const why = because === '' ? '' : `: ${because}`;
  return refusalShared ? `${why}; a refusal would have met the other recipients too` : why;
}

function scoreParts(own: readonly StagedFinding[], caps: VerdictSettings['caps']): readonly ScorePart[] {
  return SCORE_GROUPS.flatMap((group) => {
    const inGroup = own.filter((finding) => finding.category === 'spam' && (finding.group ?? 'rules') === group);
    const sum = inGroup.reduce((total, { score }) => total + score, 0);
    const points = spamScore(inGroup, caps);
    return sum === 0 ? [] : [{ group, points, capped: Math.abs(sum) > caps[group] }];
  });
}

function explainFinding(finding: StagedFinding, event: MessageEvent, { specs }: ExplainContext): FindingExplanation {
  const { stage, id, category, score, evidence, recipient } = finding;
  return {
    stage,
    id,
    category,
    points: category === 'spam' ? score : null,
    meaning: meaningOf(id, specs),
    evidence,
    recipient: recipient === undefined ? null : (event.recipients[recipient]?.address ?? null),
    spared: sparedBy(finding, event, specs),
  };
}

function sparedBy(finding: StagedFinding, { recipients, exempts }: MessageEvent, specs: ExplainContext['specs']) {
  const concerned = recipients.map((_, index) => index).filter((index) => (finding.recipient ?? index) === index);
  const spared = concerned.flatMap((index) => {
    const exemption = exemptionOf(finding, exempts, index, specs);
    return exemption === null ? [] : [{ rule: exemption.rule, address: recipients[index]?.address ?? '' }];
  });
  const rules = [...new Set(spared.map(({ rule }) => rule))].join('; ');
  if (spared.length === 0) return null;
  if (spared.length === concerned.length) return `not counted: ${rules}`;
  return `not counted for ${spared.map(({ address }) => address).join(', ')}: ${rules}`;
}

/** The catalogue's sentence, also for a member of a family (`DNSBL_*`); null where it says nothing. */
export function meaningOf(id: string, specs: ExplainContext['specs']): string | null {
  const exact = specs.get(id);
  if (exact) return exact.meaning;
  for (const [name, { meaning }] of specs)
    if (name.length > 1 && name.endsWith(FAMILY) && id.startsWith(name.slice(0, -1))) return meaning;
  return null;
}

function asSentence({ id, evidence }: StagedFinding, specs: ExplainContext['specs']): string {
  const meaning = (meaningOf(id, specs) ?? id).replace(/\.$/, '');
  return evidence === '' ? `${meaning}.` : `${meaning}: ${evidence}.`;
}

function sortByWeight(findings: readonly StagedFinding[]): readonly StagedFinding[] {
  const weight = ({ category, score }: StagedFinding) => (category === 'spam' ? Math.abs(score) : 1_000 + score);
  return [...findings].sort((a, b) => weight(b) - weight(a));
}

function summarise({ recipients, mailFrom }: MessageEvent): string {
  const sender = mailFrom === '' ? 'the null sender' : mailFrom;
  const groups = new Map<string, number>();
  for (const { action } of recipients) groups.set(DEED[action], (groups.get(DEED[action]) ?? 0) + 1);
  if (groups.size === 1) return `The message from ${sender} was ${[...groups.keys()][0] ?? ''}.`;
  const parts = [...groups].map(([deed, count]) => `for ${count} of ${recipients.length} recipients ${deed}`);
  return `The message from ${sender} was ${parts.join('; ')}.`;
}

function describeOrigin(event: MessageEvent): string {
  const { clientAddress, clientName, country, helo, login, tls } = event;
  if (clientAddress === null) return login === null ? 'Handed in locally.' : `Handed in by ${login}.`;
  const parts = [
    `It came from ${clientAddress}`,
    clientName === null ? ' (no confirmed name)' : ` (${clientName})`,
    country === null ? '' : ` in ${country}`,
    helo === null ? '' : `, which called itself ${helo}`,
    login === null ? '' : `, logged in as ${login}`,
    tls !== null ? `, over ${tls}` : event.queueId === null ? '' : ', without encryption',
  ];
  return `${parts.join('')}.`;
}

function notesOn(event: MessageEvent, { version }: ExplainContext): readonly string[] {
  if (event.settingsVersion === version) return [];
  return [
    `The settings have changed since (version ${event.settingsVersion} then, ${version} now): scores and thresholds are those of then, caps and actions those of now.`,
  ];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
