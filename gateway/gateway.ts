// One message's whole journey: transaction in, answer out. Directions, stages, decision, then quarantine, outbox and log
// made durable, then the answer. Whatever goes wrong on the way is a temporary failure, never an accept.
import type { LogWriter, SessionEvent } from '../logs/event.js';
import type { Transaction } from '../message/envelope.js';
import type { Message } from '../message/message.js';
import { parseMessage } from '../message/parse.js';
import type { AnswerFate, MilterHandler } from '../milter/handler.js';
import type { NewOutboxItem, Outbox } from '../outbox/outbox.js';
import type { Clock } from '../outside/clock.js';
import { newIdentifier } from '../outside/identifier.js';
import type { Answer } from '../pipeline/answer.js';
import { decide, harmsIn } from '../pipeline/decide.js';
import { applyEdits } from '../pipeline/edits.js';
import { countedFor } from '../pipeline/exempt.js';
import type { EarlyResult } from '../pipeline/early.js';
import type { ScanResult } from '../pipeline/run.js';
import type { Direction } from '../pipeline/stage.js';
import type { Quarantine } from '../quarantine/quarantine.js';
import { createEarly, type Early } from './early.js';
import { makeForwards } from './forward.js';
import type { InForce } from './in-force.js';
import { makeNotices, NoticeCap } from './notice.js';
import { makePlan, type Plan } from './plan.js';
import { makeEvent } from './record.js';
import { RefusalLog } from './refusal-log.js';
import { StageWatch } from './stage-watch.js';

/** Lines of operation, not of mail: what the gateway tells the text log. */
export interface GatewayLog {
  info(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

export interface GatewayDeps {
  /** The settings in force now; may change between messages. */
  readonly current: () => InForce;
  readonly log: LogWriter;
  readonly quarantine: Quarantine;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly text: GatewayLog;
  /** Raises or clears an operator's alert. */
  readonly alert: (code: string, raised: boolean, detail: string) => void;
  /** False below the second free-space mark: nothing may be promised then (behaviour 8). */
  readonly hasRoom: () => boolean;
  /** Name and version for headers, such as `weir/0.1.0`. */
  readonly version: string;
}

const TROUBLE: Answer = {
  kind: 'tempfail',
  reply: { code: 451, enhanced: '4.3.0', text: 'Local trouble, try again later' },
};
const NO_ROOM: Answer = {
  kind: 'tempfail',
  reply: { code: 452, enhanced: '4.3.1', text: 'Insufficient system storage' },
};

/** What one judged message leads to, before anything is written. */
interface Judged {
  readonly transaction: Transaction;
  readonly message: Message;
  readonly directions: readonly Direction[];
  readonly result: ScanResult;
  readonly plan: Plan;
  readonly inForce: InForce;
}

/** The handler a protocol server calls, and what a process that scans suspects elsewhere needs of it. */
export interface Gateway extends Omit<MilterHandler, keyof Early>, Early {
  /** Resolves when everything that nobody waited for is written. */
  close(): Promise<void>;
}

export function createGateway(deps: GatewayDeps): Gateway {
  const cap = new NoticeCap();
  const watch = new StageWatch(deps.alert);
  const refusals = new RefusalLog(deps);
  const early = createEarly({ ...deps, refusals, watch });
  return {
    ...early,
    close: () => refusals.close(),
    async onMessage(transaction, signal, session) {
      if (!deps.hasRoom()) {
        deps.text.error({ session: transaction.connection.id }, 'no room on disk: temporary failure');
        return { answer: NO_ROOM };
      }
      const inForce = deps.current();
      const leave = inForce.enter();
      try {
        const before = await early.before(transaction, session, signal);
        const judged = await judge(transaction, before, inForce, signal, deps);
        if (!signal.aborted) seeStages(judged.result, watch);
        return await settle(judged, cap, signal, deps);
      } catch (error) {
        deps.text.error(
          { err: error, session: transaction.connection.id, queueId: transaction.queueId },
          'message failed',
        );
        return { answer: TROUBLE };
      } finally {
        leave();
      }
    },
    onProtocolError(connection, reason) {
      deps.text.info({ session: connection?.id ?? null, reason }, 'milter session ended by protocol error');
    },
  };
}

/** What broke before the content was told then. */
function seeStages({ broken, stageMs }: ScanResult, watch: StageWatch): void {
  const ran = Object.keys(stageMs);
  const broke = broken.filter(({ stage }) => ran.includes(stage));
  watch.see('message', broke, ran);
}

/** Scan and decide; nothing is written. */
async function judge(
  given: Transaction,
  early: readonly EarlyResult[],
  inForce: InForce,
  signal: AbortSignal,
  { version, clock }: GatewayDeps,
): Promise<Judged> {
  const message = parseMessage(given.content);
  const transaction = { ...given, connection: inForce.client(given.connection, message) };
  const directions = inForce.directions.of(given);
  const result = await inForce.scan({ message, transaction, directions, early, signal });
  const verdicts = decide(
    result,
    inForce.directions.underMainNames(transaction.rcptTo),
    inForce.verdict,
    inForce.specs,
  );
  const plan = makePlan(verdicts, {
    ...{ transaction, message, result, directions, version },
    settings: inForce.marks,
    specs: inForce.specs,
    seal: (content, edits) => inForce.sealing.seal(content, edits, result.sealBasis, clock.now()),
  });
  return { transaction, message, directions, result, plan, inForce };
}

/** Makes everything durable in the order quarantine, outbox, log; then the answer may go. */
async function settle(judged: Judged, cap: NoticeCap, signal: AbortSignal, deps: GatewayDeps) {
  const { transaction, message, plan, directions, result, inForce } = judged;
  if (signal.aborted) return abandoned(transaction, deps);
  const nowMs = deps.clock.now();
  const id = newIdentifier(nowMs);
  const heldIds = await holdAll(judged, id, nowMs, deps.quarantine);
  const notices = makeNotices({ ...judged, settings: inForce.notices, specs: inForce.specs, cap, id, nowMs }, heldIds);
  const items = [...copies(judged, id), ...forwards(judged, id, nowMs), ...notices];
  const prepared = items.length === 0 ? [] : await deps.outbox.prepare(items);
  try {
    await deps.log.write(
      makeEvent({
        id,
        transaction,
        message,
        directions,
        result,
        plan,
        heldIds,
        settingsVersion: inForce.version,
        nowMs,
      }),
    );
  } catch (error) {
    if (prepared.length > 0) await deps.outbox.cancel(prepared);
    throw error;
  }
  deps.text.info(summary(judged, id), 'message');
  return { answer: plan.answer, settled: (fate: AnswerFate) => void afterAnswer(fate, prepared, transaction, deps) };
}

async function holdAll({ transaction, message, plan }: Judged, logId: string, nowMs: number, quarantine: Quarantine) {
  const ids: string[] = [];
  for (const { category, reason, score, recipients } of plan.held) {
    ids.push(
      await quarantine.add({
        time: nowMs,
        category,
        reason,
        score,
        logId,
        mailFrom: transaction.mailFrom.address,
        headerFrom: message
          .addresses('From')
          .map(({ address }) => address)
          .join(', '),
        subject: message.subject,
        messageId: message.messageId,
        rcptTo: recipients.map((index) => transaction.rcptTo[index]?.address ?? ''),
        content: transaction.content,
      }),
    );
  }
  return ids;
}

function copies({ transaction, plan }: Judged, about: string): readonly NewOutboxItem[] {
  return plan.copies.map(({ recipients, edits }) => ({
    kind: 'copy',
    mailFrom: transaction.mailFrom.address,
    rcptTo: recipients.map((index) => transaction.rcptTo[index]?.address ?? ''),
    content: applyEdits(transaction.content, edits),
    about,
    notBefore: 0,
  }));
}

function forwards({ transaction, message, result, plan, inForce }: Judged, id: string, nowMs: number) {
  const { forwarding: settings, notices, verdict, specs } = inForce;
  const harms = transaction.rcptTo.flatMap((_, index) => harmsIn(countedFor(result, index, specs), verdict));
  const spam = plan.outcomes.flatMap(({ category, reason }) => (category === 'spam' ? [{ category, reason }] : []));
  const over = [...harms, ...spam];
  return makeForwards({ transaction, message, plan, over, settings, from: notices.from, id, nowMs });
}

/** After the answer: what was prepared leaves, or is taken back when the MTA never got the answer. */
async function afterAnswer(fate: AnswerFate, prepared: readonly string[], transaction: Transaction, deps: GatewayDeps) {
  try {
    if (prepared.length > 0) await (fate === 'sent' ? deps.outbox.commit(prepared) : deps.outbox.cancel(prepared));
    if (fate === 'lost') await deps.log.write(lostEvent(transaction, deps, 'answer lost: the MTA was gone before it'));
  } catch (error) {
    deps.text.error({ err: error, prepared }, 'after the answer: outbox not told, it sends by itself after its wait');
  }
}

async function abandoned(transaction: Transaction, deps: GatewayDeps) {
  await deps.log.write(lostEvent(transaction, deps, 'the MTA was gone before a verdict'));
  return { answer: TROUBLE };
}

function lostEvent({ connection, mailFrom, login }: Transaction, deps: GatewayDeps, event: string): SessionEvent {
  const time = deps.clock.now();
  return {
    kind: 'session',
    id: newIdentifier(time),
    time,
    sessionId: connection.id,
    step: 'data',
    clientAddress: connection.clientAddress,
    clientName: connection.clientName,
    helo: connection.helo,
    login,
    mailFrom: mailFrom.address,
    rcptTo: null,
    category: 'policy',
    event,
    findings: [],
  };
}

function summary({ transaction, plan, result }: Judged, id: string) {
  return {
    id,
    queueId: transaction.queueId,
    session: transaction.connection.id,
    answer: plan.answer.kind,
    actions: plan.outcomes.map(({ action }) => action),
    score: Math.max(...plan.outcomes.map(({ score }) => score)),
    findings: result.findings.map(({ id: name }) => name),
    broken: result.broken.map(({ stage }) => stage),
    ms: result.totalMs,
  };
}
