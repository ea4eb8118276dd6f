// One message, read once: the exact bytes it came as, and what they mean. Immutable; every reading beyond the token
// tables is worked out when first asked for and kept. Malformed mail never throws: what is odd is a fact (`oddities`).
import type { Address } from './address.js';
import type { Attachment } from './attachment.js';
import type { HeaderField } from './header.js';
import type { MessageLimits } from './limits.js';
import type { Oddity } from './oddity.js';
import type { Part } from './mime.js';
import type { Reading } from './readings.js';
import type { Text } from './text.js';
import type { Tokens } from './tokens.js';
import type { Url } from './url.js';

export type { Attachment, MessageLimits, Reading, Text };

export interface Message {
  /** Exactly the bytes received. */
  readonly raw: Buffer;
  readonly limits: MessageLimits;
  /** Line starts, delimiter-like lines and counts of the raw bytes: the ground on which every reading stands. */
  readonly tokens: Tokens;
  /** Offset of the first body byte (= raw.length when there is no body). */
  readonly bodyOffset: number;
  /** Message order. */
  readonly headers: readonly HeaderField[];
  /** All fields of that name, case-insensitive, message order. */
  headersNamed(name: string): readonly HeaderField[];
  /** Decoded value of the first such field, or null. */
  header(name: string): string | null;
  /** Addresses of all fields of that name (RFC 5322 address lists, groups opened, comments dropped). */
  addresses(name: string): readonly Address[];
  readonly messageId: string | null;
  readonly subject: string | null;
  /** The RFC's reading. */
  readonly root: Part;
  /** All parts, depth first, root included. */
  readonly parts: readonly Part[];
  readonly texts: readonly Text[];
  readonly attachments: readonly Attachment[];
  readonly urls: readonly Url[];
  /**
   * Grows as readings are derived: lines and header fields at once, MIME after `parts` was read, names after
   * `attachments`, charsets after a text was read, content encodings after `readings()`.
   */
  readonly oddities: readonly Oddity[];
  /** Plausible readings other than the RFC's; at most `READINGS_MAX`. */
  readings(): readonly Reading[];
  /** Hex SHA-256 of `raw`. */
  readonly sha256: string;
}
