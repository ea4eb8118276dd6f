// Builds the MIME tree of one reading (RFC 2045, 2046) from the token tables in one pass over the delimiter-like lines.
// Takes tokens and how to read where readers differ; gives the root and every part; never throws, never looks twice.
import { boundaries } from './boundary.js';
import { BOUNDARY_BYTES_MAX, Delimiters, type Delimiter, type DelimiterReading } from './delimiters.js';
import { lineEndBefore, readHeaderBlock, RFC_HEADER_READING, type HeaderBlock, type HeaderReading } from './header.js';
import type { MessageLimits } from './limits.js';
import { isEmbeddedMessage, PartNode, readPartFields, type PartFields } from './mime.js';
import type { OddityCode, OdditySink } from './oddity.js';
import { tokenise, type Tokens } from './tokens.js';
import { encodingKind } from './transfer-encoding.js';

const BOUNDARY_BYTES_RFC = 70;

/** How a tree is read where readers differ. */
export interface TreeReading extends DelimiterReading {
  readonly header: HeaderReading;
  /** Which of several Content-Type fields counts. */
  readonly contentType: 'first' | 'last';
  /** Which of the plausible boundaries of a multipart counts: 0 is the RFC's. */
  readonly boundaryChoice: number;
  /** Whether a multipart declared as base64 or quoted-printable is decoded first. */
  readonly decodeMultipart: boolean;
}

export const RFC_READING: TreeReading = {
  header: RFC_HEADER_READING,
  contentType: 'first',
  delimiter: 'whole',
  close: 'honour',
  boundaryChoice: 0,
  decodeMultipart: false,
};

/** What a tree is built from. */
export interface TreeSource {
  readonly tokens: Tokens;
  /** Where the header of the root starts. */
  readonly start: number;
  readonly limits: MessageLimits;
  readonly oddities: OdditySink;
  readonly reading: TreeReading;
  /** The header block of the root when it was already read. */
  readonly rootBlock?: HeaderBlock;
}

export interface Tree {
  readonly root: PartNode;
  /** Depth first, root included. */
  readonly parts: readonly PartNode[];
}

/** Builds the tree. Linear in the bytes for each level of encoded embedding (at most `depthMax`). */
export function buildTree(source: TreeSource): Tree {
  const shared: Shared = { source, parts: [] };
  const root = new TreeBuilder(shared, source.tokens, true).build(source.start, '', 0, null, source.rootBlock);
  return { root, parts: shared.parts };
}

/** What all builders of one tree share. */
interface Shared {
  readonly source: TreeSource;
  readonly parts: PartNode[];
}

/** Builds within one container of bytes. */
class TreeBuilder {
  readonly #bytes: Buffer;
  readonly #delimiters: Delimiters;
  #pending: Delimiter | null = null;
  /** Over the limit of parts nothing is split any more. */
  #exhausted = false;

  constructor(
    private readonly shared: Shared,
    tokens: Tokens,
    private readonly atTop: boolean,
  ) {
    this.#bytes = tokens.bytes;
    const { reading } = shared.source;
    this.#delimiters = new Delimiters(tokens, reading, (code, at) => this.#odd(code, at));
  }

  build(start: number, path: string, depth: number, parent: PartNode | null, block?: HeaderBlock): PartNode {
    return this.#entity(start, path, depth, parent, 'text/plain', block);
  }

  /** One entity: header, then body up to a delimiter of a multipart around (left in `#pending`) or the end. */
  #entity(
    start: number,
    path: string,
    depth: number,
    parent: PartNode | null,
    defaultType: string,
    given?: HeaderBlock,
  ): PartNode {
    const block = given ?? this.#header(start);
    const fields = readPartFields(block.fields, defaultType, this.shared.source.reading.contentType);
    const ownPath = embeddedRootPath(path, parent, fields);
    const node = new PartNode(fields, ownPath, depth, block.fields, this.#bytes, start, block.bodyStart, parent);
    this.shared.parts.push(node);
    parent?.children.push(node);
    this.#note(node, block);
    if (fields.type.startsWith('multipart/')) this.#multipart(node);
    else if (isEmbeddedMessage(fields.type)) this.#embedded(node);
    else this.#leaf(node);
    return node;
  }

  #header(start: number): HeaderBlock {
    const { limits, oddities, reading } = this.shared.source;
    return readHeaderBlock({
      bytes: this.#bytes,
      start,
      end: this.#bytes.length,
      limits,
      reading: reading.header,
      oddities,
      atTop: this.atTop,
      isDelimiter: (lineStart) => this.#delimiters.at(lineStart) !== null,
    });
  }

  #leaf(node: PartNode): void {
    this.#endAt(node, this.#delimiters.next(node.bodyStart));
  }

  #endAt(node: PartNode, delimiter: Delimiter | null): void {
    this.#pending = delimiter;
    node.bodyEnd =
      delimiter === null
        ? this.#bytes.length
        : Math.max(node.bodyStart, lineEndBefore(this.#bytes, node.bodyStart, delimiter.lineStart));
  }

  /** A message within: in place when it is not encoded, else in a container of its own. */
  #embedded(node: PartNode): void {
    if (!this.#mayDescend(node)) return this.#leaf(node);
    const encoding = encodingKind(node.transferEncoding);
    if (encoding === 'identity' || encoding === 'unknown') {
      const child = this.#entity(node.bodyStart, node.path, node.depth + 1, node, 'text/plain');
      node.bodyEnd = child.bodyEnd;
      return;
    }
    this.#odd('TRANSFER_ENCODING_ON_MULTIPART', node.start);
    this.#leaf(node);
    this.#decoded(node, node.content());
  }

  #decoded(node: PartNode, content: Buffer): void {
    new TreeBuilder(this.shared, tokenise(content), false).build(0, node.path, node.depth + 1, node);
  }

  #mayDescend(node: PartNode): boolean {
    const { limits } = this.shared.source;
    if (this.#exhausted || this.shared.parts.length >= limits.partsMax) {
      this.#odd('MIME_PARTS_LIMIT', node.start);
      return false;
    }
    if (node.depth >= limits.depthMax) {
      this.#odd('MIME_DEPTH_LIMIT', node.start);
      return false;
    }
    return true;
  }

  #multipart(node: PartNode): void {
    const { reading } = this.shared.source;
    const boundary = this.#boundaryOf(node);
    if (!this.#mayDescend(node)) return this.#leaf(node);
    const encoding = encodingKind(node.transferEncoding);
    if (encoding === 'base64' || encoding === 'quoted-printable') {
      this.#odd('TRANSFER_ENCODING_ON_MULTIPART', node.start);
      if (reading.decodeMultipart) return this.#decodedMultipart(node);
    }
    if (boundary === null) return this.#leaf(node);
    this.#split(node, boundary);
  }

  /** Reads the decoded body of a multipart as if it stood there in clear. */
  #decodedMultipart(node: PartNode): void {
    this.#leaf(node);
    const type = this.#bytes.subarray(node.start, node.bodyStart);
    const clear = Buffer.from(
      type.toString('latin1').replace(/^content-transfer-encoding:/gim, 'X-Was-Encoded:'),
      'latin1',
    );
    this.#decoded(node, Buffer.concat([clear, node.content()]));
  }

  #boundaryOf(node: PartNode): string | null {
    const choices = boundaries(node.fields);
    const boundary = choices[this.shared.source.reading.boundaryChoice] ?? choices[0] ?? '';
    if (boundary === '') {
      this.#odd('BOUNDARY_MISSING', node.start);
      return null;
    }
    if (boundary.length > BOUNDARY_BYTES_RFC) this.#odd('BOUNDARY_TOO_LONG', node.start);
    return boundary.slice(0, BOUNDARY_BYTES_MAX);
  }

  #split(node: PartNode, boundary: string): void {
    if (this.#delimiters.isOpen(boundary)) this.#odd('BOUNDARY_REPEATED', node.start);
    const level = this.#delimiters.open(boundary);
    let delimiter = this.#delimiters.next(node.bodyStart);
    if (delimiter?.level === level) {
      node.boundary = boundary;
      node.preambleEnd = delimiter.lineStart;
    } else this.#odd('BOUNDARY_ABSENT', node.start);
    const childDefault = node.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
    while (delimiter !== null && delimiter.level === level && !delimiter.close) {
      if (this.shared.parts.length >= this.shared.source.limits.partsMax) {
        this.#exhaust(delimiter.lineStart);
        delimiter = null;
        break;
      }
      if (delimiter.next >= this.#bytes.length) {
        delimiter = null;
        break;
      }
      const path = childPath(node, node.children.length + 1);
      this.#entity(delimiter.next, path, node.depth + 1, node, childDefault);
      delimiter = this.#pending;
    }
    this.#delimiters.close();
    this.#close(node, delimiter, level);
  }

  #close(node: PartNode, delimiter: Delimiter | null, level: number): void {
    if (delimiter !== null && delimiter.level === level) {
      node.closed = true;
      node.epilogueStart = delimiter.next;
      this.#endAt(node, this.#delimiters.next(delimiter.next));
      node.bodyEnd = Math.max(node.bodyEnd, Math.min(delimiter.next, this.#bytes.length));
      return;
    }
    if (node.boundary !== null && !this.#exhausted) this.#odd('BOUNDARY_UNCLOSED', node.start);
    this.#endAt(node, delimiter);
  }

  #exhaust(at: number): void {
    this.#exhausted = true;
    this.#delimiters.stop();
    this.#odd('MIME_PARTS_LIMIT', at);
  }

  /** Facts about one part's fields. */
  #note(node: PartNode, block: HeaderBlock): void {
    const { fields } = node;
    const at = node.start;
    if (block.endedBy === 'junk' || (block.endedBy === 'delimiter' && block.fields.length > 0))
      this.#odd('HEADER_SEPARATOR_MISSING', block.bodyStart);
    if (fields.contentTypes.length > 1) this.#odd('CONTENT_TYPE_REPEATED', at);
    if (fields.transferEncodings.length > 1) this.#odd('TRANSFER_ENCODING_REPEATED', at);
    if (fields.typeInvalid) this.#odd('CONTENT_TYPE_INVALID', at);
    for (const name of fields.parsedType?.repeated ?? [])
      this.#odd('CONTENT_TYPE_PARAM_REPEATED', at, name.slice(0, 40));
    if (fields.parsedType?.broken === true) this.#odd('CONTENT_TYPE_PARAM_BROKEN', at);
    if (encodingKind(fields.transferEncoding) === 'unknown') this.#odd('TRANSFER_ENCODING_UNKNOWN', at);
    if (fields.type === 'message/partial') this.#odd('MESSAGE_PARTIAL', at);
    if (fields.type === 'message/external-body') this.#odd('MESSAGE_EXTERNAL', at);
  }

  #odd(code: OddityCode, at: number, detail?: string): void {
    this.shared.source.oddities.add(code, this.atTop ? at : undefined, detail);
  }
}

/** Path of the n-th part of a multipart. */
function childPath(node: PartNode, number: number): string {
  const base = node.path.endsWith('.0') ? node.path.slice(0, -2) : node.path === '0' ? '' : node.path;
  return base === '' ? String(number) : `${base}.${number}`;
}

/** The root of an embedded message has no number of its own in IMAP. */
function embeddedRootPath(path: string, parent: PartNode | null, fields: PartFields): string {
  if (parent === null || parent.type.startsWith('multipart/')) return path;
  const last = fields.type.startsWith('multipart/') ? '0' : '1';
  return path === '' ? last : `${path}.${last}`;
}
