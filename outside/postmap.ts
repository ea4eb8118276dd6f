// Look-ups in Postfix's own tables through its own programs: `postmap -q` and `postconf`. Starts programs without a shell,
// few at once, bounded in time and output; keeps answers for a short time. Never takes a failure for "not there".
import { execFile } from 'node:child_process';
import type { Clock } from './clock.js';

/** Longest time of one program, ms, and most it may say, bytes. */
const PROGRAM_TIMEOUT_MS = 5_000;
const OUTPUT_MAX_BYTES = 1_048_576;
/** Programs that run at once in one process, and questions that wait for one of them. */
const PROGRAMS_MAX = 4;
const WAITING_MAX = 1_000;
/** Answers kept, and for how long, ms. */
const KEPT_MAX = 10_000;
export const KEPT_MS = 60_000;
/** Longest key that is looked up, characters; nothing longer is in a table. */
const KEY_MAX_CHARS = 1_000;
/** Postfix's programs lie in sbin, which is not on everybody's PATH. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin', '/sbin'].filter(Boolean).join(':');

/** What is under a key: its value, null where it is not there, or why that is not known. */
export type TableAnswer = { readonly value: string | null } | { readonly failure: string };

export interface PostfixTables {
  /** Never rejects. `table` is `type:name`. */
  query(table: string, key: string): Promise<TableAnswer>;
  /** The tables that a setting of main.cf names. Rejects when postconf cannot be run. */
  tablesOf(parameter: string): Promise<readonly string[]>;
}

/** `configDirectory`: Postfix's, or null for the installed one. */
export function openPostfixTables(clock: Clock, configDirectory: string | null): PostfixTables {
  const where = configDirectory === null ? [] : ['-c', configDirectory];
  const kept = new Map<string, { readonly answer: TableAnswer; readonly endsAt: number }>();
  const turns = new ProgramTurns();
  return {
    async query(table, key) {
      if (key.length > KEY_MAX_CHARS || /[\0\r\n]/.test(key)) return { value: null };
      const id = `${table}\n${key}`;
      const known = kept.get(id);
      if (known !== undefined && known.endsAt > clock.monotonicMs()) return known.answer;
      const answer = await turns.take(() => run('postmap', [...where, '-q', key, table]).then(answerOf));
      if (answer === null) return { failure: 'too many look-ups wait' };
      // What failed is asked again; the oldest goes first.
      kept.delete(id);
      if (!('failure' in answer)) kept.set(id, { answer, endsAt: clock.monotonicMs() + KEPT_MS });
      if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value ?? '');
      return answer;
    },
    async tablesOf(parameter) {
      const { code, stdout, stderr } = await run('postconf', [...where, '-xh', parameter]);
      if (code !== 0) throw new Error(`postconf ${parameter}: ${stderr.trim() || 'it cannot be run'}`);
      return stdout.split(/[\s,]+/).filter((word) => /^[a-z0-9_]+:/.test(word));
    },
  };
}

interface Ran {
  /** Null where it did not end by itself. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `postmap -q` ends with 1 and without a word where the key is not there. */
function answerOf({ code, stdout, stderr }: Ran): TableAnswer {
  if (code === 0) return { value: stdout.replace(/\n$/, '') };
  if (code === 1 && stderr.trim() === '') return { value: null };
  return { failure: stderr.trim().split('\n')[0]?.slice(0, 300) || `postmap ended with ${String(code)}` };
}

function run(program: string, args: readonly string[]): Promise<Ran> {
  const options = { timeout: PROGRAM_TIMEOUT_MS, maxBuffer: OUTPUT_MAX_BYTES, env: { ...process.env, PATH } };
  return new Promise((done) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      done({ code, stdout, stderr: stderr || (code === null ? (error?.message ?? '') : '') });
    });
  });
}

/** Lets few work at once; the others wait in order. */
class ProgramTurns {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Null when too many wait. */
  async take<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.#running >= PROGRAMS_MAX) {
      if (this.#waiting.length >= WAITING_MAX) return null;
      await new Promise<void>((go) => this.#waiting.push(go));
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
