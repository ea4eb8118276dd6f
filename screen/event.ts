// What the front listener tells of a connection: one event per thing that happened, with all that was known then. The
// words of a client are data here: escaped and bounded before they are told.
import type { DeepTest, TestAction } from './settings.js';

/** Every test a client can fail. */
export type TestName = 'deny' | 'pregreet' | 'dnsbl' | 'backup' | DeepTest;

/** The two ends of a connection; `serverAddress` is what the client connected to. Addresses in their usual form. */
export interface ScreenPeer {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
}

/** A list that a client is on. */
export interface ListHit {
  /** What it is called in settings; holds no key. */
  readonly list: string;
  readonly points: number;
  /** Answers that counted. */
  readonly codes: readonly string[];
}

/** Why a client is refused; the first is the first that was found. */
export interface RefusalReason {
  readonly test: TestName;
  readonly action: TestAction;
  readonly detail: string;
}

/** Which bound was met. `time`: a command was late. */
export type LimitName = 'address' | 'network' | 'connections' | 'screened' | 'handoffs' | 'commands' | 'line' | 'time';

/**
 * `permit`, `deny`: by list. `pregreet`: talked before the greeting ended. `hangup`: gone before anything was decided.
 * `dnsbl`: the sum of the lists. `protocol`: failed a deep test. `pass`: handed on (`old` by an earlier pass, `allowed` by
 * the sum of the lists), or with `mustReturn` told to come again. `refused`: a reply that turned a client, a recipient or
 * VRFY away (also 450 for those who must come again: `reasons` is empty). `limit`: a bound. `upstream`: the MTA did not
 * take a client. `bad-header`: a balancer's PROXY header. `state`: pass records could not be read or written.
 */
export type ScreenEvent = ScreenPeer &
  (
    | { readonly kind: 'permit' }
    | { readonly kind: 'deny'; readonly action: TestAction }
    | { readonly kind: 'pregreet'; readonly bytes: number; readonly afterMs: number; readonly text: string }
    | { readonly kind: 'hangup'; readonly afterMs: number; readonly during: 'greeting' | 'dialogue' | 'handoff' }
    | {
        readonly kind: 'dnsbl';
        readonly rank: number;
        readonly hits: readonly ListHit[];
        /** Lists that had not answered. */
        readonly silent: readonly string[];
      }
    | {
        readonly kind: 'protocol';
        readonly test: DeepTest;
        readonly afterMs: number;
        /** The command before it, and what gave it away. */
        readonly text: string;
      }
    | { readonly kind: 'pass'; readonly how: 'new' | 'old' | 'allowed'; readonly mustReturn: boolean }
    | {
        readonly kind: 'refused';
        readonly at: 'connect' | 'rcpt' | 'vrfy' | 'command';
        readonly reply: string;
        readonly reasons: readonly RefusalReason[];
        readonly helo: string | null;
        readonly protocol: 'SMTP' | 'ESMTP';
        readonly tls: boolean;
        readonly mailFrom: string | null;
        readonly rcptTo: string | null;
      }
    | { readonly kind: 'limit'; readonly limit: LimitName; readonly reply: string | null }
    | { readonly kind: 'upstream'; readonly detail: string; readonly reply: string | null }
    | { readonly kind: 'bad-header'; readonly detail: string }
    | { readonly kind: 'state'; readonly detail: string }
  );

/** Longest text of a client in an event, characters. */
export const SHOWN_CHARS_MAX = 100;

/** Bytes as printable ASCII, C-style escapes for the rest, at most `maxChars` of them. */
export function showBytes(bytes: Buffer, maxChars: number = SHOWN_CHARS_MAX): string {
  let shown = '';
  for (const byte of bytes.subarray(0, maxChars)) {
    const next = showByte(byte);
    if (shown.length + next.length > maxChars) break;
    shown += next;
  }
  return shown;
}

const NAMED: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };

function showByte(byte: number): string {
  const named = NAMED[byte];
  if (named !== undefined) return named;
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
}
