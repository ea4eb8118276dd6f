// Greylisting (product A3): who is unknown is asked to come again. Before the content each recipient is answered by
// itself; the null sender, and `when: suspicious`, wait for the content. Keeps its record in the state, never in memory.
import type { EnvelopeAddress } from '../../message/envelope.js';
import { recipientKey, senderKey } from '../../message/sender-key.js';
import type { Finding } from '../../pipeline/finding.js';
import type { EarlyJob, MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import type { State } from '../../state/state.js';
import { creditClient } from './client-standing.js';
import { answered, denied, greylistFindings, spared } from './findings.js';
import { seeTriplet, type Answer } from './passage.js';
import { checkGreylist, completeGreylist, greylistSettings, spansOf, type GreylistSettings } from './settings.js';
import { Standings, type ClientKeys, type Standing, type StandingQuestion } from './standing.js';
import { CLIENTS, tripletId } from './tables.js';

const NAME = 'greylist';
/** Block and allow lists: who is let past greylisting by a rule leaves no record here. */
const ACCESS = 'access';

export const greylistStage: StageModule<typeof greylistSettings> = {
  spec: {
    name: NAME,
    summary:
      'Asks unknown senders to try again: much spam never does. Off by default, since all mail of strangers then comes late.',
    runsAt: ['mail', 'rcpt', 'message'],
    directions: ['received'],
    needs: ['limits', 'authentication', ACCESS, 'lists', 'custom', 'mcp', 'attachments', 'antivirus', 'rules'],
    settings: greylistSettings,
    complete: completeGreylist,
    check: checkGreylist,
    findings: greylistFindings,
    enabledByDefault: false,
    onBreak: 'continue',
    timeLimitMs: 10_000,
  },
  create: (settings, outside) => makeGreylist(settings, outside),
};

/** What MAIL found out, for RCPT and for the message. */
interface GreylistFacts {
  readonly standing: Standing;
}

function makeGreylist(settings: GreylistSettings, outside: Outside): Stage {
  const { state } = outside;
  if (state === null) return {};
  return new Greylist(settings, outside, state).stage();
}

class Greylist {
  readonly #standings: Standings;

  constructor(
    private readonly settings: GreylistSettings,
    private readonly outside: Outside,
    private readonly state: State,
  ) {
    this.#standings = new Standings(settings, outside);
  }

  stage(): Stage {
    return {
      // MAIL only finds out what RCPT answers.
      hears: () => 'by-rcpt',
      onMail: (job) => this.#onMail(job),
      onRcpt: (job) => this.#onRcpt(job),
      onMessage: (job) => this.#onMessage(job),
      check: () => Promise.resolve([warning(this.settings)]),
    };
  }

  async #onMail(job: EarlyJob): Promise<StageReport> {
    const facts: GreylistFacts = { standing: await this.#standings.of(questionOf(job), this.state) };
    return { findings: [], facts };
  }

  async #onRcpt(job: EarlyJob): Promise<StageReport> {
    const { mailFrom, rcptTo } = job;
    if (mailFrom === null || rcptTo === null) return { findings: [] };
    if (isExempt(job.results(ACCESS), job.accepted.length)) return { findings: [] };
    const standing = factsIn(job.results(NAME))?.standing ?? (await this.#standings.of(questionOf(job), this.state));
    // Whoever probes whether an address exists sends from nobody and goes away before the content.
    const isForLater = this.settings.when === 'suspicious' || mailFrom.address === '';
    return { findings: await this.#judge(standing, mailFrom, rcptTo, job.accepted.length, isForLater) };
  }

  async #onMessage(job: MessageJob): Promise<StageReport> {
    const { transaction, directions } = job;
    const { mailFrom, rcptTo } = transaction;
    const before = job.early(NAME);
    const isNew = before.length === 0;
    if (!isNew && this.settings.when === 'always' && mailFrom.address !== '') return { findings: [] };
    const standing =
      factsIn(before)?.standing ?? (await this.#standings.of(questionOf({ ...job, ...transaction }), this.state));
    if (!isNew && standing.kind !== 'judged') return { findings: [] };
    const findings: Finding[] = [];
    const access = [...job.early(ACCESS), ...[job.results(ACCESS) ?? []].flat()];
    for (const [index, recipient] of rcptTo.entries()) {
      if (directions[index] !== 'received' || isExempt(access, index)) continue;
      if (standing.kind === 'judged' && !this.#isDue(job, index)) continue;
      findings.push(...(await this.#judge(standing, mailFrom, recipient, index, false)));
    }
    return { findings };
  }

  /** Whether the message's score is one that greylisting is for. */
  #isDue(job: MessageJob, recipient: number): boolean {
    const { when, suspiciousFrom, suspiciousBelow } = this.settings;
    if (when === 'always') return true;
    const score = job.scoreSoFar(recipient);
    return score >= suspiciousFrom && score < suspiciousBelow;
  }

  async #judge(
    standing: Standing,
    mailFrom: EnvelopeAddress,
    rcptTo: EnvelopeAddress,
    index: number,
    isForLater: boolean,
  ): Promise<readonly Finding[]> {
    if (standing.kind === 'apart') return [];
    if (standing.kind === 'denied') return [denied(standing.source, index)];
    if (standing.kind === 'spared') return [spared(standing.why, index)];
    return isForLater ? [] : [await this.#seen(standing.keys, mailFrom, rcptTo, index)];
  }

  async #seen(keys: ClientKeys, mailFrom: EnvelopeAddress, rcptTo: EnvelopeAddress, index: number): Promise<Finding> {
    const { network: client, session } = keys;
    const sight = { client, session, sender: senderKey(mailFrom.address), recipient: recipientKey(rcptTo.address) };
    const id = tripletId(sight);
    const answer = await seeTriplet(this.state, id, sight, spansOf(this.settings));
    if (answer.kind === 'through') await this.#credit(keys, answer);
    return answered(answer, id, this.outside.clock.now(), index);
  }

  async #credit({ host, session }: ClientKeys, { waitedMs }: Extract<Answer, { kind: 'through' }>): Promise<void> {
    if (waitedMs === 0 || this.settings.clientPassAfter === 0) return;
    const { keepMs } = spansOf(this.settings);
    await this.state.update(CLIENTS, host, (old, nowMs) => creditClient(old, nowMs, session, keepMs));
  }
}

/** Whether a rule spares the recipient greylisting, by itself or as one of the restrictions. */
function isExempt(reports: readonly StageReport[], index: number): boolean {
  return reports.some(({ exempts = [] }) =>
    exempts.some(
      ({ check, recipient = index }) => (check === 'greylist' || check === 'restriction') && recipient === index,
    ),
  );
}

function questionOf(job: {
  readonly connection: StandingQuestion['connection'];
  readonly mailFrom: EnvelopeAddress | null;
  readonly signal: AbortSignal;
  readonly deadline: number;
}): StandingQuestion {
  const { connection, signal, deadline } = job;
  return { connection, mailFrom: job.mailFrom?.address ?? '', signal, deadline };
}

/** The newest of what this stage found out before. */
function factsIn(reports: readonly StageReport[]): GreylistFacts | null {
  return (reports.findLast(({ facts }) => facts !== undefined)?.facts ?? null) as GreylistFacts | null;
}

function warning({ defaultAction, delaySeconds }: GreylistSettings) {
  const late = `mail of unknown senders comes ${delaySeconds} seconds late or later, and never from those who do not retry`;
  const detail = defaultAction === 'greylist' ? late : `on, ${defaultAction} by default`;
  return { name: 'greylisting', state: 'ok', detail } as const;
}
