// The part of a log row that is only read back, never searched: compact JSON, as it is where short, else deflated against
// a fixed dictionary. Deflated ones carry the format's number, so that an older row is read as it was written.
import { deflateRawSync, inflateRawSync } from 'node:zlib';

const FORMAT = 1;
/** Bound on what a stored detail may unfold to, bytes. */
export const DETAIL_MAX_BYTES = 8 * 1_048_576;
/** Shorter JSON stands in the row as text, characters: deflating it costs more time than the rest of the row. */
export const DEFLATE_MIN_CHARS = 512;

/** Never edited: a better one is a new format number. */
const DICTIONARY = Buffer.from(
  '"policy":"tempfail"}],"broken":[{"stage":"","reason":"timeout"antivirusattachmentsURIBL_DNSBL_DKIM_VALIDSPF_PASSDMARC_PASSHTML_MESSAGE' +
    'MIME_SUBJECT_FROM_HEADER_MISSING_"country":null,"tls":null,"TLSv1.3 TLS_AES_256_GCM_SHA384 256TLSv1.2"settingsVersion":"' +
    '"contentSha256":""stageMs":{"attachments":0."antivirus":"rules":0.},"totalMs":"broken":[],"findings":[["rules","spam","rules",',
);

/** Gives text, or exactly its bytes (no pooled memory behind them), as a database thread wants them. */
export function packDetail(value: unknown): string | Uint8Array {
  const text = JSON.stringify(value);
  if (text.length < DEFLATE_MIN_CHARS) return text;
  const packed = deflateRawSync(text, { dictionary: DICTIONARY, level: 6 });
  const bytes = new Uint8Array(packed.length + 1);
  bytes[0] = FORMAT;
  bytes.set(packed, 1);
  return bytes;
}

/** Throws on what is no detail: a damaged store, never mail. */
export function unpackDetail(packed: string | Uint8Array): unknown {
  if (typeof packed === 'string') return JSON.parse(packed);
  if (packed[0] !== FORMAT) throw new Error(`log detail of unknown format ${String(packed[0])}`);
  const text = inflateRawSync(packed.subarray(1), { dictionary: DICTIONARY, maxOutputLength: DETAIL_MAX_BYTES });
  return JSON.parse(text.toString('utf8'));
}
