// A message that no process survives must not be read, yet it must be judged, held and logged. The gateway is given a
// harmless stand-in for its content; what it then keeps and logs is put back here. The original is never parsed.
import { createHash } from 'node:crypto';
import type { LogWriter } from '../logs/event.js';
import type { Quarantine } from '../quarantine/quarantine.js';

/** Header bytes searched for the lines that tell an operator which message it is. */
const SEARCH_MAX_BYTES = 65_536;
/** Longest line taken, bytes. */
const LINE_MAX_BYTES = 998;
const KEPT_FIELDS: readonly string[] = ['message-id', 'subject'];

/** Stand-ins in use, and what they stand for. */
export class StandIns {
  private readonly originals = new WeakMap<Buffer, Buffer>();
  /** SHA-256 of stand-in to that of its original, while the message is in hand. */
  private readonly hashes = new Map<string, string>();

  /** A small message with the Message-ID and Subject of `content`, as far as they are single plain lines. */
  make(content: Buffer): { readonly content: Buffer; readonly forget: () => void } {
    const standIn = Buffer.from(`${findLines(content).join('')}\r\n`, 'latin1');
    const hash = sha256(standIn);
    this.originals.set(standIn, content);
    this.hashes.set(hash, sha256(content));
    return { content: standIn, forget: () => void this.hashes.delete(hash) };
  }

  /** A quarantine that keeps the original in place of its stand-in. */
  quarantine(inner: Quarantine): Quarantine {
    return {
      add: (entry) => inner.add({ ...entry, content: this.originals.get(entry.content) ?? entry.content }),
      get: (id) => inner.get(id),
      list: (filter, limit, before) => inner.list(filter, limit, before),
      content: (id) => inner.content(id),
      release: (id, rcptTo) => inner.release(id, rcptTo),
      delete: (id, rcptTo) => inner.delete(id, rcptTo),
      expire: (now, retention) => inner.expire(now, retention),
      countExpired: (now, retention) => inner.countExpired(now, retention),
    };
  }

  /** A log that names the hash of the original. */
  log(inner: LogWriter): LogWriter {
    return {
      write: (event) => {
        const contentSha256 = event.kind === 'message' ? this.hashes.get(event.contentSha256) : undefined;
        return inner.write(
          event.kind === 'message' && contentSha256 !== undefined ? { ...event, contentSha256 } : event,
        );
      },
    };
  }
}

/** The first line of each kept field, printable ASCII only, found by nothing but a search for line ends. */
function findLines(content: Buffer): readonly string[] {
  const head = content.subarray(0, SEARCH_MAX_BYTES);
  const found = new Map<string, string>();
  for (let at = 0; at < head.length;) {
    const newline = head.indexOf(10, at);
    const end = newline === -1 ? head.length : newline;
    if (end === at || (end === at + 1 && head[at] === 13)) break;
    const line = head.toString('latin1', at, Math.min(end, at + LINE_MAX_BYTES));
    const name = line.slice(0, Math.max(0, line.indexOf(':'))).toLowerCase();
    if (KEPT_FIELDS.includes(name) && !found.has(name))
      found.set(name, `${line.replace(/[^ -~]/g, ' ').trimEnd()}\r\n`);
    at = end + 1;
  }
  return [...found.values()];
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
