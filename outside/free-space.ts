// Free space where the stores lie, against two marks: below the first the operator is told, below the second mail is put
// off (behaviour 8). A look that fails counts as no space: not knowing must not fail open.
import { statfs } from 'node:fs/promises';
import type { Clock } from './clock.js';

/** A look at the file system is kept this long, ms. */
export const SPACE_LOOK_MS = 1_000;

export type SpaceState = 'ok' | 'low' | 'out';

export interface Space {
  readonly state: SpaceState;
  /** Bytes an unprivileged process may still write; null when the look failed. */
  readonly freeBytes: number | null;
  readonly detail: string;
}

export interface SpaceWatch {
  /** At most one look a second, however often it is called. */
  check(): Promise<Space>;
  /** The last look's answer at once (`out` before the first); an old one starts a new look behind it. */
  state(): SpaceState;
}

export interface SpaceOptions {
  readonly dir: string;
  /** Below this: `low`. */
  readonly lowBytes: number;
  /** Below this: `out`, and mail is put off. */
  readonly outBytes: number;
  readonly clock: Clock;
  /** Called on every look. */
  readonly onState?: (space: Space) => void;
  /** For tests. */
  readonly probe?: (dir: string) => Promise<number>;
}

/** Bytes free for unprivileged writers in the file system that holds `dir`. Rejects as statfs(2) does. */
export async function freeBytes(dir: string): Promise<number> {
  const stats = await statfs(dir);
  return stats.bavail * stats.bsize;
}

export function createSpaceWatch(options: SpaceOptions): SpaceWatch {
  const probe = options.probe ?? freeBytes;
  let last: Promise<Space> | null = null;
  let lookedAt = -Infinity;
  let state: SpaceState = 'out';
  const check = (): Promise<Space> => {
    const now = options.clock.monotonicMs();
    if (last !== null && now - lookedAt < SPACE_LOOK_MS) return last;
    lookedAt = now;
    last = look(options, probe).then((space) => {
      state = space.state;
      return space;
    });
    return last;
  };
  return {
    check,
    state() {
      void check();
      return state;
    },
  };
}

async function look(options: SpaceOptions, probe: (dir: string) => Promise<number>): Promise<Space> {
  const space = await probe(options.dir).then(
    (free) => judge(free, options),
    (error: unknown): Space => ({
      state: 'out',
      freeBytes: null,
      detail: `free space of ${options.dir} unknown: ${String(error)}`,
    }),
  );
  options.onState?.(space);
  return space;
}

function judge(free: number, options: SpaceOptions): Space {
  const state = free < options.outBytes ? 'out' : free < options.lowBytes ? 'low' : 'ok';
  return { state, freeBytes: free, detail: `${String(Math.floor(free / 1_048_576))} MiB free in ${options.dir}` };
}
