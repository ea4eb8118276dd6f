// The text log: what a process tells its operator, one JSON object a line, time in UTC. Text from mail cannot break a line
// or steer a terminal: whatever is no plain character is written as an escape.
import { pino, type DestinationStream, type Logger } from 'pino';
import { escapeLine } from './escape-line.js';

export { escapeLine };

export type TextLog = Logger;

export type TextLogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Lines below `warn` wait for each other so long, ms. */
export const GATHERED_MAX_MS = 250;
/** What is written at once at most, bytes: a pipe takes so much in one piece (PIPE_BUF), whoever else writes to it. */
export const GATHERED_MAX_BYTES = 4_096;
/** Pino's number for `warn`. */
const WARN_LEVEL = 40;

/**
 * Makes a process's logger. `name` is the process (`serve`, `worker`, `admin`, a command). Lines go to `destination`,
 * standard output by default; there a warning or worse is written at once, with what has gathered before it.
 */
export function createTextLog(name: string, level: TextLogLevel, destination?: DestinationStream): TextLog {
  return pino(
    {
      name,
      level,
      base: { name, pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: escapeLine },
    },
    destination ?? new GatheringOutput(1),
  );
}

/** Writes to a descriptor. A kill loses what has gathered; what happened to a message stands in the log store before. */
export class GatheringOutput implements DestinationStream {
  /** Asks pino to set `lastLevel` before each line. */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  private readonly output;
  private gathered = '';
  private gatheredBytes = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(descriptor: number) {
    this.output = pino.destination({ fd: descriptor, sync: true });
    process.on('exit', () => this.flush());
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.gatheredBytes + bytes > GATHERED_MAX_BYTES) this.flush();
    this.gathered += line;
    this.gatheredBytes += bytes;
    if (this.lastLevel >= WARN_LEVEL) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), GATHERED_MAX_MS).unref();
  }

  private flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.gathered === '') return;
    const lines = this.gathered;
    this.gathered = '';
    this.gatheredBytes = 0;
    this.output.write(lines);
  }
}
