// The text log: what a process tells its operator, one JSON object a line, time in UTC. Text from mail cannot break a line
// or steer a terminal: whatever is no plain character is written as an escape.
import { pino, type DestinationStream, type Logger } from 'pino';

export type TextLog = Logger;

export type TextLogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/**
 * Makes a process's logger. `name` is the process (`serve`, `worker`, `admin`, a command). Lines go to `destination`,
 * standard output by default, written at once so that a crash loses none.
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
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** Controls that JSON lets stand (DEL, C1, line and paragraph separators, bidi overrides) become `\uXXXX`; the newline at the end stays. */
export function escapeLine(line: string): string {
  return line.replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/g,
    (character) => '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0'),
  );
}
