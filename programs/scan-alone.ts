// A suspect message is scanned alone, in a fresh process that dies with it if need be. This file is both sides: the worker
// that asks, and the process that scans. It must never take a failure of its own for a deed of the message.
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { STAGES } from '../filters/index.js';
import { buildInForce } from '../gateway/in-force.js';
import type { Transaction } from '../message/envelope.js';
import { parseMessage } from '../message/parse.js';
import type { EarlyResult } from '../pipeline/early.js';
import type { ScanResult } from '../pipeline/run.js';
import { openStateOf } from './process-stores.js';
import type { SettingsText } from './process-messages.js';
import { parseSettings } from './settings.js';
import { openWorld } from './world.js';

/** How often the process shows that its event loop turns, ms. */
const BEAT_MS = 500;
/** How long the process may take to start and to make its stages, ms. */
export const ALONE_START_MS = 30_000;

/** What became of a message scanned alone. */
export type AloneOutcome =
  | { readonly kind: 'survived'; readonly result: ScanResult }
  /** The process died, or stood still, with the message in hand. */
  | { readonly kind: 'killed'; readonly reason: string };

export interface AloneOptions {
  readonly settings: SettingsText;
  /** The event loop may stand still so long, ms. */
  readonly stallMs: number;
  /** Longest time in all once the message is handed over, ms. */
  readonly timeLimitMs: number;
  readonly heapMaxMb: number;
}

type ToAlone =
  | ({ readonly kind: 'settings' } & SettingsText)
  | { readonly kind: 'scan'; readonly transaction: Transaction; readonly early: readonly EarlyResult[] };
type FromAlone =
  | { readonly kind: 'ready' | 'beat' | 'taken' }
  | { readonly kind: 'result'; readonly result: ScanResult }
  | { readonly kind: 'failed'; readonly reason: string };

/** A message, and what stages said before its content. */
export interface AloneMessage {
  readonly transaction: Transaction;
  readonly early: readonly EarlyResult[];
}

/**
 * Scans one message in a process of its own. Rejects when the process failed for a reason that is not the message
 * (it could not start, settings or stages could not be made, `signal` was aborted).
 */
export function scanAlone(message: AloneMessage, options: AloneOptions, signal: AbortSignal): Promise<AloneOutcome> {
  return new Trial(message, options, signal).outcome;
}

class Trial {
  readonly outcome: Promise<AloneOutcome>;
  private readonly process: ChildProcess;
  private settle!: (outcome: AloneOutcome) => void;
  private fail!: (error: Error) => void;
  private taken = false;
  private limit: NodeJS.Timeout;
  private stall: NodeJS.Timeout | null = null;

  constructor(
    private readonly message: AloneMessage,
    private readonly options: AloneOptions,
    signal: AbortSignal,
  ) {
    this.outcome = new Promise((resolve, reject) => {
      this.settle = resolve;
      this.fail = reject;
    });
    this.process = fork(fileURLToPath(new URL('./scan-alone-process.js', import.meta.url)), [], {
      // Structured clone: the message as bytes, maps as maps.
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [`--max-old-space-size=${options.heapMaxMb}`],
    });
    this.process.on('message', (message) => this.hear(message as FromAlone));
    this.process.once('error', (error) => this.end(() => this.fail(error)));
    this.process.once('exit', (code, how) => this.exited(code, how));
    this.limit = setTimeout(() => this.giveUp('did not start in time'), ALONE_START_MS);
    const abort = (): void =>
      this.end(() => this.fail(new Error('the message was given up while it was scanned alone')));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    this.tell({ kind: 'settings', ...options.settings });
  }

  private tell(message: ToAlone): void {
    if (!this.process.connected) return;
    try {
      // A channel that breaks is told by the exit of the process.
      this.process.send(message, () => undefined);
    } catch (error) {
      // What a stage reported is no plain data: its bug, never the message's doing.
      this.end(() => this.fail(error instanceof Error ? error : new Error(String(error))));
    }
  }

  private hear(message: FromAlone): void {
    switch (message.kind) {
      case 'ready':
        this.tell({ kind: 'scan', ...this.message });
        break;
      case 'taken':
        this.taken = true;
        clearTimeout(this.limit);
        this.limit = setTimeout(() => this.giveUp('over its time limit'), this.options.timeLimitMs);
        this.watchStall();
        break;
      case 'beat':
        this.watchStall();
        break;
      case 'result':
        this.end(() => this.settle({ kind: 'survived', result: message.result }));
        break;
      case 'failed':
        this.end(() => this.fail(new Error(message.reason)));
        break;
    }
  }

  private watchStall(): void {
    if (this.stall !== null) clearTimeout(this.stall);
    this.stall = setTimeout(() => this.giveUp('its event loop stood still'), this.options.stallMs);
  }

  private giveUp(reason: string): void {
    this.end(() =>
      this.taken ? this.settle({ kind: 'killed', reason }) : this.fail(new Error(`scan alone: ${reason}`)),
    );
  }

  private exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.giveUp(signal === null ? `the process ended with code ${code ?? 0}` : `the process was ended by ${signal}`);
  }

  /** The first outcome counts; the process never outlives it. */
  private end(conclude: () => void): void {
    clearTimeout(this.limit);
    if (this.stall !== null) clearTimeout(this.stall);
    this.process.kill('SIGKILL');
    conclude();
  }
}

/** The scanning side: takes settings, then one message, then ends. */
export function runAloneProcess(): void {
  const say = (message: FromAlone): void => void process.send?.(message);
  const report = (work: Promise<void>): void => {
    work.catch((error: unknown) =>
      say({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
    );
  };
  process.once('disconnect', () => process.exit(0));
  let settings: SettingsText | null = null;
  process.on('message', (raw) => {
    const message = raw as ToAlone;
    if (message.kind === 'settings') {
      settings = message;
      say({ kind: 'ready' });
    } else if (settings !== null) report(scanOne(settings, message, say));
  });
}

/** As the gateway goes about a message, up to the verdict. */
async function scanOne(
  settings: SettingsText,
  { transaction: given, early }: AloneMessage,
  say: (message: FromAlone) => void,
): Promise<void> {
  const alert = (): void => undefined;
  const configuration = parseSettings(settings);
  const inForce = await buildInForce(
    configuration,
    STAGES,
    openWorld(alert, await openStateOf(configuration, alert)).outside(configuration),
  );
  // From here on it is the message's doing, whatever happens; the line must be out before the message is touched.
  await new Promise<void>((resolve) => process.send?.({ kind: 'taken' } satisfies FromAlone, () => resolve()));
  setInterval(() => say({ kind: 'beat' }), BEAT_MS).unref();
  const content = Buffer.from(given.content);
  const message = parseMessage(content);
  const transaction = { ...given, content, connection: inForce.client(given.connection, message) };
  const directions = inForce.directions.of(given);
  const { signal } = new AbortController();
  const result = await inForce.scan({ message, transaction, directions, early, signal });
  // What the gateway reads of every message beside the scan.
  message.addresses('From');
  say({ kind: 'result', result });
}
