// Suspects: identities of messages that some process had in hand when it died. Bounded, kept on disk so that they
// outlive every process, forgotten after their time. Holds hashes only, never any text of a mail.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Largest list read back from disk, bytes; a larger file is not ours. */
const FILE_MAX_BYTES = 32 * 1024 * 1024;
const IDENTITY = /^[0-9a-f]{64}$/;

export interface SuspectLimits {
  readonly countMax: number;
  readonly keepMs: number;
}

/** The list the supervisor owns. `now` is ms since the epoch throughout. */
export class Suspects {
  /** Identity to the time it became suspect, oldest first. */
  private readonly since = new Map<string, number>();

  constructor(
    private readonly path: string,
    private limits: SuspectLimits,
  ) {}

  /** Reads back what an earlier run left. Gives a reason when the file was there and could not be used. */
  load(now: number): string | null {
    try {
      const text = readFileSync(this.path);
      if (text.length > FILE_MAX_BYTES) return 'the list of suspects is too large and was left aside';
      const rows: unknown = JSON.parse(text.toString('utf8'));
      if (!Array.isArray(rows)) return 'the list of suspects is not a list and was left aside';
      for (const row of rows as unknown[]) this.take(row, now);
      this.trim(now);
      return null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      return `the list of suspects could not be read: ${String(error)}`;
    }
  }

  /** Adds all and writes the list durably. Throws when it cannot be written (the list in memory holds all the same). */
  add(identities: readonly string[], now: number): void {
    for (const identity of identities) {
      this.since.delete(identity);
      this.since.set(identity, now);
    }
    this.trim(now);
    this.save();
  }

  /** Clears one that was scanned alone and survived. Throws as `add`. */
  clear(identity: string): void {
    if (this.since.delete(identity)) this.save();
  }

  /** Takes other limits, from the next change on. */
  limit(limits: SuspectLimits): void {
    this.limits = limits;
  }

  /** All that still are suspect. */
  current(now: number): readonly string[] {
    this.trim(now);
    return [...this.since.keys()];
  }

  private take(row: unknown, now: number): void {
    if (!Array.isArray(row)) return;
    const [identity, time] = row as unknown[];
    if (typeof identity === 'string' && IDENTITY.test(identity) && typeof time === 'number' && time <= now) {
      this.since.set(identity, time);
    }
  }

  private trim(now: number): void {
    for (const [identity, time] of this.since) {
      const over = this.since.size > this.limits.countMax;
      if (!over && now - time <= this.limits.keepMs) break;
      this.since.delete(identity);
    }
  }

  private save(): void {
    const next = `${this.path}.new`;
    const descriptor = openSync(next, 'w', 0o600);
    try {
      writeSync(descriptor, JSON.stringify([...this.since]));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(next, this.path);
    syncDirectory(dirname(this.path));
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
