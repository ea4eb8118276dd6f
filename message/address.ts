// Addresses of header fields (RFC 5322 §3.4), as a tolerant reader finds them.

/** One mailbox. */
export interface Address {
  /** Display name, decoded; '' when none. */
  readonly name: string;
  /** `local@domain` as written, comments and source route dropped; may lack a domain on broken input. */
  readonly address: string;
  /** Name of the group it stood in, or null. */
  readonly group: string | null;
}
