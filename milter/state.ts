// The states of one milter connection and what may come in each (libmilter engine.c's table). Data and one question.
import { SMFIC } from './codes.js';

/** Named after the last event seen. */
export type State = 'INIT' | 'OPTS' | 'CONN' | 'HELO' | 'MAIL' | 'RCPT' | 'DATA' | 'HDRS' | 'EOH' | 'BODY';

const { CONNECT, HELO, MAIL, RCPT, DATA, HEADER, EOH, BODY, BODYEOB, UNKNOWN, OPTNEG, MACRO, ABORT, QUIT, QUIT_NC } =
  SMFIC;
const ALWAYS = [MACRO, ABORT, QUIT, QUIT_NC];

/** A stage the peer was asked to leave out, or leaves out by itself, is skipped: RCPT may jump to the body or the end. */
const LEGAL: Readonly<Record<State, ReadonlySet<number>>> = {
  INIT: new Set([OPTNEG]),
  OPTS: new Set([...ALWAYS, CONNECT, UNKNOWN]),
  CONN: new Set([...ALWAYS, HELO, MAIL, UNKNOWN]),
  HELO: new Set([...ALWAYS, HELO, MAIL, UNKNOWN]),
  MAIL: new Set([...ALWAYS, RCPT, UNKNOWN]),
  RCPT: new Set([...ALWAYS, RCPT, DATA, HEADER, EOH, BODY, BODYEOB, UNKNOWN]),
  DATA: new Set([...ALWAYS, HEADER, EOH, BODY, BODYEOB]),
  HDRS: new Set([...ALWAYS, HEADER, EOH, BODY, BODYEOB]),
  EOH: new Set([...ALWAYS, BODY, BODYEOB]),
  BODY: new Set([...ALWAYS, BODY, BODYEOB]),
};

/** Whether a command (an SMFIC code) may come in a state. */
export function isLegal(state: State, command: number): boolean {
  return LEGAL[state].has(command);
}
