// The life file of one process: a heartbeat that stands still when its event loop does, and the identities of the
// messages it has in hand. It lies outside the process, so that both survive a kill; it never holds any text of a mail.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Messages one process can have in hand. */
export const SLOTS_MAX = 1_024;
/** How often a process shows that its event loop turns, ms. */
export const HEARTBEAT_MS = 250;
/** Header lines looked at while the trace fields are left out of a message's identity. */
export const IDENTITY_LINES_MAX = 10_000;

const MAGIC = Buffer.from('WEIRLIF1', 'latin1');
const HEADER_BYTES = 64;
const IDENTITY_BYTES = 32;
const BEAT_AT = 8;
const FIGURES_AT = 16;
const EMPTY = Buffer.alloc(IDENTITY_BYTES);
/** Fields that differ between two deliveries of one message. */
const TRACE_FIELDS: readonly string[] = ['received', 'return-path'];

/** What a process tells of itself beside its heartbeat. */
export interface LifeFigures {
  /** Open client connections. */
  readonly connections: number;
  /** Messages taken in hand since it started. */
  readonly messages: number;
}

/** What stands in a life file. */
export interface Life extends LifeFigures {
  /** Counts up by one every `HEARTBEAT_MS`. */
  readonly beat: number;
  /** Messages in hand when the file was read; empty in a reading of the header alone. */
  readonly identities: readonly string[];
}

/**
 * What a message is, however it came: hex SHA-256 of its content without `Received` and `Return-Path`, so that a
 * second delivery is recognised. Linear in the content; reads at most `IDENTITY_LINES_MAX` header lines.
 */
export function identifyContent(content: Buffer): string {
  const hash = createHash('sha256');
  let kept = 0;
  let at = 0;
  let skipping = false;
  for (let line = 0; line < IDENTITY_LINES_MAX && at < content.length; line += 1) {
    const newline = content.indexOf(10, at);
    const next = newline === -1 ? content.length : newline + 1;
    const first = content[at];
    if (first === 10 || (first === 13 && content[at + 1] === 10)) break;
    const folded = first === 32 || first === 9;
    const trace: boolean = folded ? skipping : isTraceField(content, at, next);
    if (trace && !skipping) hash.update(content.subarray(kept, at));
    if (!trace && skipping) kept = at;
    skipping = trace;
    at = next;
  }
  if (!skipping) hash.update(content.subarray(kept));
  else hash.update(content.subarray(at));
  return hash.digest('hex');
}

function isTraceField(content: Buffer, start: number, end: number): boolean {
  for (const name of TRACE_FIELDS) {
    if (start + name.length >= end || content[start + name.length] !== 58) continue;
    if (content.toString('latin1', start, start + name.length).toLowerCase() === name) return true;
  }
  return false;
}

/** The writing side, in the process itself. All writes are small, synchronous and unsynced: the kernel keeps them. */
export class LifeFile {
  private readonly descriptor: number;
  private readonly free: number[] = Array.from({ length: SLOTS_MAX }, (_, index) => SLOTS_MAX - 1 - index);
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private readonly timer: NodeJS.Timeout;
  private beats = 0n;
  private messages = 0;

  /** Makes or empties the file (mode 0600) and starts the heartbeat. Throws when it cannot be written. */
  constructor(path: string, figures: () => Omit<LifeFigures, 'messages'>) {
    this.descriptor = openSync(path, 'w', 0o600);
    MAGIC.copy(this.header);
    writeSync(this.descriptor, Buffer.alloc(HEADER_BYTES + SLOTS_MAX * IDENTITY_BYTES), 0);
    this.beat(figures().connections);
    this.timer = setInterval(() => this.beat(figures().connections), HEARTBEAT_MS);
    this.timer.unref();
  }

  /** Marks a message as in hand; the returned function takes the mark away. Null when all slots are taken. */
  hold(identity: string): (() => void) | null {
    const slot = this.free.pop();
    if (slot === undefined) return null;
    this.messages += 1;
    const at = HEADER_BYTES + slot * IDENTITY_BYTES;
    writeSync(this.descriptor, Buffer.from(identity, 'hex'), 0, IDENTITY_BYTES, at);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      writeSync(this.descriptor, EMPTY, 0, IDENTITY_BYTES, at);
      this.free.push(slot);
    };
  }

  close(): void {
    clearInterval(this.timer);
    closeSync(this.descriptor);
  }

  private beat(connections: number): void {
    this.beats += 1n;
    this.header.writeBigUInt64LE(this.beats, BEAT_AT);
    this.header.writeUInt32LE(connections, FIGURES_AT);
    this.header.writeDoubleLE(this.messages, FIGURES_AT + 8);
    writeSync(this.descriptor, this.header, 0, HEADER_BYTES, 0);
  }
}

/** Heartbeat and figures of a life file, or null when there is none (yet). */
export function readHeartbeat(path: string): Life | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(descriptor, header, 0, HEADER_BYTES, 0);
    return length === HEADER_BYTES ? decode(header) : null;
  } finally {
    closeSync(descriptor);
  }
}

/** Everything in a life file; null when there is none or it is not one. */
export function readLife(path: string): Life | null {
  try {
    return decode(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Removes the life files that processes of an earlier run left in a directory; gives what those had in hand. */
export function takeLives(dir: string): readonly string[] {
  const paths = readdirSync(dir)
    .filter((name) => name.endsWith('.life'))
    .map((name) => join(dir, name));
  const identities = paths.flatMap((path) => readLife(path)?.identities ?? []);
  for (const path of paths) unlinkSync(path);
  return identities;
}

function decode(bytes: Buffer): Life | null {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const identities: string[] = [];
  for (let at = HEADER_BYTES; at + IDENTITY_BYTES <= bytes.length; at += IDENTITY_BYTES) {
    const slot = bytes.subarray(at, at + IDENTITY_BYTES);
    if (!slot.equals(EMPTY)) identities.push(slot.toString('hex'));
  }
  return {
    beat: Number(bytes.readBigUInt64LE(BEAT_AT)),
    connections: bytes.readUInt32LE(FIGURES_AT),
    messages: bytes.readDoubleLE(FIGURES_AT + 8),
    identities,
  };
}
