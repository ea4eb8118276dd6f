// How clients at the door are scripted: what a case says of itself, and the ways of talking that cases share. A case runs
// the same against Postfix's own postscreen and against ours, and gives what the client saw in short words.
import { Caller, type Door } from '../ground/caller.js';

/** Settings that the doors are set up with. */
export type Setup = 'enforce' | 'ignore' | 'drop' | 'deep' | 'unmanned';

/** What the DNS lists of the test say of one client: addresses by list, or `servfail` or `silent`. */
export type Listed = Readonly<Record<string, string>>;

export interface ScreenCase {
  readonly name: string;
  readonly setup: Setup;
  readonly listed?: Listed;
  /** The client's address as an access list has it. */
  readonly access?: 'permit' | 'reject';
  run(door: Door, from: string): Promise<readonly string[]>;
  /** What postscreen's client sees. */
  readonly sees: readonly string[];
  /** What ours sees where that differs, and why. */
  readonly ours?: { readonly sees: readonly string[]; readonly because: string };
}

/** When early talkers talk, ms after they connect: well before the wait is over. */
export const EARLY_MS = 300;
/** Connections that one client may have, as the doors are set up. */
export const CLIENT_CONNECTIONS_MAX = 5;
/** Commands that the dummy engine takes, as the doors are set up. */
export const COMMANDS_MAX = 10;
/** Longer than any line either server takes. */
export const LINE_TOO_LONG = 'x'.repeat(4_096);

export const EHLO = 'EHLO client.test';
export const MAIL = 'MAIL FROM:<anna@away.test>';
export const RCPT = 'RCPT TO:<ben@house.test>';

export const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Connects, runs, hangs up. */
export async function call(
  door: Door,
  from: string,
  work: (caller: Caller) => Promise<readonly string[]>,
): Promise<string[]> {
  const caller = await Caller.open(door, from);
  try {
    return [...(await work(caller))];
  } finally {
    caller.hangUp();
  }
}

/** Waits for the greeting, then says these commands. */
export const politely =
  (...commands: readonly string[]) =>
  (door: Door, from: string): Promise<string[]> =>
    call(door, from, async (caller) => [await caller.greeting(), ...(await caller.talk(...commands))]);

/** Talks before the greeting, then goes on as if nothing were. */
export const early =
  (first: string, ...commands: readonly string[]) =>
  (door: Door, from: string): Promise<string[]> =>
    call(door, from, async (caller) => {
      await pause(EARLY_MS);
      caller.send(first);
      return [await caller.reply(), ...(await caller.talk(...commands))];
    });

/** As `politely`, then what becomes of the connection. */
export const toTheEnd =
  (...commands: readonly string[]) =>
  (door: Door, from: string): Promise<string[]> =>
    call(door, from, async (caller) => {
      const said = [await caller.greeting(), ...(await caller.talk(...commands))];
      return [...said, await caller.closed()];
    });

/** A whole good visit. */
export const deliver = politely(EHLO, MAIL, RCPT, 'QUIT');
