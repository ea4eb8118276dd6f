// What the front listener tells, turned into the house's words: a line of the text log as Postfix would write it, and an
// entry of the security log for everything that was turned away. Pure: events in, words out.
import type { RefusalEvent } from '../gateway/refusal-log.js';
import type { SecurityCategory } from '../logs/event.js';
import type { RefusalReason, ScreenEvent, ScreenPeer, TestName } from '../screen/event.js';

/** A line of the text log. */
export interface ScreenLine {
  readonly level: 'info' | 'warn';
  readonly text: string;
}

const LIMIT_WORDS: Readonly<Record<Extract<ScreenEvent, { kind: 'limit' }>['limit'], string>> = {
  address: 'too many connections of this address',
  network: 'too many connections of this network',
  connections: 'too many connections in all',
  screened: 'all screening ports are busy',
  handoffs: 'all server ports are busy',
  commands: 'COMMAND COUNT LIMIT',
  line: 'COMMAND LENGTH LIMIT',
  time: 'COMMAND TIME LIMIT',
};
const PROTOCOL_WORDS: Readonly<Record<Extract<ScreenEvent, { kind: 'protocol' }>['test'], string>> = {
  pipelining: 'COMMAND PIPELINING',
  nonSmtp: 'NON-SMTP COMMAND',
  bareNewline: 'BARE NEWLINE',
};
const DURING_WORDS = {
  greeting: 'tests before SMTP handshake',
  dialogue: 'tests after SMTP handshake',
  handoff: 'hand-off to the mail server',
} as const;

/** The line for an event. */
export function screenLine(event: ScreenEvent): ScreenLine {
  const level = event.kind === 'upstream' || event.kind === 'bad-header' || event.kind === 'state' ? 'warn' : 'info';
  return { level, text: wordsOf(event) };
}

function wordsOf(event: ScreenEvent): string {
  const who = showPeer(event);
  switch (event.kind) {
    case 'permit':
      return `ALLOWLISTED ${who}`;
    case 'deny':
      return `DENYLISTED ${who}`;
    case 'pregreet':
      return `PREGREET ${event.bytes} after ${seconds(event.afterMs)} from ${who}: ${event.text}`;
    case 'hangup':
      return `HANGUP after ${seconds(event.afterMs)} from ${who} in ${DURING_WORDS[event.during]}`;
    case 'dnsbl':
      return `DNSBL rank ${event.rank} for ${who}${showLists(event)}`;
    case 'protocol':
      return `${PROTOCOL_WORDS[event.test]} from ${who} ${event.text}`;
    case 'pass':
      return `PASS ${event.how === 'old' ? 'OLD' : 'NEW'} ${who}${event.mustReturn ? ' (must come again)' : ''}`;
    case 'refused':
      return `NOQUEUE: reject: ${PLACES[event.at].word} from ${who}: ${event.reply}${showSession(event)}`;
    case 'limit':
      return `${LIMIT_WORDS[event.limit]}: ${who}${showReply(event.reply)}`;
    case 'upstream':
      return `the mail server did not take ${who}: ${event.detail}${showReply(event.reply)}`;
    case 'bad-header':
      return `PROXY header from ${who}: ${event.detail}`;
    case 'state':
      return `passes are not remembered: ${event.detail}`;
  }
}

/** The entry of the security log; null where nobody was turned away. */
export function screenEntry(event: ScreenEvent): RefusalEvent | null {
  if (event.kind === 'refused') {
    const [first] = event.reasons;
    const place = PLACES[event.at].step;
    const why = first === undefined ? 'tested, must come again' : event.reasons.map(showReason).join('; ');
    return {
      ...entryOf(event, place, first === undefined ? 'postscreen' : categoryOf(first.test), why, event.reply),
      helo: event.helo,
      mailFrom: event.mailFrom,
      rcptTo: event.rcptTo,
    };
  }
  if (event.kind === 'limit' && event.reply !== null) {
    const step = AT_CONNECT.has(event.limit) ? 'connect' : 'protocol';
    return entryOf(event, step, 'policy', LIMIT_WORDS[event.limit].toLowerCase(), event.reply);
  }
  if (event.kind === 'upstream' && event.reply !== null)
    return entryOf(event, 'connect', 'reject', `the mail server did not take it: ${event.detail}`, event.reply);
  return null;
}

const AT_CONNECT: ReadonlySet<string> = new Set(['address', 'network', 'connections', 'screened', 'handoffs']);

/** Where a refusal was given: as Postfix names the place, and as a step of the session. */
const PLACES = {
  connect: { word: 'CONNECT', step: 'connect' },
  rcpt: { word: 'RCPT', step: 'rcpt' },
  vrfy: { word: 'VRFY', step: 'protocol' },
  command: { word: 'COMMAND', step: 'protocol' },
} as const satisfies Record<string, { readonly word: string; readonly step: RefusalEvent['step'] }>;

function entryOf(
  peer: ScreenPeer,
  step: RefusalEvent['step'],
  category: SecurityCategory,
  why: string,
  reply: string,
): RefusalEvent {
  return {
    sessionId: showPeer(peer),
    step,
    clientAddress: peer.clientAddress,
    clientName: null,
    helo: null,
    login: null,
    mailFrom: null,
    rcptTo: null,
    category,
    event: `${why} (${reply})`,
    findings: [],
  };
}

function categoryOf(test: TestName): SecurityCategory {
  if (test === 'deny') return 'block-list';
  return test === 'dnsbl' ? 'dnsbl' : 'postscreen';
}

function showReason({ test, detail }: RefusalReason): string {
  return detail === '' ? test : `${test}: ${detail}`;
}

function showPeer({ clientAddress, clientPort }: ScreenPeer): string {
  return `[${clientAddress}]:${clientPort}`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(ms < 1_000 ? 2 : 1);
}

function showLists(event: Extract<ScreenEvent, { kind: 'dnsbl' }>): string {
  const hits = event.hits.map(({ list, points, codes }) => `${list} ${points} ${codes.join(' ')}`);
  const silent = event.silent.length === 0 ? [] : [`no answer: ${event.silent.join(' ')}`];
  const shown = [...hits, ...silent].join(', ');
  return shown === '' ? '' : ` (${shown})`;
}

function showSession(event: Extract<ScreenEvent, { kind: 'refused' }>): string {
  if (event.at === 'connect') return '';
  const envelope = [
    event.mailFrom === null ? null : `from=<${event.mailFrom}>`,
    event.rcptTo === null ? null : `to=<${event.rcptTo}>`,
    `proto=${event.protocol}`,
    event.helo === null ? null : `helo=<${event.helo}>`,
  ];
  return `; ${envelope.filter((part) => part !== null).join(', ')}`;
}

function showReply(reply: string | null): string {
  return reply === null ? '' : ` (${reply})`;
}
