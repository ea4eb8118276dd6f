// One part of the MIME tree (RFC 2045, 2046): its fields, type, range and decoded content.
import type { HeaderField } from './header.js';
import { parseParamValue, type ParamValue, type RawParam } from './parameter.js';
import { decodeBase64, decodeQuotedPrintable, encodingKind } from './transfer-encoding.js';
import { findUuencoded } from './uuencode.js';

export interface Part {
  /**
   * As IMAP numbers them: '' for the root, `1`, `1.2`, … below. The root of an embedded message at `2` is `2.0` when it
   * is a multipart (its parts are `2.1`, …) and `2.1` when it is not.
   */
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
  /** What `headers`, `bodyStart` and `bodyEnd` count from: the raw bytes, or a decoded embedded message. */
  readonly container: Buffer;
  /** First byte of the part's header. */
  readonly start: number;
  /** Range of the encoded body in `container`. */
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** For a multipart with parts: where its preamble ends and its epilogue starts, in `container`; else null. */
  readonly preambleEnd: number | null;
  readonly epilogueStart: number | null;
  readonly children: readonly Part[];
  readonly parent: Part | null;
  /** Transfer encoding undone; worked out once, when asked for. A multipart's content is its bytes as they stand. */
  content(): Buffer;
}

/** What the fields of a part say about it. */
export interface PartFields {
  readonly type: string;
  readonly typeParams: ReadonlyMap<string, string>;
  readonly rawTypeParams: readonly RawParam[];
  readonly disposition: string | null;
  readonly dispositionParams: ReadonlyMap<string, string>;
  readonly transferEncoding: string;
  readonly contentId: string | null;
  readonly contentTypes: readonly HeaderField[];
  readonly transferEncodings: readonly HeaderField[];
  readonly parsedType: ParamValue | null;
  /** The declared type was no `type/subtype`. */
  readonly typeInvalid: boolean;
}

const NO_PARAMS: ReadonlyMap<string, string> = new Map();
const NO_FIELDS: readonly HeaderField[] = [];

/** Reads the MIME fields of a header block; `which` of several Content-Type fields counts. */
export function readPartFields(
  headers: readonly HeaderField[],
  defaultType: string,
  which: 'first' | 'last',
): PartFields {
  let contentTypes = NO_FIELDS as HeaderField[];
  let transferEncodings = NO_FIELDS as HeaderField[];
  let dispositionField: HeaderField | null = null;
  let contentId: string | null = null;
  for (const field of headers) {
    if (!field.key.startsWith('content-')) continue;
    if (field.key === 'content-type') contentTypes = [...contentTypes, field].slice(-FIELDS_LOOKED_AT);
    else if (field.key === 'content-transfer-encoding')
      transferEncodings = [...transferEncodings, field].slice(-FIELDS_LOOKED_AT);
    else if (field.key === 'content-disposition') dispositionField ??= field;
    else if (field.key === 'content-id') contentId ??= field.value.replace(/^<|>$/g, '');
  }
  const typeField = which === 'first' ? contentTypes[0] : contentTypes.at(-1);
  const parsedType = typeField === undefined ? null : parseParamValue(typeField.rawValue);
  const valid = parsedType !== null && TYPE.test(parsedType.value);
  const disposition = dispositionField === null ? null : parseParamValue(dispositionField.rawValue);
  return {
    type: valid ? parsedType.value : parsedType === null ? defaultType : 'text/plain',
    typeParams: parsedType?.params ?? NO_PARAMS,
    rawTypeParams: parsedType?.raw ?? [],
    disposition: disposition?.value ?? null,
    dispositionParams: disposition?.params ?? NO_PARAMS,
    transferEncoding: transferEncodings[0] === undefined ? '7bit' : encodingName(transferEncodings[0]),
    contentId,
    contentTypes,
    transferEncodings,
    parsedType,
    typeInvalid: parsedType !== null && !valid,
  };
}

/** Fields of one name looked at in one part; the first and the last ones count for any reader. */
const FIELDS_LOOKED_AT = 8;
const TYPE = /^[^/\s]+\/[^/\s]+$/;
const ENCODING_LENGTH_MAX = 64;

/** The encoding a Content-Transfer-Encoding field names: lower case, comments and parameters dropped. */
export function encodingName(field: HeaderField): string {
  const { value } = parseParamValue(field.rawValue);
  return value.replaceAll('"', '').slice(0, ENCODING_LENGTH_MAX) || '7bit';
}

/** The tree's own node: a part whose ends become known while the tree grows. */
export class PartNode implements Part {
  readonly children: PartNode[] = [];
  bodyEnd: number;
  preambleEnd: number | null = null;
  epilogueStart: number | null = null;
  /** A closing delimiter was seen. */
  closed = false;
  /** The boundary the part was split by, or null. */
  boundary: string | null = null;
  #content: Buffer | undefined;

  constructor(
    readonly fields: PartFields,
    readonly path: string,
    readonly depth: number,
    readonly headers: readonly HeaderField[],
    readonly container: Buffer,
    readonly start: number,
    readonly bodyStart: number,
    readonly parent: PartNode | null,
  ) {
    this.bodyEnd = bodyStart;
  }

  get type(): string {
    return this.fields.type;
  }
  get typeParams(): ReadonlyMap<string, string> {
    return this.fields.typeParams;
  }
  get disposition(): string | null {
    return this.fields.disposition;
  }
  get dispositionParams(): ReadonlyMap<string, string> {
    return this.fields.dispositionParams;
  }
  get transferEncoding(): string {
    return this.fields.transferEncoding;
  }
  get contentId(): string | null {
    return this.fields.contentId;
  }
  get name(): string {
    return (
      this.dispositionParams.get('filename') || this.typeParams.get('name') || this.dispositionParams.get('name') || ''
    );
  }

  /** The encoded body. */
  encoded(): Buffer {
    return this.container.subarray(this.bodyStart, this.bodyEnd);
  }

  content(): Buffer {
    return (this.#content ??= this.#decode());
  }

  #decode(): Buffer {
    if (this.children.length > 0 && this.type.startsWith('multipart/')) return this.encoded();
    return decodeTransfer(this.encoded(), this.transferEncoding);
  }
}

/** Undoes one transfer encoding; an unknown one leaves the bytes as they are. */
export function decodeTransfer(encoded: Buffer, encoding: string): Buffer {
  switch (encodingKind(encoding)) {
    case 'base64':
      return decodeBase64(encoded).content;
    case 'quoted-printable':
      return decodeQuotedPrintable(encoded).content;
    case 'uuencode':
      return findUuencoded(encoded)[0]?.content ?? encoded;
    case 'identity':
    case 'unknown':
      return encoded;
  }
}

/** True for the types that hold one whole message (RFC 2046 §5.2.1, RFC 6532 §3.7). */
export function isEmbeddedMessage(type: string): boolean {
  return type === 'message/rfc822' || type === 'message/global' || type === 'message/news';
}
