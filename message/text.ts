// The text parts of a message as a reader sees them: source, visible and hidden text, each worked out when asked for,
// and the URLs they hold. Bounded per part and in all; never fails.
import { decodeText } from './charset.js';
import { renderHtml, type Rendered } from './html-text.js';
import type { MessageLimits } from './limits.js';
import type { Part } from './mime.js';
import type { OdditySink } from './oddity.js';
import { LazyUrl, type Url } from './url.js';
import { findUrls } from './url-scan.js';

/** A text part as a reader sees it. */
export interface Text {
  readonly part: Part;
  readonly kind: 'plain' | 'html';
  /** Decoded: transfer encoding undone, charset to Unicode. For HTML this is the source. */
  readonly source: string;
  /** What a reader sees: equals `source` for plain text; HTML rendered, hidden text left out. */
  readonly visible: string;
  /** Text an HTML part hides from its reader ('' for plain). */
  readonly hidden: string;
}

/** Types of text that are data, not something to read. */
const NOT_READ = new Set(['text/calendar', 'text/x-vcard', 'text/vcard', 'text/directory', 'text/rtf']);
const HTML_NAME = /\.(?:x?html?|shtml?)$/i;
const META_CHARSET_BYTES = 2_048;

/** `html`, `plain`, or null when the part is no text. A multipart that could not be split is read as plain text. */
export function textKind(part: Part): 'plain' | 'html' | null {
  const { type } = part;
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html';
  if (type.startsWith('multipart/')) return part.children.length === 0 ? 'plain' : null;
  if (part.children.length > 0) return null;
  if (HTML_NAME.test(part.name)) return 'html';
  return type.startsWith('text/') && !NOT_READ.has(type) ? 'plain' : null;
}

/** The text parts of a tree, each with its share of the limits. */
export function findTexts(parts: readonly Part[], limits: MessageLimits, oddities: OdditySink): PartText[] {
  const texts: PartText[] = [];
  let left = limits.textBytesMax;
  for (const part of parts) {
    const kind = textKind(part);
    if (kind === null) continue;
    const encodedBytes = part.bodyEnd - part.bodyStart;
    const bytesMax = Math.min(left, limits.textPartBytesMax);
    if (encodedBytes > bytesMax) oddities.add('TEXT_LIMIT', undefined, part.path);
    left -= Math.min(bytesMax, encodedBytes);
    texts.push(new PartText(part, kind, bytesMax, oddities));
  }
  return texts;
}

/** One text part over its content. */
export class PartText implements Text {
  #source: string | undefined;
  #rendered: Rendered | undefined;
  constructor(
    readonly part: Part,
    readonly kind: 'plain' | 'html',
    private readonly bytesMax: number,
    private readonly oddities: OdditySink,
  ) {}

  get source(): string {
    return (this.#source ??= this.#decode());
  }

  get visible(): string {
    return this.kind === 'plain' ? this.source : this.rendered.visible;
  }

  get hidden(): string {
    return this.kind === 'plain' ? '' : this.rendered.hidden;
  }

  /** Rendering of an HTML part; of a plain one, that of its source taken as HTML. */
  get rendered(): Rendered {
    if (this.#rendered === undefined) {
      this.#rendered = renderHtml(this.source);
      if (this.#rendered.depthCut) this.oddities.add('HTML_DEPTH_LIMIT', undefined, this.part.path);
    }
    return this.#rendered;
  }

  #decode(): string {
    const content = this.part.content().subarray(0, this.bytesMax);
    const declared = this.part.typeParams.get('charset') ?? (this.kind === 'html' ? metaCharset(content) : null);
    const decoded = decodeText(content, declared);
    if (decoded.unknown) this.oddities.add('CHARSET_UNKNOWN', undefined, this.part.path);
    if (decoded.invalid) this.oddities.add('CHARSET_INVALID', undefined, this.part.path);
    return decoded.text;
  }
}

/** Charset an HTML source names itself, or null. */
function metaCharset(content: Buffer): string | null {
  const head = content.toString('latin1', 0, Math.min(content.length, META_CHARSET_BYTES)).toLowerCase();
  const at = head.indexOf('charset=');
  if (at < 0 || !head.includes('<meta')) return null;
  return /^["']?([a-z0-9_.:-]{2,40})/.exec(head.slice(at + 8, at + 60))?.[1] ?? null;
}

/** URLs of all texts, each (raw, from, text) once, at most `limits.urlsMax`. */
export function findTextUrls(texts: readonly PartText[], limits: MessageLimits, oddities: OdditySink): Url[] {
  const urls: Url[] = [];
  const seen = new Set<string>();
  let cut = false;
  const add = (raw: string, text: string | null, from: Url['from'], base: string | null): void => {
    const key = `${from} ${raw} ${text ?? ''}`;
    if (seen.has(key)) return;
    if (urls.length >= limits.urlsMax) cut = true;
    else {
      seen.add(key);
      urls.push(new LazyUrl(raw, text, from, base));
    }
  };
  for (const text of texts) {
    if (cut) break;
    if (text.kind === 'html') {
      const { links, base } = text.rendered;
      const absolute = base !== null && /^https?:/i.test(base) ? base : null;
      for (const link of links) add(link.target, link.text, `html-${link.kind}`, absolute);
    }
    const found = findUrls(text.visible, limits.urlsMax);
    cut ||= found.cut;
    for (const raw of found.urls) add(raw, null, text.kind === 'html' ? 'html-text' : 'plain', null);
  }
  if (cut) oddities.add('URLS_LIMIT');
  return urls;
}
