// The part of a log row that is only read back, never searched: compact JSON, deflated against a fixed dictionary. Rows
// carry the format's number, so that an older row is read as it was written.
import { deflateRawSync, inflateRawSync } from 'node:zlib';

const FORMAT = 1;
/** Bound on what a stored detail may unfold to, bytes. */
export const DETAIL_MAX_BYTES = 8 * 1_048_576;

/** Never edited: a better one is a new format number. */
const DICTIONARY = Buffer.from(
  '"policy":"tempfail"}],"broken":[{"stage":"","reason":"timeout"antivirusattachmentsURIBL_DNSBL_DKIM_VALIDSPF_PASSDMARC_PASSHTML_MESSAGE' +
    'MIME_SUBJECT_FROM_HEADER_MISSING_"country":null,"tls":null,"TLSv1.3 TLS_AES_256_GCM_SHA384 256TLSv1.2"settingsVersion":"' +
    '"contentSha256":""stageMs":{"attachments":0."antivirus":"rules":0.},"totalMs":"broken":[],"findings":[["rules","spam","rules",',
);

/** Gives exactly its bytes (no pooled memory behind them), as a database thread wants them. */
export function packDetail(value: unknown): Uint8Array {
  const packed = deflateRawSync(JSON.stringify(value), { dictionary: DICTIONARY, level: 6 });
  const bytes = new Uint8Array(packed.length + 1);
  bytes[0] = FORMAT;
  bytes.set(packed, 1);
  return bytes;
}

/** Throws on bytes that are no detail: a damaged store, never mail. */
export function unpackDetail(bytes: Uint8Array): unknown {
  if (bytes[0] !== FORMAT) throw new Error(`log detail of unknown format ${String(bytes[0])}`);
  const text = inflateRawSync(bytes.subarray(1), { dictionary: DICTIONARY, maxOutputLength: DETAIL_MAX_BYTES });
  return JSON.parse(text.toString('utf8'));
}
