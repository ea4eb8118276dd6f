// The limit of open files of this process: how many sockets it can hold.
import { readFileSync } from 'node:fs';

/** Null where the system does not tell (no /proc), or there is no limit. */
export function openFilesLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}
