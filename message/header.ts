// Header fields (RFC 5322 §2.2), raw and decoded, as offsets into the raw bytes.

export interface HeaderField {
  /** As written, bytes as latin1. */
  readonly name: string;
  /** Lower case, for comparison. */
  readonly key: string;
  /** Everything after the colon, bytes as latin1, folds kept as in the raw bytes, final line end dropped. */
  readonly rawValue: string;
  /** Unfolded, RFC 2047 decoded, charset to Unicode, outer blanks trimmed. */
  readonly value: string;
  /** Offsets into the raw bytes: first byte of the name, first byte after the colon, first byte after the final line end. */
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}
