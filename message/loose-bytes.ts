// Looks at bytes apart from the MIME tree, for the further readings: where an entity begins within a text, which lines are
// base64, what the bytes are without the characters that readers treat differently. Pure, linear, bounded.
import { readHeaderBlock, RFC_HEADER_READING } from './header.js';
import { OdditySink } from './oddity.js';
import type { Tokens } from './tokens.js';

/** `=XX` occurs in what is declared base64. */
export function hasEscapes(encoded: Buffer): boolean {
  return /=[0-9A-F]{2}/.test(encoded.toString('latin1', 0, Math.min(encoded.length, 4_096)));
}

/** Only the lines that hold nothing but the alphabet of base64. */
export function cleanLines(encoded: Buffer): Buffer {
  const lines = encoded.toString('latin1').split('\n');
  return Buffer.from(lines.filter((line) => /^[A-Za-z0-9+/]+={0,2}\s*$/.test(line)).join('\n'), 'latin1');
}

/** Where a text holds a MIME entity (a forwarded or bounced message): its first `Content-` field, or null. */
export function entityStart(content: Buffer): number | null {
  const limit = Math.min(content.length, ENTITY_LOOK_BYTES);
  const text = content.toString('latin1', 0, limit);
  const match = /^content-(?:type|transfer-encoding|disposition)[ \t]*:/im.exec(text);
  if (match === null) return null;
  const before = text.lastIndexOf('\n\n', match.index);
  const beforeCrlf = text.lastIndexOf('\r\n\r\n', match.index);
  const dash = text.lastIndexOf('\n--', match.index);
  const paragraph = Math.max(before < 0 ? 0 : before + 2, beforeCrlf < 0 ? 0 : beforeCrlf + 4);
  const start = dash > paragraph ? text.indexOf('\n', dash + 1) + 1 : paragraph;
  return fieldsAt(content, start) ? start : match.index;
}

const ENTITY_LOOK_BYTES = 1_048_576;

/** The lines at `start` form a header block with a MIME field. */
function fieldsAt(content: Buffer, start: number): boolean {
  const block = readHeaderBlock({
    bytes: content,
    start,
    end: Math.min(content.length, start + 65_536),
    limits: {
      headerCountMax: 200,
      headerBytesMax: 65_536,
      depthMax: 0,
      partsMax: 0,
      urlsMax: 0,
      textPartBytesMax: 0,
      textBytesMax: 0,
    },
    reading: RFC_HEADER_READING,
    oddities: new OdditySink(),
    atTop: false,
    isDelimiter: () => false,
  });
  return block.fields.some((field) => field.key.startsWith('content-'));
}

/** The boundary of the first line in the body that looks like a delimiter before a header, or null. */
export function firstDelimiter(body: Buffer): string | null {
  const text = body.toString('latin1', 0, Math.min(body.length, ENTITY_LOOK_BYTES));
  const match = /^--([^\s"\\]{1,70})[ \t]*\r?\n(?=content-)/im.exec(text);
  return match?.[1] ?? null;
}

export function trimStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length && (bytes[start] as number) <= 0x20) start++;
  return bytes.subarray(start);
}

/** Every bare CR becomes CRLF. */
export function withoutBareCr(tokens: Tokens): Buffer {
  const { bytes } = tokens;
  const out = Buffer.allocUnsafe(bytes.length + tokens.bareCrCount);
  let written = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    out[written++] = byte;
    if (byte === 0x0d && bytes[at + 1] !== 0x0a) out[written++] = 0x0a;
  }
  return out.subarray(0, written);
}

export function withoutNul(bytes: Buffer): Buffer {
  return bytes.filter((byte) => byte !== 0) as Buffer;
}
