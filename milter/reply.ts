// Answers as bytes of the milter wire: one-letter replies and custom SMTP replies (SMFIR_REPLYCODE). What goes out is
// ASCII, has no bare CR or LF, doubles `%` (Sendmail takes the text as a format) and keeps its lines short.
import type { SmtpReply } from '../pipeline/answer.js';
import { SMFIR } from './codes.js';
import { packet } from './packet.js';

/** Longest line of a custom reply, bytes, code included (RFC 5321 §4.5.3.1.5 says 512). */
export const REPLY_LINE_MAX_BYTES = 500;
/** Most lines of a custom reply; the rest is left out. */
export const REPLY_LINES_MAX = 32;
const REPLY_TEXT_MAX_CHARS = 16_384;

export const CONTINUE_PACKET = packet(SMFIR.CONTINUE);
export const PROGRESS_PACKET = packet(SMFIR.PROGRESS);
export const SKIP_PACKET = packet(SMFIR.SKIP);
export const DISCARD_PACKET = packet(SMFIR.DISCARD);

/** What a client is told when we could not judge: generic on purpose, detail goes to the log. */
export const UNAVAILABLE: SmtpReply = {
  code: 451,
  enhanced: '4.7.1',
  text: 'Service unavailable - try again later',
};

/** What a client is told about recipients over the limit (RFC 5321 §4.5.3.1.10). */
export const TOO_MANY_RECIPIENTS: SmtpReply = { code: 452, enhanced: '4.5.3', text: 'Too many recipients' };

/** What is said when no recipient was accepted and the content came all the same. */
export const NO_RECIPIENTS: SmtpReply = { code: 554, enhanced: '5.5.1', text: 'No valid recipients' };

/**
 * An SMTP reply as an SMFIR_REPLYCODE packet. `kind` gives the class where the reply's own code is not 4xx or 5xx; an
 * enhanced code of another class than the code is put right.
 */
export function encodeSmtpReply(reply: SmtpReply, kind: 'reject' | 'tempfail'): Buffer {
  const code = Number.isInteger(reply.code) && reply.code >= 400 && reply.code <= 599 ? reply.code : CLASS_CODE[kind];
  const codeClass = code >= 500 ? '5' : '4';
  const enhanced = /^[245]\.\d{1,3}\.\d{1,3}$/.test(reply.enhanced)
    ? codeClass + reply.enhanced.slice(1)
    : `${codeClass}.7.1`;
  const lines = wrap(reply.text, REPLY_LINE_MAX_BYTES - `${code} ${enhanced} `.length);
  const text = lines.map((line, i) => `${code}${i < lines.length - 1 ? '-' : ' '}${enhanced} ${line}`).join('\r\n');
  return packet(SMFIR.REPLYCODE, Buffer.from(`${text}\0`, 'latin1'));
}

const CLASS_CODE = { reject: 550, tempfail: 451 } as const;

/** Text as escaped lines of at most `widthMax` bytes each; never empty. */
function wrap(text: string, widthMax: number): string[] {
  const lines: string[] = [];
  for (const part of text.slice(0, REPLY_TEXT_MAX_CHARS).split(/\r\n|\r|\n/)) {
    let rest = printable(part).trim();
    while (rest !== '' && lines.length < REPLY_LINES_MAX) {
      const cut = cutAt(rest, widthMax);
      lines.push(rest.slice(0, cut).trimEnd().replaceAll('%', '%%'));
      rest = rest.slice(cut).trimStart();
    }
  }
  return lines.length === 0 ? ['Refused'] : lines;
}

function printable(text: string): string {
  return text.replace(/\t/g, ' ').replace(/[^\x20-\x7e]/g, '?');
}

/** How many characters fit into the width when each `%` counts twice; at a space where there is one. */
function cutAt(text: string, widthMax: number): number {
  let width = 0;
  let space = -1;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    width += char === '%' ? 2 : 1;
    if (width > widthMax) return space > 0 ? space : i;
    if (char === ' ') space = i;
  }
  return text.length;
}
