// One SQLite file behind a thread of its own, so that no sync to disk ever stops the event loop. Takes lists of SQL steps
// and gives their rows once they are durable; writes that arrive while a commit runs share the next one. Several
// processes may open the same file. It must never answer a write that is not on disk.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';

/** How long a write waits for another process's commit before it fails with SQLITE_BUSY, ms. */
export const BUSY_TIMEOUT_MS = 8_000;
/** Jobs that may wait at once; more are refused at once with DATABASE_OVERLOADED. */
export const JOBS_WAITING_MAX = 50_000;
/** Pause before a thread that died is started again, ms. */
const RESTART_PAUSE_MS = 1_000;
const CACHE_KIB = 16_384;
/** Statements known by number; further ones cross as text. */
const NUMBERED_MAX = 200;

/** A value SQLite takes. Bytes should be exact `Uint8Array`s: a pooled Buffer would copy its whole pool. */
export type SqlValue = string | number | null | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

/** One statement with positional parameters. `rows`: give back its rows (SELECT, RETURNING); else the number of changes. */
export interface Step {
  readonly sql: string;
  readonly params: readonly SqlValue[];
  readonly rows: boolean;
}

/** Rows of `sql` (which must select `seq`) that contain, after folding, every needle in one of its columns. */
export interface Scan {
  readonly sql: string;
  readonly params: readonly SqlValue[];
  readonly tests: readonly { readonly columns: readonly string[]; readonly needle: string }[];
  readonly limit: number;
  readonly budgetMs: number;
}

/** `complete`: the query was walked to its end. `last`: `seq` of the last row looked at, kept or not. */
export interface ScanResult {
  readonly rows: readonly Row[];
  readonly last: number | null;
  readonly complete: boolean;
}

/** What SQLite or the thread said; `code` such as SQLITE_FULL, SCHEMA_NEWER, DATABASE_CLOSED, DATABASE_OVERLOADED. */
export class DatabaseError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'DatabaseError';
  }
}

export interface DatabaseOptions {
  readonly path: string;
  readonly readOnly?: boolean;
  /** NORMAL only for what can be rebuilt. */
  readonly synchronous?: 'FULL' | 'NORMAL';
  readonly busyTimeoutMs?: number;
  readonly cacheKib?: number;
  /** Further files to read beside this one; names are SQL identifiers from the code, never from outside. */
  readonly attach?: readonly { readonly name: string; readonly path: string }[];
}

export interface Database {
  readonly path: string;
  /** All steps in one transaction, durable when it resolves; one result per step. */
  write(steps: readonly Step[]): Promise<readonly StepResult[]>;
  /** All steps on one snapshot. */
  read(steps: readonly Step[]): Promise<readonly StepResult[]>;
  scan(scan: Scan): Promise<ScanResult>;
  /** Brings a component's tables forward, `migrations[n]` leading from version n to n + 1. Rejects with SCHEMA_NEWER. Returns the version found. */
  migrate(component: string, migrations: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

export type StepResult = readonly Row[] | number;

/** A step that changes rows. */
export function change(sql: string, ...params: readonly SqlValue[]): Step {
  return { sql, params, rows: false };
}

/** A step that gives rows back. */
export function select(sql: string, ...params: readonly SqlValue[]): Step {
  return { sql, params, rows: true };
}

/** The rows of a step's result (none when the step counted changes). */
export function rowsOf(result: StepResult | undefined): readonly Row[] {
  return typeof result === 'number' || result === undefined ? [] : result;
}

/** The changes of a step's result (0 when the step gave rows). */
export function changesOf(result: StepResult | undefined): number {
  return typeof result === 'number' ? result : 0;
}

/** Opens (and makes, mode 0600) the file. Rejects with a DatabaseError when SQLite will not have it. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const database = new ThreadDatabase(options);
  try {
    await database.ready();
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

/** As `openDatabase`, but a file that cannot be opened now fails only its jobs; each later job tries again. */
export function openDatabaseLater(options: DatabaseOptions): Database {
  return new ThreadDatabase(options);
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

interface Batch {
  readonly worker: Worker;
  readonly jobs: ({ readonly id: number; readonly steps: readonly Step[] } | { readonly id: number })[];
}

/** Statement by number or text, parameters, whether rows are wanted, and the number a text is to have from now on. */
type NumberedStep = readonly [number | string, readonly SqlValue[], boolean, number?];

interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

class ThreadDatabase implements Database {
  readonly path: string;
  private worker: Promise<Worker> | null = null;
  private failedAt = -Infinity;
  private failedWith: Error | null = null;
  private closed = false;
  private nextId = 1;
  private readonly waiting = new Map<number, Waiting>();
  private running: Worker | null = null;
  /** Jobs of this turn of the event loop: they cross to the thread in one message. */
  private batch: Batch | null = null;
  /** Numbers by which the running thread knows statements, so that their text crosses once. */
  private readonly numbers = new Map<string, number>();

  constructor(private readonly options: DatabaseOptions) {
    this.path = options.path;
  }

  async ready(): Promise<void> {
    await this.thread();
  }

  async write(steps: readonly Step[]): Promise<readonly StepResult[]> {
    return (await this.ask({ kind: 'write', steps })) as readonly StepResult[];
  }

  async read(steps: readonly Step[]): Promise<readonly StepResult[]> {
    return (await this.ask({ kind: 'read', steps })) as readonly StepResult[];
  }

  async scan(scan: Scan): Promise<ScanResult> {
    return (await this.ask({ kind: 'scan', ...scan })) as ScanResult;
  }

  async migrate(component: string, migrations: readonly string[]): Promise<number> {
    return (await this.ask({ kind: 'migrate', component, migrations })) as number;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    // A thread that never opened was told of when it was asked.
    const worker = this.worker === null ? null : await this.worker.catch(() => null);
    if (worker !== null) {
      const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      await this.ask({ kind: 'close' }).catch((error: unknown) => {
        // The thread died before it could close: its exit is all that was wanted.
        if (!(error instanceof DatabaseError)) throw error;
      });
      await gone;
    }
    this.closed = true;
  }

  private async ask(job: object): Promise<unknown> {
    if (this.closed) throw new DatabaseError('DATABASE_CLOSED', `${this.path} is closed`);
    if (this.waiting.size >= JOBS_WAITING_MAX)
      throw new DatabaseError('DATABASE_OVERLOADED', `${this.path}: too many jobs wait`);
    const worker = await this.thread();
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.waiting.set(id, { resolve, reject });
      if (this.batch?.worker !== worker) {
        const batch = { worker, jobs: [] };
        this.batch = batch;
        setImmediate(() => this.send(batch));
      }
      this.batch.jobs.push({ id, ...job });
    });
  }

  /** Hands over what has gathered for this thread. One that died meanwhile takes nothing: its callers were told. */
  private send(batch: Batch): void {
    if (this.batch === batch) this.batch = null;
    if (this.running !== batch.worker) return;
    batch.worker.postMessage(
      batch.jobs.map((job) => ('steps' in job ? { ...job, steps: this.number(job.steps) } : job)),
    );
  }

  /** Statements by number once the thread knows their text: it crosses once. */
  private number(steps: readonly Step[]): readonly NumberedStep[] {
    return steps.map(({ sql, params, rows }): NumberedStep => {
      const known = this.numbers.get(sql);
      if (known !== undefined) return [known, params, rows];
      const next = this.numbers.size;
      if (next >= NUMBERED_MAX) return [sql, params, rows];
      this.numbers.set(sql, next);
      return [sql, params, rows, next];
    });
  }

  /** The running thread; one that died is started again, at most once a second. */
  private thread(): Promise<Worker> {
    if (this.worker !== null) return this.worker;
    if (this.failedWith !== null && performance.now() - this.failedAt < RESTART_PAUSE_MS)
      return Promise.reject(this.failedWith);
    this.worker = this.start();
    this.worker.catch((error: unknown) => this.gone(toError(error)));
    return this.worker;
  }

  private async start(): Promise<Worker> {
    if (this.options.readOnly !== true) await makePrivateFile(this.path);
    const worker = new Worker(new URL('./database-thread.js', import.meta.url), {
      workerData: threadData(this.options),
    });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', (said: { readonly opened: boolean; readonly error?: Reply['error'] }) => {
        if (said.opened) resolve();
        else reject(new DatabaseError(said.error?.code ?? 'DATABASE', said.error?.message ?? 'cannot be opened'));
      });
      worker.once('error', (error) => reject(toError(error)));
      worker.once('exit', () => reject(new DatabaseError('DATABASE_GONE', `${this.path}: thread ended while opening`)));
    });
    this.running = worker;
    worker.on('message', (replies: readonly Reply[]) => replies.forEach((reply) => this.settle(reply)));
    worker.once('error', (error) => this.gone(toError(error)));
    worker.once('exit', () => this.gone(new DatabaseError('DATABASE_GONE', `${this.path}: thread ended`)));
    return worker;
  }

  private settle(reply: Reply): void {
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (reply.error === undefined) waiting?.resolve(reply.value);
    else waiting?.reject(new DatabaseError(reply.error.code, reply.error.message));
  }

  /** Whatever was not answered may or may not be on disk: each caller is told that it failed. */
  private gone(error: Error): void {
    this.worker = null;
    this.failedAt = performance.now();
    this.failedWith = error;
    const abandoned = [...this.waiting.values()];
    this.waiting.clear();
    this.running = null;
    this.batch = null;
    this.numbers.clear();
    for (const waiting of abandoned) waiting.reject(error);
  }
}

function threadData(options: DatabaseOptions): object {
  return {
    path: options.path,
    readOnly: options.readOnly ?? false,
    busyTimeoutMs: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
    synchronous: options.synchronous ?? 'FULL',
    cacheKib: options.cacheKib ?? CACHE_KIB,
    attach: options.attach ?? [],
  };
}

/** SQLite gives its side files the mode of the main one, so the main one is made private before SQLite sees it. */
async function makePrivateFile(path: string): Promise<void> {
  try {
    const file = await open(path, constants.O_CREAT | constants.O_RDWR, 0o600);
    await file.close();
  } catch (error) {
    const cause = toError(error);
    throw new DatabaseError('DATABASE_OPEN', cause.message);
  }
}

function toError(error: unknown): Error {
  if (error instanceof DatabaseError) return error;
  if (!(error instanceof Error)) return new DatabaseError('DATABASE', String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'DATABASE';
  return new DatabaseError(code, error.message);
}
