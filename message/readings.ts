// The further readings antivirus needs: other ways some reader could take the same bytes, worked out only where the
// message gives cause. Takes the RFC's tree, gives contents that tree does not hold, each once and bounded in all.
import { createHash } from 'node:crypto';
import { BOUNDARIES_MAX, boundaries } from './boundary.js';
import { RFC_HEADER_READING, type HeaderBlock } from './header.js';
import {
  cleanLines,
  entityStart,
  firstDelimiter,
  hasEscapes,
  trimStart,
  withoutBareCr,
  withoutNul,
} from './loose-bytes.js';
import type { MessageLimits } from './limits.js';
import { decodeTransfer, encodingName, type PartNode } from './mime.js';
import { OdditySink } from './oddity.js';
import { tokenise, type Tokens } from './tokens.js';
import { decodeBase64, encodingKind, looksBase64, decodeQuotedPrintable } from './transfer-encoding.js';
import { buildTree, RFC_READING, type Tree, type TreeReading } from './tree.js';
import { findUuencoded } from './uuencode.js';

/** One further way some reader could take the same bytes; antivirus scans each. */
export interface Reading {
  /** Why it differs, e.g. `duplicate Content-Transfer-Encoding: base64`. */
  readonly reason: string;
  readonly content: Buffer;
}

/** Readings of one message, trees built for them, and the bytes they may hold beyond a share of the message's size. */
export const READINGS_MAX = 64;
export const READING_TREES_MAX = 16;
export const READINGS_BYTES_BASE = 4_194_304;
export const READINGS_BYTES_FACTOR = 6;
/** Parts of the message that are looked at for other encodings. */
const LEAVES_MAX = 2_000;
/** Text before and after the parts that is worth a look of its own, bytes. */
const LOOSE_TEXT_MIN = 8;

/** What the readings are made from. */
export interface ReadingsSource {
  readonly tokens: Tokens;
  readonly block: HeaderBlock;
  readonly start: number;
  readonly tree: Tree;
  readonly limits: MessageLimits;
  readonly oddities: OdditySink;
}

/** Works out the further readings. */
export function deriveReadings(source: ReadingsSource): readonly Reading[] {
  return new ReadingsDeriver(source).derive();
}

class ReadingsDeriver {
  readonly #readings: Reading[] = [];
  readonly #seenRanges = new Set<string>();
  readonly #seenHashes = new Set<string>();
  readonly #bytesMax: number;
  #bytes = 0;
  #trees = 0;
  #full = false;

  constructor(private readonly source: ReadingsSource) {
    this.#bytesMax = READINGS_BYTES_BASE + READINGS_BYTES_FACTOR * source.tokens.bytes.length;
  }

  derive(): readonly Reading[] {
    const { tree } = this.source;
    const leaves = leavesOf(tree);
    for (const part of leaves) this.#seenRanges.add(rangeKey(part, part.transferEncoding));
    for (const part of leaves) this.#leafReadings(part, '', true);
    for (const part of tree.parts) this.#looseText(part);
    this.#otherTrees();
    this.#changedBytes();
    if (this.#full) this.source.oddities.add('READINGS_LIMIT');
    return this.#readings;
  }

  /** Takes a content unless it is empty or already known. */
  #take(reason: string, content: Buffer): void {
    if (content.length === 0) return;
    const hash = createHash('sha256').update(content).digest('base64');
    if (this.#seenHashes.has(hash)) return;
    if (this.#readings.length >= READINGS_MAX || this.#bytes + content.length > this.#bytesMax) {
      this.#full = true;
      return;
    }
    this.#seenHashes.add(hash);
    this.#bytes += content.length;
    this.#readings.push({ reason, content });
  }

  /** Other decodings of one part's body. */
  #leafReadings(part: PartNode, prefix: string, note: boolean): void {
    if (this.#full) return;
    const encoded = part.encoded();
    const own = encodingKind(part.transferEncoding);
    for (const encoding of this.#otherEncodings(part, encoded, note))
      this.#take(`${prefix}part ${part.path || '0'} as ${encoding}`, decodeTransfer(encoded, encoding));
    if (own === 'base64') this.#brokenBase64(part, encoded, prefix, note);
    if (own === 'quoted-printable' && note && decodeQuotedPrintable(encoded).broken > 0)
      this.#odd('QUOTED_PRINTABLE_BROKEN', part);
    if (own === 'identity' || own === 'unknown' || part.type.startsWith('text/'))
      this.#within(part.content(), part, prefix);
  }

  /** Encodings other than the part's own that some reader could undo. */
  #otherEncodings(part: PartNode, encoded: Buffer, note: boolean): Set<string> {
    const { transferEncodings } = part.fields;
    const others = new Set<string>();
    for (const field of transferEncodings) {
      others.add(encodingName(field));
      for (const word of field.value.toLowerCase().split(/[\s,;()"]/, 8))
        if (encodingKind(word) !== 'unknown') others.add(word);
    }
    const own = encodingKind(part.transferEncoding);
    if (own !== 'base64' && looksBase64(encoded)) {
      others.add('base64');
      if (note) this.#odd('TRANSFER_ENCODING_CONTRADICTS', part);
    }
    if (own === 'unknown') ['base64', 'quoted-printable', 'uuencode'].forEach((name) => others.add(name));
    if (own === 'base64' && hasEscapes(encoded)) others.add('quoted-printable');
    others.delete(part.transferEncoding);
    return new Set([...others].filter((name) => encodingKind(name) !== 'unknown' && encodingKind(name) !== own));
  }

  /** Base64 that readers end or mend in different ways. */
  #brokenBase64(part: PartNode, encoded: Buffer, prefix: string, note: boolean): void {
    const { facts } = decodeBase64(encoded);
    if (note && facts.junk > 0) this.#odd('BASE64_JUNK', part);
    if (note && facts.afterPadding > 0) this.#odd('BASE64_PADDING', part);
    if (note && facts.loose > 0) this.#odd('BASE64_TRUNCATED', part);
    const name = `${prefix}part ${part.path || '0'}`;
    if (facts.afterPadding > 0)
      this.#take(
        `${name}: base64 beyond its padding`,
        decodeBase64(encoded, { padding: 'skip', junk: 'skip' }).content,
      );
    if (facts.junk === 0) return;
    this.#take(
      `${name}: base64 up to a foreign character`,
      decodeBase64(encoded, { padding: 'stop', junk: 'stop' }).content,
    );
    this.#take(
      `${name}: base64 behind a foreign character`,
      decodeBase64(encoded.subarray(facts.firstJunk + 1)).content,
    );
    this.#take(`${name}: base64 by lines without foreign characters`, decodeBase64(cleanLines(encoded)).content);
    this.#take(`${name}: undecoded`, encoded);
  }

  /** Files and entities that stand within a text. */
  #within(content: Buffer, part: PartNode, prefix: string): void {
    const files = findUuencoded(content);
    files.forEach((file) => this.#take(`${prefix}part ${part.path || '0'}: uuencoded file`, file.content));
    const at = entityStart(content);
    if (at !== null) this.#entity(`${prefix}entity within part ${part.path || '0'}`, content.subarray(at));
  }

  /** Text before the first and after the last part of a multipart. */
  #looseText(part: PartNode): void {
    if (part.preambleEnd === null) return;
    const { container } = part;
    const pieces: (readonly [name: 'preamble' | 'epilogue', bytes: Buffer])[] = [
      ['preamble', container.subarray(part.bodyStart, part.preambleEnd)],
    ];
    if (part.epilogueStart !== null)
      pieces.push(['epilogue', container.subarray(part.epilogueStart, Math.max(part.epilogueStart, part.bodyEnd))]);
    for (const [name, bytes] of pieces) this.#loosePiece(part, name, bytes);
  }

  #loosePiece(part: PartNode, name: 'preamble' | 'epilogue', bytes: Buffer): void {
    const text = bytes.toString('latin1', 0, Math.min(bytes.length, 2_000)).trim();
    if (text.length < LOOSE_TEXT_MIN || (name === 'preamble' && NOTICE.test(text) && text.length < 200)) return;
    this.#odd(name === 'preamble' ? 'PREAMBLE_CONTENT' : 'EPILOGUE_CONTENT', part);
    const reason = `${name} of part ${part.path || '0'}`;
    this.#take(reason, bytes);
    if (looksBase64(trimStart(bytes))) this.#take(`${reason} as base64`, decodeBase64(bytes).content);
    this.#within(bytes, part, `${name}: `);
  }

  /** Reads bytes as an entity of their own and takes what it holds. */
  #entity(reason: string, bytes: Buffer, reading: TreeReading = RFC_READING): void {
    if (!this.#mayBuild()) return;
    const tree = buildTree({
      tokens: tokenise(bytes),
      start: 0,
      limits: this.source.limits,
      oddities: new OdditySink(),
      reading,
    });
    for (const part of leavesOf(tree)) this.#leafOf(part, reason);
  }

  #mayBuild(): boolean {
    if (this.#full) return false;
    if (this.#trees >= READING_TREES_MAX) {
      this.#full = true;
      return false;
    }
    this.#trees++;
    return true;
  }

  #leafOf(part: PartNode, reason: string): void {
    if (part.fields.typeInvalid || part.bodyEnd > part.bodyStart) {
      const key = rangeKey(part, part.transferEncoding);
      if (part.container === this.source.tokens.bytes && this.#seenRanges.has(key)) return;
      this.#seenRanges.add(key);
      this.#take(`${reason}: part ${part.path || '0'}`, part.content());
      const encoded = part.encoded();
      for (const encoding of this.#otherEncodings(part, encoded, false))
        this.#take(`${reason}: part ${part.path || '0'} as ${encoding}`, decodeTransfer(encoded, encoding));
      if (encodingKind(part.transferEncoding) === 'base64') this.#brokenBase64(part, encoded, `${reason}: `, false);
      findUuencoded(part.content()).forEach((file) => this.#take(`${reason}: uuencoded file`, file.content));
    }
  }

  /** Trees of the same bytes read otherwise, where the message gives cause. */
  #otherTrees(): void {
    for (const [reason, reading] of this.#causes()) {
      if (!this.#mayBuild()) return;
      const { tokens, start, limits } = this.source;
      const tree = buildTree({ tokens, start, limits, oddities: new OdditySink(), reading });
      for (const part of leavesOf(tree)) this.#leafOf(part, reason);
    }
    for (const part of this.source.tree.parts) this.#guessedBoundary(part);
  }

  #causes(): (readonly [reason: string, reading: TreeReading])[] {
    const { oddities, tree } = this.source;
    const causes: (readonly [string, TreeReading])[] = [];
    const add = (reason: string, change: Partial<TreeReading>): void => {
      causes.push([reason, { ...RFC_READING, ...change }]);
    };
    if (oddities.has('CONTENT_TYPE_REPEATED')) add('last Content-Type', { contentType: 'last' });
    const choices = Math.min(BOUNDARIES_MAX, Math.max(0, ...tree.parts.map((part) => choicesOf(part))));
    for (let choice = 1; choice < choices; choice++) add(`boundary ${choice + 1}`, { boundaryChoice: choice });
    if (oddities.has('BOUNDARY_AMBIGUOUS')) add('delimiters by prefix', { delimiter: 'prefix' });
    if (oddities.has('BOUNDARY_REPEATED') || tree.parts.some(goesOn))
      add('closing delimiters ignored', { close: 'ignore' });
    if (oddities.has('HEADER_LINE_JUNK'))
      add('foreign header lines skipped', { header: { ...RFC_HEADER_READING, junkLine: 'skip' } });
    if (oddities.has('HEADER_FOLD_BLANK'))
      add('blank line of spaces ends the header', { header: { ...RFC_HEADER_READING, blankFold: 'end' } });
    if (oddities.has('TRANSFER_ENCODING_ON_MULTIPART')) add('multipart decoded', { decodeMultipart: true });
    if (causes.length > 1)
      add('all leniencies', {
        contentType: 'last',
        delimiter: 'prefix',
        close: 'ignore',
        header: { junkLine: 'skip', blankFold: 'end' },
        decodeMultipart: true,
      });
    return causes;
  }

  /** A multipart that could not be split, by the first line in it that looks like a delimiter. */
  #guessedBoundary(part: PartNode): void {
    if (!part.type.startsWith('multipart/') || part.children.length > 0) return;
    const body = part.encoded();
    const match = firstDelimiter(body);
    if (match === null) return;
    const head = Buffer.from(`Content-Type: multipart/mixed; boundary="${match}"\r\n\r\n`, 'latin1');
    this.#entity(`guessed boundary of part ${part.path || '0'}`, Buffer.concat([head, body]));
  }

  /** Bytes some readers see otherwise: bare carriage returns as line ends, NUL bytes dropped. */
  #changedBytes(): void {
    const { tokens } = this.source;
    if (tokens.bareCrCount > 0) this.#entity('bare carriage returns as line ends', withoutBareCr(tokens));
    if (tokens.nulCount > 0) this.#entity('NUL bytes dropped', withoutNul(tokens.bytes));
  }

  #odd(
    code:
      | 'TRANSFER_ENCODING_CONTRADICTS'
      | 'BASE64_JUNK'
      | 'BASE64_PADDING'
      | 'BASE64_TRUNCATED'
      | 'QUOTED_PRINTABLE_BROKEN'
      | 'PREAMBLE_CONTENT'
      | 'EPILOGUE_CONTENT',
    part: PartNode,
  ): void {
    this.source.oddities.add(code, part.container === this.source.tokens.bytes ? part.start : undefined, part.path);
  }
}

const NOTICE = /mime|multi-?part/i;

/** Parts without parts, each a content of its own. */
function leavesOf(tree: Tree): PartNode[] {
  return tree.parts.filter((part) => part.children.length === 0).slice(0, LEAVES_MAX);
}

function rangeKey(part: PartNode, encoding: string): string {
  return `${part.container.length}:${part.bodyStart}:${part.bodyEnd}:${encoding}`;
}

function choicesOf(part: PartNode): number {
  return part.type.startsWith('multipart/') ? boundaries(part.fields).length : 0;
}

/** Delimiter lines stand behind the closing one. */
function goesOn(part: PartNode): boolean {
  if (part.epilogueStart === null || part.boundary === null) return false;
  const delimiter = `\n--${part.boundary}`;
  const epilogue = part.container.subarray(
    Math.max(0, part.epilogueStart - 1),
    Math.max(part.epilogueStart, part.bodyEnd),
  );
  return epilogue.includes(delimiter, 0, 'latin1');
}
