// What of a message is scanned: the whole, each part with its transfer encoding undone, and each further plausible
// reading; every content once, within bounds. What falls outside a bound is named, never left out in silence.
import { createHash } from 'node:crypto';
import type { Message } from '../../message/message.js';
import { showName } from '../evidence.js';
import { unreadOf } from '../unread.js';

/** One content to scan. */
export interface Content {
  /** Where it is, safe to log: `whole message`, `part 1.2 "name"`, `reading: reason`. */
  readonly where: string;
  readonly whole: boolean;
  readonly bytes: Buffer;
  /** Hex SHA-256 of `bytes`. */
  readonly sha256: string;
}

export interface ContentLimits {
  readonly streamMaxBytes: number;
  readonly scansMax: number;
  readonly scanBytesMax: number;
}

export interface Contents {
  readonly toScan: readonly Content[];
  /** What may not be scanned and why, safe to log. */
  readonly unscanned: readonly string[];
}

/** Gathers what is to be scanned of a message. `truncated`: the message was cut on its way here. */
export function contentsOf(message: Message, truncated: boolean, limits: ContentLimits): Contents {
  const toScan: Content[] = [];
  const unscanned: string[] = [];
  const seen = new Set<string>();
  let bytesTotal = 0;
  if (truncated) unscanned.push('the message was cut at the size limit');
  for (const { where, bytes, sha256 } of candidates(message)) {
    if (bytes.length === 0) continue;
    if (bytes.length > limits.streamMaxBytes) {
      unscanned.push(`${where}: ${bytes.length} bytes, ${limits.streamMaxBytes} allowed`);
      continue;
    }
    const hash = sha256 ?? createHash('sha256').update(bytes).digest('hex');
    if (seen.has(hash)) continue;
    seen.add(hash);
    if (toScan.length === limits.scansMax || bytesTotal + bytes.length > limits.scanBytesMax) {
      const limit = toScan.length === limits.scansMax ? `${limits.scansMax} contents` : `${limits.scanBytesMax} bytes`;
      unscanned.push(`${where} and what follows: over ${limit} in all`);
      break;
    }
    bytesTotal += bytes.length;
    toScan.push({ where, whole: toScan.length === 0 && bytes === message.raw, bytes, sha256: hash });
  }
  unscanned.push(...unreadOf(message));
  return { toScan, unscanned };
}

interface Candidate {
  readonly where: string;
  readonly bytes: Buffer;
  /** Where it is known to be that of `bytes`. A wrong one would mark other bytes as clean. */
  readonly sha256?: string;
}

function* candidates(message: Message): Generator<Candidate> {
  yield { where: 'whole message', bytes: message.raw, sha256: message.sha256 };
  for (const part of message.parts) {
    // A multipart is the sum of its children; an embedded message is a file of its own as well.
    if (part.children.length > 0 && !part.type.startsWith('message/')) continue;
    const name = part.name === '' ? '' : ` ${showName(part.name)}`;
    yield { where: `part ${part.path === '' ? 'body' : part.path}${name}`, bytes: part.content() };
  }
  // Files within a text (uuencode) belong to the text's part and are contents of their own.
  for (const { name, part, content } of message.attachments) {
    if (content !== part.content()) yield { where: `file ${showName(name)} within part ${part.path}`, bytes: content };
  }
  for (const { reason, content } of message.readings()) yield { where: `reading: ${showName(reason)}`, bytes: content };
}
