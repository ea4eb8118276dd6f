// The watchdog: looks at every process's heartbeat and kills one whose event loop stands still. It must not kill because
// the supervisor itself was held up (a suspended machine, a stopped process group).
import type { Child } from './child.js';

/** Looks at most this often, ms. */
const LOOK_MS = 500;
/** A look that comes later than this means that the supervisor was held up, ms. */
const LATE_MS = 2_000;

export interface Watchdog {
  close(): void;
}

/** Starts looking. `watchdogMs` is asked at every look, so that new settings hold at once. */
export function startWatchdog(children: () => readonly Child[], watchdogMs: () => number): Watchdog {
  let lastLook = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const late = now - lastLook > LOOK_MS + LATE_MS;
    lastLook = now;
    for (const child of children()) {
      if (late) child.forgiveBeat(now);
      const ageMs = child.beatAge(now);
      if (ageMs > watchdogMs()) child.kill(`its event loop stood still for ${Math.round(ageMs)} ms`);
    }
  }, LOOK_MS);
  return { close: () => clearInterval(timer) };
}
