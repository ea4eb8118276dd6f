// The MIME tree (RFC 2045, 2046) of one reading.
import type { HeaderField } from './header.js';

export interface Part {
  /** `1`, `1.2`, … as IMAP numbers them; '' for the root. */
  readonly path: string;
  readonly depth: number;
  readonly headers: readonly HeaderField[];
  /** `type/subtype`, lower case; the RFC's default where missing or broken. */
  readonly type: string;
  readonly typeParams: ReadonlyMap<string, string>;
  readonly disposition: string | null;
  readonly dispositionParams: ReadonlyMap<string, string>;
  /** Lower case; `7bit` when missing. */
  readonly transferEncoding: string;
  readonly contentId: string | null;
  /** File name decoded, or ''. */
  readonly name: string;
  /** Range of the encoded body in the raw bytes of the message (or of `container` for a decoded embedded message). */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly children: readonly Part[];
  readonly parent: Part | null;
  /** Transfer encoding undone; worked out once, when asked for. */
  content(): Buffer;
}
