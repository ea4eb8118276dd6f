// The bounds of the parser and their defaults. Over a bound the rest is left unread and an oddity says so.

/** Every bound of one message's reading that a caller may set. Bounds that never need setting stand beside their use. */
export interface MessageLimits {
  /** Header fields kept per header block. */
  readonly headerCountMax: number;
  /** Bytes of one header block of which fields are kept. */
  readonly headerBytesMax: number;
  /** Nesting of parts, embedded messages included. */
  readonly depthMax: number;
  /** Parts in all. */
  readonly partsMax: number;
  /** URLs in all. */
  readonly urlsMax: number;
  /** Decoded text kept per part and in all, bytes. */
  readonly textPartBytesMax: number;
  readonly textBytesMax: number;
}

export const DEFAULT_LIMITS: MessageLimits = Object.freeze({
  headerCountMax: 2_000,
  headerBytesMax: 1_048_576,
  depthMax: 32,
  partsMax: 2_000,
  urlsMax: 10_000,
  textPartBytesMax: 2_097_152,
  textBytesMax: 8_388_608,
});
