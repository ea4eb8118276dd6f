// The process's side of the channel to the supervisor: hands orders on, says reports, asks questions. When the supervisor
// is gone the process must go too, in order.
import type { Order, Report } from './process-messages.js';

/** Longest wait for the supervisor's answer to a question, ms. */
export const ASK_MS = 60_000;

export interface OrderChannel {
  say(report: Report): void;
  /** Asks the supervisor; rejects when it does not answer in time. */
  ask(what: 'status' | 'reload'): Promise<unknown>;
}

/**
 * Listens to the supervisor. `onOrder` gets every order but answers; `onAlone` is called once when the supervisor is
 * gone. Signals meant for the supervisor (a terminal sends them to all) are left to it.
 */
export function openOrderChannel(onOrder: (order: Order) => void, onAlone: () => void): OrderChannel {
  let lastId = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  // A report that cannot be sent is worthless: the supervisor is gone, and `onAlone` was or will be called.
  const say = (report: Report): void => void (process.connected && process.send?.(report, () => undefined));
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => undefined);
  process.once('disconnect', onAlone);
  process.on('message', (raw) => {
    const order = raw as Order;
    if (order.kind !== 'answer') return onOrder(order);
    waiting.get(order.id)?.(order.result);
    waiting.delete(order.id);
  });
  return {
    say,
    ask: (what) =>
      new Promise((resolve, reject) => {
        const id = (lastId += 1);
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Error('the supervisor does not answer'));
        }, ASK_MS);
        waiting.set(id, (result) => {
          clearTimeout(timer);
          resolve(result);
        });
        say({ kind: 'ask', id, what });
      }),
  };
}

/** Ends the process with what went wrong, told to the supervisor first. */
export function failStart(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  const end = (): never => process.exit(1);
  if (process.connected !== true || process.send === undefined) end();
  process.send?.({ kind: 'failed', reason } satisfies Report, end);
}
