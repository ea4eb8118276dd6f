// How long work holds the event loop, in CPU time of this process: what else the machine does makes no difference.

export interface Turns {
  /** Longest time between two turns of the event loop, and all of it, ms of CPU. */
  end(): { readonly longestMs: number; readonly wholeMs: number };
}

/** Counts from now on. */
export function countTurns(): Turns {
  const first = cpuMs();
  let last = first;
  let longestMs = 0;
  let ended = false;
  const turn = () => {
    const now = cpuMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
    if (!ended) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    end: () => {
      ended = true;
      turn();
      return { longestMs, wholeMs: last - first };
    },
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
