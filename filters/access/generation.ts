// A small file that says by its content whether rules have changed: every process reads it before it judges, so that a
// change is in force everywhere as soon as it is made. Holds no rule; a damaged or lost one only causes reading anew.
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const STAMP_BYTES = 16;
/** How often it is looked whether another file has come into its place, ms. */
const LOOK_EVERY_MS = 2_000;

export class GenerationFile {
  #descriptor: number | null = null;
  #lookedMs = -Infinity;
  readonly #path: string;
  readonly #buffer = Buffer.alloc(STAMP_BYTES);
  #seen = '';

  constructor(private readonly dir: string) {
    this.#path = join(dir, 'access.generation');
  }

  /** What it says now; `null` while there is none. */
  read(nowMs: number): string | null {
    if (nowMs - this.#lookedMs > LOOK_EVERY_MS) this.#look(nowMs);
    if (this.#descriptor === null) return null;
    const length = readSync(this.#descriptor, this.#buffer, 0, STAMP_BYTES, 0);
    const text = this.#buffer.toString('latin1', 0, length);
    if (text !== this.#seen) this.#seen = text;
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
    if (there !== undefined) this.#descriptor = openSync(this.#path, 'r');
  }
}
