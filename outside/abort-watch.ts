// Many who wait on one signal, with one listener on it: the runtime takes more than ten for a leak and complains.

const watchers = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `act` once when the signal is aborted. The function given back ends the watch. */
export function watchAbort(signal: AbortSignal, act: () => void): () => void {
  const acts = watchers.get(signal) ?? startWatch(signal);
  acts.add(act);
  return () => acts.delete(act);
}

/** The listener stays as long as the signal does, which is a message's time. */
function startWatch(signal: AbortSignal): Set<() => void> {
  const acts = new Set<() => void>();
  watchers.set(signal, acts);
  const abort = (): void => {
    for (const act of acts) act();
    acts.clear();
  };
  signal.addEventListener('abort', abort, { once: true });
  return acts;
}
