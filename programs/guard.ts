// Stands around the gateway in a worker: marks every message in the life file while it is in hand, and has a suspect
// scanned alone before anything of it is read here. Only what kills that process too is held as unprocessable.
import type { Transaction } from '../message/envelope.js';
import type { MilterHandler } from '../milter/handler.js';
import type { Answer } from '../pipeline/answer.js';
import type { Scan, ScanResult } from '../pipeline/run.js';
import { identifyContent, type LifeFile } from './in-flight.js';
import type { AloneOutcome } from './scan-alone.js';
import { StandIns } from './stand-in.js';

/** Stage name under which findings of the guard stand. */
export const GUARD_STAGE = 'processes';
/** The finding on a message that no process survives. */
export const UNPROCESSABLE = 'UNPROCESSABLE';
/** Suspects that may wait for their turn in one worker; further ones get a temporary failure. */
export const ALONE_WAITING_MAX = 100;

const BUSY: Answer = { kind: 'tempfail', reply: { code: 451, enhanced: '4.3.2', text: 'Too busy, try again later' } };

export interface GuardDeps {
  readonly life: Pick<LifeFile, 'hold'>;
  /** Scans one message of that session in a process of its own; rejects when that failed for another reason than the message. */
  readonly scanAlone: (
    transaction: Transaction,
    session: object | undefined,
    signal: AbortSignal,
  ) => Promise<AloneOutcome>;
  /** Suspects scanned at once. */
  readonly aloneMax: () => number;
  /** A suspect survived: it is none any more. */
  readonly onCleared: (identity: string) => void;
  /** A suspect killed the process it was alone in. Called once it is held, or whatever else became of it. */
  readonly onCondemned: (identity: string, transaction: Transaction, reason: string) => void;
}

export interface Guard {
  /** Wraps the handler that the milter server calls. */
  handler(inner: MilterHandler): MilterHandler;
  /** Wraps the scan of the pipeline: a message judged alone keeps that judgement. */
  scan(inner: Scan): Scan;
  /** What stands for contents that must not be read: the gateway's quarantine and log go through it. */
  readonly standIns: StandIns;
  /** The list as the supervisor has it. */
  setSuspects(identities: readonly string[]): void;
}

export function createGuard(deps: GuardDeps): Guard {
  let suspects: ReadonlySet<string> = new Set();
  const turns = new Turns(deps.aloneMax);
  /** Findings of messages that were scanned alone, by their content. */
  const judged = new WeakMap<Buffer, ScanResult>();
  const standIns = new StandIns();

  /** The transaction to hand on: the same when its message survived, one with a stand-in when it did not. */
  const tryAlone = async (
    identity: string,
    transaction: Transaction,
    session: object | undefined,
    signal: AbortSignal,
  ) => {
    const outcome = await turns.run(() => deps.scanAlone(transaction, session, signal));
    if (outcome.kind === 'survived') {
      suspects = new Set([...suspects].filter((other) => other !== identity));
      judged.set(transaction.content, outcome.result);
      deps.onCleared(identity);
      return { transaction, settle: () => undefined };
    }
    const { content, forget } = standIns.make(transaction.content);
    judged.set(content, unprocessable(outcome.reason));
    const settle = (): void => {
      forget();
      deps.onCondemned(identity, transaction, outcome.reason);
    };
    return { transaction: { ...transaction, content }, settle };
  };

  return {
    standIns,
    setSuspects: (identities) => void (suspects = new Set(identities)),
    scan: (inner) => (job) => {
      const result = judged.get(job.transaction.content);
      return result === undefined ? inner(job) : Promise.resolve(result);
    },
    handler: (inner) => ({
      ...inner,
      async onMessage(transaction, signal, session) {
        const identity = identifyContent(transaction.content);
        const letGo = deps.life.hold(identity);
        if (letGo === null || (suspects.has(identity) && turns.isFull)) {
          letGo?.();
          return { answer: BUSY };
        }
        try {
          if (!suspects.has(identity)) return await inner.onMessage(transaction, signal, session);
          const tried = await tryAlone(identity, transaction, session, signal);
          return await inner.onMessage(tried.transaction, signal, session).finally(tried.settle);
        } finally {
          letGo();
        }
      },
    }),
  };
}

function unprocessable(reason: string): ScanResult {
  const evidence = `killed a worker, then the process it was alone in: ${reason}`;
  return {
    findings: [{ id: UNPROCESSABLE, category: 'unprocessable', score: 1, evidence, stage: GUARD_STAGE }],
    edits: [],
    subRules: [],
    sealBasis: null,
    stageMs: {},
    totalMs: 0,
    broken: [],
    exempts: [],
  };
}

/** Lets so many run at once; others wait in order. */
class Turns {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly max: () => number) {}

  get isFull(): boolean {
    return this.waiting.length >= ALONE_WAITING_MAX;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.max()) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running += 1;
    try {
      return await work();
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }
}
