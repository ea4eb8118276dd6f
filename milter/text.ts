// Bytes of names and addresses as strings: UTF-8 where they are valid UTF-8 (SMTPUTF8), else one character per byte.
import { isUtf8 } from 'node:buffer';

/** Never throws and never loses a byte's presence; for byte-exact echo keep the buffer. */
export function decodeText(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
}

/** Characters kept of a peer's text in a log line. */
const SHOWN_MAX_CHARS = 120;

/** Text of a peer made safe for one log line: printable ASCII, the rest as `\x..`, cut. */
export function shown(text: string): string {
  const cut = text.slice(0, SHOWN_MAX_CHARS);
  const escaped = cut.replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return text.length > SHOWN_MAX_CHARS ? `${escaped}...` : escaped;
}
