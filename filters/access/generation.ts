// A small file that says by its content whether rules have changed: every process reads it before it judges, so that a
// change is in force everywhere as soon as it is made. Holds no rule; a damaged or lost one only causes reading anew.
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const STAMP_BYTES = 16;
/** How often it is looked whether another file has come into its place, ms. */
const LOOK_EVERY_MS = 2_000;

/** Which file a stamp was read from. */
export const fileOf = (stamp: string | null): string => (stamp ?? '').split(' ')[0] ?? '';

export class GenerationFile {
  #descriptor: number | null = null;
  #lookedMs = -Infinity;
  readonly #path: string;
  readonly #buffer = Buffer.alloc(STAMP_BYTES);
  readonly #last = Buffer.alloc(STAMP_BYTES);
  #file = '';
  #seen: string | null = null;

  constructor(private readonly dir: string) {
    this.#path = join(dir, 'access.generation');
  }

  /** What it says now; null while there is none. Begins with what tells this file from another in its place. */
  read(nowMs: number): string | null {
    if (nowMs - this.#lookedMs > LOOK_EVERY_MS) this.#look(nowMs);
    if (this.#descriptor === null) return null;
    const length = readSync(this.#descriptor, this.#buffer, 0, STAMP_BYTES, 0);
    if (this.#seen === null || this.#buffer.compare(this.#last) !== 0 || length !== STAMP_BYTES) {
      this.#buffer.copy(this.#last);
      this.#seen = `${this.#file} ${this.#buffer.toString('hex', 0, length)}`;
    }
    return this.#seen;
  }

  /** Says that rules have changed. Throws what the system does. */
  bump(): void {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    const descriptor = openSync(this.#path, constants.O_CREAT | constants.O_RDWR, 0o600);
    try {
      writeSync(descriptor, randomBytes(STAMP_BYTES), 0, STAMP_BYTES, 0);
    } finally {
      closeSync(descriptor);
    }
    this.#lookedMs = -Infinity;
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  /** Opens the file, or the one that has come into its place. */
  #look(nowMs: number): void {
    this.#lookedMs = nowMs;
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (this.#descriptor !== null) {
      const open = fstatSync(this.#descriptor);
      if (there?.ino === open.ino && there.dev === open.dev) return;
      this.close();
    }
    if (there === undefined) return;
    this.#descriptor = openSync(this.#path, 'r');
    const { dev, ino } = fstatSync(this.#descriptor);
    this.#file = `${dev}:${ino}`;
    this.#seen = null;
  }
}
