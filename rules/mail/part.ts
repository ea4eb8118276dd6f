// One part of a message as SpamAssassin keeps it: header fields, the type it counts as, and the content, transfer-decoded
// and charset-decoded when first asked for.
import { decodeText, type DecodedText } from './charset.js';
import { lowerAscii, type MailHeader } from './header.js';
import { decodeBase64, decodeQuotedPrintable, splitLines, unixLines } from './transfer.js';

export class MailPart {
  readonly headers: MailHeader[] = [];
  /** The type it is treated as, lower case; `text/plain` for unknown text types. */
  type = 'text/plain';
  charset: string | null = null;
  /** File name, null when there is none. */
  name: string | null = null;
  boundary: string | null = null;
  /** Parts below; null at a leaf. */
  children: MailPart[] | null = null;
  /** The undecoded content of a leaf; null at a container. */
  raw: string | null = null;
  private content: string | null = null;
  private decodedText: DecodedText | null = null;

  get isLeaf(): boolean {
    return this.children === null;
  }

  /** Fields of that name (lower case), top-down. */
  headersNamed(key: string): readonly MailHeader[] {
    return this.headers.filter((header) => header.key === key);
  }

  /** The decoded value of the last field of that name, or null. */
  value(key: string): string | null {
    for (let at = this.headers.length - 1; at >= 0; at--)
      if (this.headers[at]!.key === key) return this.headers[at]!.decoded();
    return null;
  }

  /** Lower case, empty when not declared. */
  get encoding(): string {
    return lowerAscii(this.value('content-transfer-encoding') ?? '');
  }

  /** Text/html also for what is named like a page. */
  get effectiveType(): string {
    return this.name !== null && /\.s?html?\n?$/i.test(this.name) ? 'text/html' : this.type;
  }

  /** The undecoded content of a leaf, in lines with their ends; empty at a container. */
  lines(): readonly string[] {
    return this.raw === null ? [] : splitLines(this.raw);
  }

  /** Content after the transfer decoding, as a byte string; empty at a container. */
  bytes(): string {
    this.content ??= this.decode();
    return this.content;
  }

  /** Content after charset decoding. */
  text(): DecodedText {
    this.decodedText ??= decodeText(this.bytes(), this.charset ?? 'us-ascii');
    return this.decodedText;
  }

  /** Gives the content away to the message that was read out of it. */
  becomeContainer(child: MailPart): void {
    this.children = [child];
    this.raw = null;
    this.content = null;
  }

  private decode(): string {
    const { raw } = this;
    if (raw === null) return '';
    switch (this.encoding) {
      case 'quoted-printable':
        return unixLines(decodeQuotedPrintable(raw));
      case 'base64':
        return /^(?:text|message)\//.test(this.type) ? unixLines(decodeBase64(raw)) : decodeBase64(raw);
      default:
        return raw;
    }
  }
}

/** The part and all below it, depth first. */
export function allParts(root: MailPart): MailPart[] {
  const found: MailPart[] = [];
  const waiting = [root];
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part.type !== '') found.push(part);
    if (part.children !== null) for (let at = part.children.length - 1; at >= 0; at--) waiting.push(part.children[at]!);
  }
  return found;
}
