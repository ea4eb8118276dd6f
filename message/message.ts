// One message, read once: the exact bytes it came as, and what they mean. Immutable; every reading beyond the token
// tables is worked out when first asked for and kept. Malformed mail never throws: what is odd is a fact (`oddities`).
import type { Address } from './address.js';
import type { HeaderField } from './header.js';
import type { Oddity } from './oddity.js';
import type { Part } from './mime.js';
import type { Url } from './url.js';

/** Every bound of the parser, named. Over a bound the rest is left unread and an oddity says so. */
export interface MessageLimits {
  readonly headerCountMax: number;
  readonly headerBytesMax: number;
  readonly depthMax: number;
  readonly partsMax: number;
  readonly urlsMax: number;
  /** Decoded text kept per part and in all, bytes. */
  readonly textPartBytesMax: number;
  readonly textBytesMax: number;
}

/** A text part as a reader sees it. */
export interface Text {
  readonly part: Part;
  readonly kind: 'plain' | 'html';
  /** Decoded: transfer encoding undone, charset to Unicode. For HTML this is the source. */
  readonly source: string;
  /** What a reader sees: equals `source` for plain text; HTML rendered, hidden text left out. */
  readonly visible: string;
  /** Text an HTML part hides from its reader ('' for plain). */
  readonly hidden: string;
}

/** A part that is offered as a file: named, or neither text nor multipart. */
export interface Attachment {
  readonly part: Part;
  /** File name decoded (RFC 2231, 2047, raw 8-bit), without any path; '' when it has none. */
  readonly name: string;
  /** Every other name some reader could take: Content-Type name, undecoded forms, each distinct. */
  readonly otherNames: readonly string[];
  /** `type/subtype` in lower case as declared. */
  readonly declaredType: string;
  /** Content with the transfer encoding undone. */
  readonly content: Buffer;
  readonly sizeBytes: number;
  /** Hex SHA-256 of `content`. */
  readonly sha256: string;
  /** What the bytes are, whatever they are called: media type and usual extension, or null when nothing is recognised. */
  trueType(): Promise<{ readonly mediaType: string; readonly extension: string } | null>;
}

/** One further way some reader could take the same bytes; antivirus scans each. */
export interface Reading {
  /** Why it differs, e.g. `duplicate Content-Transfer-Encoding: base64`. */
  readonly reason: string;
  readonly content: Buffer;
}

export interface Message {
  /** Exactly the bytes received. */
  readonly raw: Buffer;
  readonly limits: MessageLimits;
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
  /** Grows as readings are derived: header and MIME oddities are there after `parts` was read. */
  readonly oddities: readonly Oddity[];
  /** Plausible readings other than the RFC's; at most `READINGS_MAX`. */
  readings(): readonly Reading[];
  /** Hex SHA-256 of `raw`. */
  readonly sha256: string;
}
