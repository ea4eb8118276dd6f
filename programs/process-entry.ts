// How a process under the supervisor begins and ends: its first order starts the role, later ones are obeyed in turn, and
// it ends in order when told to or when the supervisor is gone. Never leaves a process behind that nobody speaks to.
import type { TextLog } from '../logs/text-log.js';
import { failStart, openOrderChannel, type OrderChannel } from './order-channel.js';
import type { Order, StartOrder } from './process-messages.js';

/** EX_SOFTWARE of sysexits.h. */
const EXIT_SOFTWARE = 70;

/** A role that has started. */
export interface Part {
  obey(order: Order): void;
  /** Ends the process in order; safe to call again. */
  end(): Promise<void>;
}

/** Waits for the start order and plays the part that `start` makes of it. Gives what ends the process, started or not. */
export function playPart(start: (order: StartOrder, channel: OrderChannel) => Promise<Part>): () => void {
  let part: Promise<Part> | null = null;
  const end = (): void => void (part === null ? process.exit(0) : part.then((it) => it.end(), failStart));
  const channel = openOrderChannel((order) => {
    if (order.kind === 'start') {
      part = start(order, channel);
      part.catch(failStart);
    } else void part?.then((it) => it.obey(order), failStart);
  }, end);
  return end;
}

/** A bug ends the process; what a worker had in hand gets a temporary failure and is tried alone when it comes again. */
export function watchBugs(text: TextLog): void {
  process.on('uncaughtException', (error) => {
    text.fatal({ err: error }, 'bug: the process ends');
    process.exit(EXIT_SOFTWARE);
  });
}

/** Closes what the process has, then exits: with code 0 only when all of it closed. */
export async function exitInOrder(text: TextLog, close: () => Promise<void>): Promise<void> {
  try {
    await close();
    process.exit(0);
  } catch (error) {
    text.error({ err: error }, 'could not end in order');
    process.exit(EXIT_SOFTWARE);
  }
}
