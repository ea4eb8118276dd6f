// An update of rules in a process of its own: what is fetched and unpacked is a stranger's, and reading thousands of rules
// keeps an event loop busy for seconds, which the admin process has better uses for. Both sides of it; plain data between.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ReloadResult } from '../process-messages.js';
import { readSettings } from '../settings.js';
import type { ChannelReport, UpdateOrder } from './report.js';
import { updateRules } from './updater.js';

/** Most memory of the process for objects, MB. */
const HEAP_MAX_MB = 1_024;

type ToChild =
  | { readonly kind: 'order'; readonly order: UpdateOrder; readonly file: string | null }
  | { readonly kind: 'reloaded'; readonly result: ReloadResult }
  | { readonly kind: 'not-reloaded'; readonly reason: string };

type FromChild =
  | { readonly kind: 'reload' }
  | { readonly kind: 'done'; readonly reports: readonly ChannelReport[] }
  | { readonly kind: 'failed'; readonly reason: string };

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Carries an order out in a process of its own, which dies with `signal`. Rejects as `updateRules` does. */
export function updateInChild(
  order: UpdateOrder,
  file: string | null,
  reload: () => Promise<ReloadResult>,
  signal: AbortSignal,
): Promise<readonly ChannelReport[]> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./child-entry.js', import.meta.url)), [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [`--max-old-space-size=${HEAP_MAX_MB}`],
    });
    // A channel that breaks is told by the exit of the process.
    const tell = (message: ToChild): void => void (child.connected && child.send(message, () => undefined));
    const end = (conclude: () => void): void => {
      child.kill('SIGKILL');
      conclude();
    };
    child.on('message', (raw) => {
      const message = raw as FromChild;
      if (message.kind === 'done') end(() => resolve(message.reports));
      else if (message.kind === 'failed') end(() => reject(new Error(message.reason)));
      else
        void reload().then(
          (result) => tell({ kind: 'reloaded', result }),
          (error: unknown) => tell({ kind: 'not-reloaded', reason: reasonOf(error) }),
        );
    });
    child.once('error', (error) => end(() => reject(error)));
    child.once('exit', (code, how) => reject(new Error(`the process that updates rules ended (${how ?? code ?? 0})`)));
    const abort = (): void => end(() => reject(new Error('the update was called off')));
    signal.addEventListener('abort', abort, { once: true });
    child.once('exit', () => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    tell({ kind: 'order', order, file });
  });
}

/** The updating side: takes one order, tells what became of it, and is ended; it also ends when nobody listens. */
export function runUpdateProcess(): void {
  const say = (message: FromChild): void => void process.send?.(message);
  let onReload: ((answer: Exclude<ToChild, { readonly kind: 'order' }>) => void) | null = null;
  const reload = (): Promise<ReloadResult> =>
    new Promise((resolve, reject) => {
      onReload = (answer) => {
        if (answer.kind === 'reloaded') resolve(answer.result);
        else reject(new Error(answer.reason));
      };
      say({ kind: 'reload' });
    });
  process.once('disconnect', () => process.exit(0));
  process.on('message', (raw) => {
    const message = raw as ToChild;
    if (message.kind !== 'order') return onReload?.(message);
    const { order, file } = message;
    const read = () => readSettings(file ?? undefined);
    updateRules(order, { read, reload, signal: new AbortController().signal }).then(
      (reports) => say({ kind: 'done', reports }),
      (error: unknown) => say({ kind: 'failed', reason: reasonOf(error) }),
    );
  });
}
