// A time limit on an answer from the network that is fair after a stall: when the event loop stood still past the limit,
// what arrived meanwhile is heard before the limit counts.

/** Calls `over` after so many ms, once what waits in the kernel was read. The function given back calls it off. */
export function startTimeLimit(limitMs: number, over: () => void): () => void {
  let hearing: NodeJS.Immediate | null = null;
  // Timers run before sockets are read, immediates after.
  const timer = setTimeout(() => {
    hearing = setImmediate(over);
  }, limitMs);
  return () => {
    clearTimeout(timer);
    if (hearing !== null) clearImmediate(hearing);
  };
}
