// What clamd answers to INSTREAM (clamd(8)), read three ways: clean, infected, and everything else, which is an error.
// Only the exact words count; a reply that merely contains `OK` is not clean.
import { EngineError } from './engine-error.js';

/** One content's result. `over-limit`: the engine refused it for its size, so it is neither clean nor infected. */
export type ScanReply =
  | { readonly kind: 'clean' }
  | { readonly kind: 'infected'; readonly signature: string }
  | { readonly kind: 'over-limit' };

const PREFIX = 'stream: ';
const FOUND = ' FOUND';
const SIZE_LIMIT = 'INSTREAM size limit exceeded. ERROR';

/** Longest signature name kept, characters. */
const SIGNATURE_MAX_CHARS = 128;

/** Longest piece of a strange reply quoted in an error, characters. */
const QUOTED_MAX_CHARS = 80;

/** Reads one whole reply, its terminator taken off. Throws EngineError `engine` or `garbage`. */
export function readScanReply(reply: string): ScanReply {
  if (reply === 'stream: OK') return { kind: 'clean' };
  if (reply === SIZE_LIMIT) return { kind: 'over-limit' };
  if (reply.startsWith(PREFIX) && reply.endsWith(FOUND)) {
    const signature = reply.slice(PREFIX.length, -FOUND.length);
    if (/^[!-~]+$/.test(signature)) return { kind: 'infected', signature: signature.slice(0, SIGNATURE_MAX_CHARS) };
  }
  const quoted = JSON.stringify(reply.slice(0, QUOTED_MAX_CHARS));
  if (reply.endsWith(' ERROR')) throw new EngineError('engine', `clamd reports ${quoted}`);
  throw new EngineError('garbage', `not an answer of clamd: ${quoted}`);
}

/** What VERSION tells. */
export interface EngineVersion {
  /** As sent: the key under which clean results hold. */
  readonly text: string;
  /** Program and its version, e.g. `ClamAV 1.4.6`. */
  readonly engine: string;
  /** Number of the daily signatures, or null where there are none (only signatures of one's own). */
  readonly signatures: number | null;
  /** When these were made, ms since the epoch (clamd gives its local time without a zone; read as ours), or null. */
  readonly signaturesTime: number | null;
}

/** Reads `ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2026` or `ClamAV 1.4.6`. Throws EngineError `garbage`. */
export function readVersion(reply: string): EngineVersion {
  const text = reply.trim();
  if (!/^ClamAV [ -~]{1,200}$/.test(text)) {
    throw new EngineError('garbage', `not a version of clamd: ${JSON.stringify(text.slice(0, QUOTED_MAX_CHARS))}`);
  }
  const [engine = '', number = '', date = ''] = text.split('/');
  const time = date === '' ? NaN : Date.parse(date);
  return {
    text,
    engine,
    signatures: /^[0-9]{1,9}$/.test(number) ? Number(number) : null,
    signaturesTime: Number.isNaN(time) ? null : time,
  };
}
