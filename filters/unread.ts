// Where a message is over a limit of its own reading, so that there are parts, files or readings which nobody worked
// out: what a stage that must look at everything has to say so of.
import type { Message } from '../message/message.js';
import { ODDITIES, type OddityCode } from '../message/oddity.js';

const UNREAD: ReadonlySet<OddityCode> = new Set<OddityCode>([
  'LINES_LIMIT',
  'HEADER_COUNT_LIMIT',
  'HEADER_BYTES_LIMIT',
  'MIME_DEPTH_LIMIT',
  'MIME_PARTS_LIMIT',
  'ATTACHMENTS_LIMIT',
  'READINGS_LIMIT',
]);

/** One line per limit passed, safe to log; empty where all was read. Works out parts, attachments and readings first. */
export function unreadOf(message: Message): readonly string[] {
  // Oddities grow while these are derived.
  void message.parts.length;
  void message.attachments.length;
  void message.readings().length;
  const codes = new Set(message.oddities.map(({ code }) => code).filter((code) => UNREAD.has(code)));
  return [...codes].map((code) => `${code}: ${ODDITIES[code]}`);
}
