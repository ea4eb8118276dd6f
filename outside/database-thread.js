// The thread that owns one SQLite connection: takes jobs from outside/database.ts, gives their results back, and lets no
// write be answered before its commit is on disk. Plain JavaScript, since a thread's entry must load from source and
// from the build alike. It knows no table; it must never decide anything about mail.
// @ts-check
import { performance } from 'node:perf_hooks';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

/** Writes that share one commit at most. */
const GROUP_JOBS_MAX = 512;
/** Prepared statements kept. */
const STATEMENTS_MAX = 256;
/** What is kept of the write-ahead file after a checkpoint, bytes. */
const JOURNAL_BYTES_MAX = 64 * 1_048_576;
/** Rows between two looks at the clock in a scan. */
const SCAN_CLOCK_ROWS = 64;

/**
 * @typedef {[statement: number | string, params: unknown[], rows: boolean, number?: number]} Step
 * @typedef {{ columns: string[], needle: string }} Test
 * @typedef {{ id: number, kind: 'write' | 'read', steps: Step[] }} StepsJob
 * @typedef {{ id: number, kind: 'scan', sql: string, params: unknown[], tests: Test[], limit: number, budgetMs: number }} ScanJob
 * @typedef {{ id: number, kind: 'migrate', component: string, migrations: string[] }} MigrateJob
 * @typedef {{ id: number, kind: 'close' }} CloseJob
 * @typedef {StepsJob | ScanJob | MigrateJob | CloseJob} Job
 * @typedef {{ id: number, value?: unknown, error?: { code: string, message: string } }} Reply
 */

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
/** @type {{ path: string, readOnly: boolean, busyTimeoutMs: number, synchronous: 'FULL' | 'NORMAL', cacheKib: number, attach: { name: string, path: string }[] }} */
const options = workerData;
/** @type {Map<string, Database.Statement>} */
const statements = new Map();
/** Texts of statements by number. @type {string[]} */
const texts = [];
/** @type {Job[]} */
const queue = [];

const database = openOrTell();
port.on('message', (jobs) => {
  take(jobs);
  drain();
});

/** Says first of all whether the file could be opened; where not, the thread ends. */
function openOrTell() {
  try {
    const opened = open();
    port.postMessage({ opened: true });
    return opened;
  } catch (error) {
    port.postMessage({ opened: false, ...failure(0, error) });
    process.exit(0);
  }
}

/** Opens the file. */
function open() {
  const db = new Database(options.path, {
    timeout: options.busyTimeoutMs,
    readonly: options.readOnly,
    fileMustExist: options.readOnly,
  });
  if (!options.readOnly) db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${options.synchronous}`);
  db.pragma(`journal_size_limit = ${JOURNAL_BYTES_MAX}`);
  db.pragma('foreign_keys = ON');
  db.pragma(`cache_size = -${options.cacheKib}`);
  db.function('folded_contains', { deterministic: true }, (hay, needle) =>
    fold(hay).includes(String(needle)) ? 1 : 0,
  );
  for (const other of options.attach) db.prepare(`ATTACH ? AS ${other.name}`).run(other.path);
  return db;
}

/** The same folding as logs/fold.ts `fold`: compatibility forms and case are one, controls are blanks. @param {unknown} text */
function fold(text) {
  if (typeof text !== 'string') return '';
  if (/^[ -~]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\u0000-\u001f]/g, ' ');
}

/** Works through everything that has arrived; writes that stand together share one commit. */
function drain() {
  for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) take(more.message);
  while (queue.length > 0) {
    const first = /** @type {Job} */ (queue[0]);
    if (first.kind === 'write') {
      port.postMessage(runGroup(takeWrites()));
    } else {
      queue.shift();
      port.postMessage([runAlone(first)]);
      if (first.kind === 'close') return;
    }
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port))
      take(more.message);
  }
}

/** Queues jobs; a text that comes with a number is known by it from now on, whatever becomes of its job. @param {Job[]} jobs */
function take(jobs) {
  for (const job of jobs) {
    queue.push(job);
    if (!('steps' in job)) continue;
    for (const [named, , , number] of job.steps) if (number !== undefined) texts[number] = String(named);
  }
}

/** @returns {StepsJob[]} */
function takeWrites() {
  let count = 0;
  while (count < queue.length && count < GROUP_JOBS_MAX && queue[count]?.kind === 'write') count += 1;
  return /** @type {StepsJob[]} */ (queue.splice(0, count));
}

/** One transaction for all; a job that fails alone is undone alone. @param {StepsJob[]} jobs @returns {Reply[]} */
function runGroup(jobs) {
  try {
    database.exec('BEGIN IMMEDIATE');
    const [only] = jobs;
    // One job alone needs no savepoint: its failure undoes the transaction, which is itself.
    const replies =
      jobs.length === 1 && only !== undefined ? [{ id: only.id, value: runSteps(only.steps) }] : jobs.map(runInGroup);
    database.exec('COMMIT');
    return replies;
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    return jobs.map((job) => failure(job.id, error));
  }
}

/** @param {StepsJob} job @returns {Reply} */
function runInGroup(job) {
  database.exec('SAVEPOINT job');
  try {
    const value = runSteps(job.steps);
    database.exec('RELEASE job');
    return { id: job.id, value };
  } catch (error) {
    // Some errors (full disk, I/O) end the whole transaction by themselves: then nobody's write stands.
    if (!database.inTransaction) throw error;
    database.exec('ROLLBACK TO job');
    database.exec('RELEASE job');
    return failure(job.id, error);
  }
}

/** @param {Step[]} steps */
function runSteps(steps) {
  return steps.map(([named, params, rows]) => {
    const statement = prepare(typeof named === 'number' ? String(texts[named]) : named);
    return rows ? statement.all(...params) : statement.run(...params).changes;
  });
}

/** @param {string} sql */
function prepare(sql) {
  let statement = statements.get(sql);
  if (statement === undefined) {
    if (statements.size >= STATEMENTS_MAX) statements.clear();
    statement = database.prepare(sql);
    statements.set(sql, statement);
  }
  return statement;
}

/** @param {ScanJob | StepsJob | MigrateJob | CloseJob} job @returns {Reply} */
function runAlone(job) {
  try {
    if (job.kind === 'scan') return { id: job.id, value: scan(job) };
    if (job.kind === 'migrate') return { id: job.id, value: migrate(job.component, job.migrations) };
    if (job.kind === 'close') {
      database.close();
      port.close();
      return { id: job.id };
    }
    return { id: job.id, value: database.transaction(() => runSteps(job.steps))() };
  } catch (error) {
    return failure(job.id, error);
  }
}

/** Walks a query's rows and keeps those that pass every test, until enough are kept or the time is over. @param {ScanJob} job */
function scan(job) {
  const until = performance.now() + job.budgetMs;
  const rows = [];
  let last = null;
  let seen = 0;
  for (const row of prepare(job.sql).iterate(...job.params)) {
    const record = /** @type {Record<string, unknown>} */ (row);
    last = record['seq'];
    if (job.tests.every((test) => test.columns.some((column) => fold(record[column]).includes(test.needle))))
      rows.push(record);
    if (rows.length >= job.limit) return { rows, last, complete: false };
    seen += 1;
    if (seen % SCAN_CLOCK_ROWS === 0 && performance.now() > until) return { rows, last, complete: false };
  }
  return { rows, last, complete: true };
}

/** Brings one component's tables to the newest version; returns the version it found. @param {string} component @param {string[]} migrations */
function migrate(component, migrations) {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(
      'CREATE TABLE IF NOT EXISTS schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID',
    );
    const row = /** @type {{ version: number } | undefined} */ (
      database.prepare('SELECT version FROM schema_version WHERE component = ?').get(component)
    );
    const found = row?.version ?? 0;
    if (found > migrations.length) {
      const error = new Error(
        `${options.path}: ${component} has schema version ${found}, this program knows up to ${migrations.length}`,
      );
      throw Object.assign(error, { code: 'SCHEMA_NEWER' });
    }
    for (const sql of migrations.slice(found)) database.exec(sql);
    database
      .prepare(
        'INSERT INTO schema_version VALUES (?, ?) ON CONFLICT (component) DO UPDATE SET version = excluded.version',
      )
      .run(component, migrations.length);
    database.exec('COMMIT');
    return found;
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** @param {number} id @param {unknown} error @returns {Reply} */
function failure(id, error) {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'DATABASE';
  return { id, error: { code, message: error instanceof Error ? error.message : String(error) } };
}
