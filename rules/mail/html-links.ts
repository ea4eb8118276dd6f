// Addresses in the attributes of HTML, joined with the base address, with the tags they stand in and the texts of their
// anchors. Bounded in length.
import { encodeUtf8, type DecodedText } from './charset.js';
import type { Attributes } from './html-attributes.js';
import { resolveTarget } from './html-target.js';

/** Longest address, characters. */
export const URI_LENGTH_MAX = 8_192;

export interface HtmlUri {
  /** Tags it stands in; empty for the address of an anchor as it is written. */
  readonly types: ReadonlySet<string>;
  /** Texts of its anchors, in characters. */
  readonly anchorTexts: readonly string[];
}

interface KnownUri {
  readonly types: Set<string>;
  readonly anchorTexts: string[];
  wide: boolean;
}

const BACKGROUND = new Set(['body', 'table', 'tr', 'td']);
const LINKS = new Set(['a', 'area', 'link']);
const SOURCES = new Set(['img', 'frame', 'iframe', 'embed', 'script', 'bgsound']);
/** Schemes that are never joined with a base. */
const FINAL = /^(?:data|mailto|file|cid|tel):/i;

export class HtmlLinks {
  /** An address was longer than is looked at. */
  truncated = false;
  private base = '';
  private readonly known = new Map<string, KnownUri>();
  private readonly texts: string[] = [];
  private anchor: KnownUri | null = null;

  constructor(private readonly wide: boolean) {}

  startTag(name: string, attributes: Attributes): void {
    if (attributes.names.length === 0) return;
    if (BACKGROUND.has(name)) this.push(name, attributes.get('background'));
    else if (LINKS.has(name)) {
      this.push(name, reference(attributes));
      this.push(name, attributes.get('data-saferedirecturl'));
    } else if (SOURCES.has(name)) this.push(name, prefixed(attributes, 'src') ?? attributes.get('src'));
    else if (name === 'form') this.push(name, attributes.get('action'));
    else if (name === 'base') this.setBase(attributes);
    else if (name === 'meta') this.refresh(attributes);
  }

  /** An anchor begins; texts that follow are its own. */
  openAnchor(attributes: Attributes): void {
    const href = reference(attributes);
    this.anchor = this.uri(href === null ? { text: '', wide: false } : this.clean(href));
    this.anchor.anchorTexts.push('');
    this.texts.push('');
  }

  anchorText(text: string): void {
    if (this.anchor === null) return;
    this.anchor.anchorTexts[this.anchor.anchorTexts.length - 1] += text;
    this.texts[this.texts.length - 1] += text;
  }

  anchors(): readonly string[] {
    return this.texts;
  }

  /** By address, as byte strings. */
  uris(): Map<string, HtmlUri> {
    return new Map([...this.known].map(([uri, known]) => [known.wide ? encodeUtf8(uri) : uri, known]));
  }

  private uri({ text, wide }: DecodedText): KnownUri {
    let known = this.known.get(text);
    if (known === undefined) {
      known = { types: new Set(), anchorTexts: [], wide };
      this.known.set(text, known);
    }
    return known;
  }

  private push(type: string, written: DecodedText | null): void {
    if (written === null) return;
    const uri = this.clean(written);
    if (uri.text === '') return;
    const target = FINAL.test(uri.text) ? uri.text : resolveTarget(this.base, uri.text);
    if (target !== '') this.uri({ text: target, wide: uri.wide }).types.add(type);
  }

  /** Without blanks at its ends, not too long. */
  private clean({ text, wide }: DecodedText): DecodedText {
    const blank = (at: number): boolean => (wide ? WIDE_BLANK : BLANK).test(text[at]!);
    let from = 0;
    let to = text.length;
    while (from < to && blank(from)) from++;
    while (to > from && blank(to - 1)) to--;
    if (to - from > URI_LENGTH_MAX) {
      this.truncated = true;
      to = from + URI_LENGTH_MAX;
    }
    return { text: text.slice(from, to), wide };
  }

  private setBase(attributes: Attributes): void {
    const href = attributes.get('href');
    if (href === null || href.text === '' || href.text === '0') return;
    const { text } = this.clean(href);
    this.push('base', href);
    if (!/^(?:https?|ftp):/i.test(text)) return;
    const folder = withoutFile(text);
    this.base = folder.endsWith('/') ? folder : `${folder}/`;
  }

  private refresh(attributes: Attributes): void {
    const content = attributes.get('content');
    if (content === null || !/refresh/i.test(attributes.get('http-equiv')?.text ?? '')) return;
    if (!/\burl[\t-\r ]*=/i.test(content.text)) return;
    const uri = content.text.replace(/^[^\n]*\burl[\t-\r ]*=[\t-\r ]*/i, '');
    const semicolon = uri.indexOf(';');
    const lineEnd = semicolon < 0 ? -1 : uri.indexOf('\n', semicolon);
    const text = semicolon < 0 ? uri : uri.slice(0, semicolon).trimEnd() + (lineEnd < 0 ? '' : uri.slice(lineEnd));
    this.push('meta', { text, wide: content.wide });
  }
}

const BLANK = /[\t-\r \xa0]/;
const WIDE_BLANK = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** `href`, or what a broken tag made of it; byte order marks are dropped. */
function reference(attributes: Attributes): DecodedText | null {
  const found = prefixed(attributes, 'href') ?? attributes.get('href');
  if (found === null) return null;
  const mark = found.wide ? '\ufeff' : '\xef\xbb\xbf';
  return found.text.includes(mark) ? { text: found.text.replaceAll(mark, ''), wide: found.wide } : found;
}

/** The value of an attribute like `x/href`, which `<a x/href=…>` leaves behind. */
function prefixed(attributes: Attributes, name: 'href' | 'src'): DecodedText | null {
  let found: DecodedText | null = null;
  const pattern = name === 'href' ? /\w\/href/ : /\w\/src/;
  attributes.names.forEach((written, index) => {
    if (written.includes('/') && pattern.test(written)) found = attributes.at(index);
  });
  return found;
}

/** An address without the file name at its end. */
function withoutFile(uri: string): string {
  const host = /^[a-z]+:\/{0,2}[^/]+\//i.exec(uri);
  const file = /\.[^/.]{2,4}$/.exec(uri.slice(-5));
  if (host === null || file === null) return uri;
  const dot = uri.length - file[0].length;
  let from = dot;
  while (from > host[0].length && uri[from - 1] !== '/' && uri[from - 1] !== '.') from--;
  return from < dot && from >= host[0].length ? uri.slice(0, from) : uri;
}
