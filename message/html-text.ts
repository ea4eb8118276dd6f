// Renders HTML as a reader sees it, and apart from that the text it hides, and collects every link with its visible text.
// Own renderer over a tokeniser that follows the HTML standard; bounded in depth, length and number, linear in its input.
import { SAXParser, type EndTag, type SaxToken, type StartTag, type Text as SaxText } from 'parse5-sax-parser';
import { color } from './color.js';
import { applyDeclarations, declarations, FIRST_LOOK, hides, type Look } from './html-style.js';
import {
  BLOCKS,
  CLOSES,
  FORMATTING,
  LEGACY_FONT_PX,
  NOT_SHOWN,
  NO_TEXT,
  P_BOUNDS,
  P_ONLY,
  TABLE,
  VOID,
} from './html-elements.js';
import { StyleSheet } from './style-sheet.js';
import { TextBuilder } from './text-builder.js';

/** Open elements followed; deeper ones are flattened, as browsers do. */
export const HTML_DEPTH_MAX = 512;
/** Changes between HTML, SVG and MathML followed. */
export const NAMESPACES_MAX = 64;
/** Links kept, and characters of one link's visible text. */
export const LINKS_MAX = 20_000;
export const LINK_TEXT_MAX = 1_000;
export const LINK_LENGTH_MAX = 8_192;
/** Characters looked at for the text of one anchor, white space included. */
const LINK_SLICE_MAX = 20_000;

/** One address an HTML part points to. */
export interface HtmlLink {
  /** As written, blanks around dropped. */
  readonly target: string;
  readonly kind: 'link' | 'image' | 'form' | 'other';
  /** Visible text of an anchor, white space collapsed; null for what is no anchor. */
  text: string | null;
}

export interface Rendered {
  readonly visible: string;
  readonly hidden: string;
  readonly links: readonly HtmlLink[];
  /** Address of the first `<base>`, or null. */
  readonly base: string | null;
  readonly depthCut: boolean;
}

/** Renders one HTML text. */
export function renderHtml(source: string): Rendered {
  const renderer = new Renderer();
  renderer.feed(source);
  return renderer.result();
}

interface Open {
  readonly name: string;
  readonly look: Look;
  readonly noText: boolean;
  /** The anchor it stands for, with the first piece of visible text that may be its own. */
  readonly link: { readonly entry: HtmlLink; readonly from: number } | null;
}

const ROOT: Open = { name: '', look: FIRST_LOOK, noText: false, link: null };

class Renderer extends SAXParser {
  readonly #stack: Open[] = [ROOT];
  readonly #counts = new Map<string, number>();
  readonly #visible = new TextBuilder();
  readonly #hidden = new TextBuilder();
  readonly #links: HtmlLink[] = [];
  readonly #sheet = new StyleSheet();
  #base: string | null = null;
  #overDepth = 0;
  #depthCut = false;
  #inStyle = false;
  /** The tokeniser's state for ordinary content. */
  #dataState = 0;

  constructor() {
    super({ sourceCodeLocationInfo: false });
  }

  /** The whole text at once: the stream around the tokeniser is passed by. */
  feed(source: string): void {
    this.#dataState = this.tokenizer.state;
    this.tokenizer.write(source, true);
  }

  result(): Rendered {
    for (const open of this.#stack) this.#endLink(open);
    return {
      visible: this.#visible.toString(),
      hidden: this.#hidden.toString(),
      links: this.#links,
      base: this.#base,
      depthCut: this.#depthCut,
    };
  }

  protected override emitIfListenerExists(event: string, token: SaxToken): boolean {
    if (event === 'text') this.#text((token as SaxText).text);
    else if (event === 'startTag') this.#startTag(token as StartTag);
    else if (event === 'endTag') this.#endTag((token as EndTag).tagName);
    return true;
  }

  get #top(): Open {
    return this.#stack[this.#stack.length - 1] as Open;
  }

  #text(chars: string): void {
    if (this.#inStyle) {
      this.#sheet.read(chars);
      return;
    }
    const { look, noText } = this.#top;
    if (noText) return;
    (hides(look) ? this.#hidden : this.#visible).text(chars, look.pre);
  }

  #startTag(tag: StartTag): void {
    const name = tag.tagName;
    this.#steer(name);
    const attributes = attributeMap(tag);
    this.#closeImplied(name);
    this.#whiteSpace(name);
    const link = this.#collectLinks(name, attributes);
    if (name === 'style') this.#inStyle = true;
    if (VOID.has(name)) return;
    if (tag.selfClosing && !HTML_NAMES_CHECK.test(name)) return;
    if (this.#stack.length > HTML_DEPTH_MAX) {
      this.#overDepth++;
      this.#depthCut = true;
      return;
    }
    const parent = this.#top;
    this.#stack.push({
      name,
      look: this.#look(parent.look, name, attributes),
      noText: parent.noText || NO_TEXT.has(name),
      link,
    });
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /**
   * Mail is shown without scripts, so what stands in `noscript` is content. And the tokeniser's stack of namespaces costs
   * its own depth at every step: what lies deeper than we follow is forgotten.
   */
  #steer(name: string): void {
    if (name === 'noscript') this.tokenizer.state = this.#dataState;
    const { namespaceStack } = this.parserFeedbackSimulator as unknown as { namespaceStack: unknown[] };
    if (namespaceStack.length > NAMESPACES_MAX) {
      namespaceStack.length = NAMESPACES_MAX;
      this.#depthCut = true;
    }
  }

  #look(parent: Look, name: string, attributes: ReadonlyMap<string, string>): Look {
    const rules = this.#sheet.of(name, attributes.get('class') ?? '', attributes.get('id') ?? '');
    const style = attributes.get('style');
    let look = attributes.size === 0 && !NOT_SHOWN.has(name) ? parent : presentational(parent, name, attributes);
    if (name === 'pre' || name === 'plaintext' || name === 'xmp' || name === 'listing' || name === 'textarea')
      look = { ...look, pre: true };
    if (NOT_SHOWN.has(name)) look = { ...look, gone: true };
    if (rules.length > 0) look = applyDeclarations(look, rules);
    return style === undefined ? look : applyDeclarations(look, declarations(style));
  }

  #endTag(name: string): void {
    if (name === 'style') this.#inStyle = false;
    if (name === 'br') this.#visible.breakLine();
    if (name === 'p' && (this.#counts.get('p') ?? 0) === 0) this.#visible.newline();
    if (VOID.has(name) || name === 'body' || name === 'html') return;
    if (this.#overDepth > 0) {
      this.#overDepth--;
      this.#whiteSpace(name);
      return;
    }
    if ((this.#counts.get(name) ?? 0) === 0) return;
    const at = this.#find(name);
    if (at > 0) this.#closeAt(at, name);
    this.#whiteSpace(name);
  }

  /** Index of the nearest open element of that name that this end tag may close, or -1. */
  #find(name: string): number {
    const acrossBlocks = FORMATTING.has(name) || BLOCKS.has(name) || TABLE.has(name);
    for (let at = this.#stack.length - 1; at > 0; at--) {
      const open = this.#stack[at] as Open;
      if (open.name === name) return at;
      if (open.name === 'table') return -1;
      if (!acrossBlocks && (BLOCKS.has(open.name) || TABLE.has(open.name))) return -1;
    }
    return -1;
  }

  /** Closes the element there: with all above it, or, for formatting ones, alone when a block stands above it. */
  #closeAt(at: number, name: string): void {
    const alone =
      FORMATTING.has(name) && this.#stack.slice(at + 1).some((open) => BLOCKS.has(open.name) || TABLE.has(open.name));
    if (!alone) {
      while (this.#stack.length > at) this.#pop();
      return;
    }
    const [open] = this.#stack.splice(at, 1) as [Open];
    this.#forget(open);
  }

  #pop(): void {
    this.#forget(this.#stack.pop() as Open);
  }

  #forget(open: Open): void {
    this.#counts.set(open.name, (this.#counts.get(open.name) ?? 1) - 1);
    this.#endLink(open);
  }

  #endLink(open: Open): void {
    if (open.link === null) return;
    const pieces = this.#visible.pieces.slice(open.link.from, open.link.from + LINK_TEXT_MAX);
    open.link.entry.text = pieces.join('').slice(0, LINK_SLICE_MAX).replace(/\s+/g, ' ').trim().slice(0, LINK_TEXT_MAX);
  }

  /** A start tag that ends elements left open (table cells, list items, paragraphs). */
  #closeImplied(name: string): void {
    const rule = CLOSES.get(name);
    if (rule !== undefined) this.#closeNamed(rule.names, rule.bounds);
    if (BLOCKS.has(name) && name !== 'option' && (this.#counts.get('p') ?? 0) > 0) this.#closeNamed(P_ONLY, P_BOUNDS);
  }

  #closeNamed(names: ReadonlySet<string>, bounds: ReadonlySet<string>): void {
    let found = -1;
    for (let at = this.#stack.length - 1; at > 0; at--) {
      const { name } = this.#stack[at] as Open;
      if (bounds.has(name)) break;
      if (!names.has(name)) continue;
      found = at;
      if (names.size === 1) break;
    }
    while (found > 0 && this.#stack.length > found) this.#pop();
  }

  #whiteSpace(name: string): void {
    if (name === 'br') this.#visible.breakLine();
    else if (name === 'td' || name === 'th') this.#visible.space();
    else if (BLOCKS.has(name)) {
      this.#visible.newline();
      this.#hidden.newline();
    }
  }

  /** Takes the addresses of a tag; gives the anchor when it is one. */
  #collectLinks(name: string, attributes: ReadonlyMap<string, string>): Open['link'] {
    if (attributes.size === 0) return null;
    if (name === 'base') {
      this.#base ??= attributes.get('href')?.trim() ?? null;
      return null;
    }
    if (name === 'meta') this.#metaRefresh(attributes);
    let anchor: Open['link'] = null;
    for (const [attribute, kind] of LINK_ATTRIBUTES) {
      const target = attributes.get(attribute)?.trim();
      if (target === undefined || target === '' || target.startsWith('#')) continue;
      const isAnchor = attribute === 'href' && (name === 'a' || name === 'area');
      const entry = this.#addLink(target, isAnchor ? 'link' : attribute === 'src' && name !== 'img' ? 'other' : kind);
      if (entry !== null && isAnchor && name === 'a') anchor = { entry, from: this.#visible.pieces.length };
    }
    const style = attributes.get('style');
    if (style !== undefined && style.includes('url(')) this.#styleLinks(style);
    return anchor;
  }

  #addLink(target: string, kind: HtmlLink['kind']): HtmlLink | null {
    if (this.#links.length >= LINKS_MAX) return null;
    const entry: HtmlLink = { target: target.slice(0, LINK_LENGTH_MAX), kind, text: kind === 'link' ? '' : null };
    this.#links.push(entry);
    return entry;
  }

  #metaRefresh(attributes: ReadonlyMap<string, string>): void {
    if (attributes.get('http-equiv')?.toLowerCase() !== 'refresh') return;
    const content = attributes.get('content') ?? '';
    const at = content.toLowerCase().indexOf('url=');
    if (at >= 0)
      this.#addLink(
        content
          .slice(at + 4)
          .replace(/^["']|["']$/g, '')
          .trim(),
        'other',
      );
  }

  #styleLinks(style: string): void {
    let at = style.indexOf('url(');
    for (let found = 0; at >= 0 && found < 10; found++) {
      const end = style.indexOf(')', at);
      if (end < 0) return;
      const target = style.slice(at + 4, end).replace(/^["'\s]|["'\s]$/g, '');
      if (target !== '') this.#addLink(target, 'image');
      at = style.indexOf('url(', end);
    }
  }
}

/** `/>` closes only foreign elements; names of HTML have letters and digits alone. */
const HTML_NAMES_CHECK = /^[a-z][a-z0-9]*$/;
const LINK_ATTRIBUTES: readonly (readonly [string, HtmlLink['kind']])[] = [
  ['href', 'other'],
  ['src', 'image'],
  ['background', 'image'],
  ['action', 'form'],
  ['formaction', 'form'],
  ['data-saferedirecturl', 'other'],
  ['poster', 'image'],
  ['xlink:href', 'other'],
  ['data', 'other'],
  ['x/href', 'other'],
  ['x/src', 'image'],
];

function attributeMap(tag: StartTag): ReadonlyMap<string, string> {
  if (tag.attrs.length === 0) return EMPTY;
  const map = new Map<string, string>();
  for (const { name, value, prefix } of tag.attrs) {
    const key = prefix !== undefined && prefix !== '' ? `${prefix}:${name}` : name;
    if (!map.has(key)) map.set(key, value);
  }
  return map;
}

const EMPTY: ReadonlyMap<string, string> = new Map();

/** Attributes that dress text: `hidden`, `bgcolor`, `color`, `size`, `background`. */
function presentational(parent: Look, name: string, attributes: ReadonlyMap<string, string>): Look {
  let look = parent;
  if (attributes.has('hidden')) look = { ...look, gone: true };
  if (name === 'input') return look;
  const bgcolor = attributes.get('bgcolor');
  if (bgcolor !== undefined) look = { ...look, background: color(bgcolor) ?? look.background };
  if (attributes.has('background')) look = { ...look, background: null };
  const text = name === 'body' ? attributes.get('text') : name === 'font' ? attributes.get('color') : undefined;
  if (text !== undefined) look = { ...look, color: color(text), transparent: false };
  const size = name === 'font' ? attributes.get('size') : undefined;
  if (size !== undefined) look = { ...look, fontSize: legacySize(size, look.fontSize) };
  return look;
}

/** `<font size>`: 1–7, or relative to 3. */
function legacySize(size: string, otherwise: number): number {
  const value = parseInt(size, 10);
  if (!Number.isFinite(value)) return otherwise;
  const step = /^[+-]/.test(size.trim()) ? 3 + value : value;
  return LEGACY_FONT_PX[Math.max(1, Math.min(7, step))] ?? otherwise;
}
