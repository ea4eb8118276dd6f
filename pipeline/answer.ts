// What goes back to the MTA: one reply and the edits it must make, as one batch. Protocol folders turn it into bytes.

/** An SMTP reply. `code` 4xx or 5xx; `enhanced` as RFC 3463; the text is one line of printable ASCII. */
export interface SmtpReply {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

/** One change to the message or its envelope. Header values are bytes as latin1, folds as `\n` + blank, no trailing newline. */
export type Edit =
  | { readonly kind: 'add-header'; readonly name: string; readonly value: string }
  /** Before all headers the filter saw (index 0 for milter). */
  | { readonly kind: 'prepend-header'; readonly name: string; readonly value: string }
  /** `occurrence` counts from 1 among headers of that name, case-insensitive, in message order, before any edit. */
  | { readonly kind: 'change-header'; readonly name: string; readonly occurrence: number; readonly value: string }
  | { readonly kind: 'delete-header'; readonly name: string; readonly occurrence: number }
  | { readonly kind: 'replace-body'; readonly body: Buffer }
  | { readonly kind: 'add-recipient'; readonly address: string }
  /** `given` exactly as the MTA gave it. */
  | { readonly kind: 'delete-recipient'; readonly given: string }
  | { readonly kind: 'change-sender'; readonly address: string };

/** The answer for a whole message. `accept` delivers with the edits; the others make no edits. */
export type Answer =
  | { readonly kind: 'accept'; readonly edits: readonly Edit[] }
  | { readonly kind: 'reject'; readonly reply: SmtpReply }
  | { readonly kind: 'tempfail'; readonly reply: SmtpReply }
  | { readonly kind: 'discard' };

/** The answer at a stage before the content: go on, or refuse this command. */
export type EnvelopeAnswer =
  { readonly kind: 'continue' } | { readonly kind: 'reject' | 'tempfail'; readonly reply: SmtpReply };

export const CONTINUE: EnvelopeAnswer = { kind: 'continue' };
