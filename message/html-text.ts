// Renders HTML as a reader sees it, and apart from that the text it hides, and collects every link with its visible text.
// Own renderer over a tokeniser that follows the HTML standard; bounded in depth, length and number, linear in its input.
import { SAXParser, type EndTag, type SaxToken, type StartTag, type Text as SaxText } from 'parse5-sax-parser';
import { applyDeclarations, declarations, FIRST_LOOK, hides, type Look } from './html-style.js';
import { BLOCKS, CLOSES, FORMATTING, NOT_SHOWN, NO_TEXT, P_BOUNDS, P_ONLY, TABLE, VOID } from './html-elements.js';
import { LinkCollector, type HtmlLink } from './html-links.js';
import { presentational } from './html-presentation.js';
import { StyleSheet } from './style-sheet.js';
import { TextBuilder } from './text-builder.js';

/** Open elements followed; deeper ones are flattened, as browsers do. */
export const HTML_DEPTH_MAX = 512;
/** Changes between HTML, SVG and MathML followed. */
export const NAMESPACES_MAX = 64;
/** Characters of one link's visible text. */
export const LINK_TEXT_MAX = 1_000;
/** Characters looked at for the text of one anchor, white space included. */
const LINK_SLICE_MAX = 20_000;

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
  readonly #links = new LinkCollector();
  readonly #sheet = new StyleSheet();
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
      links: this.#links.links,
      base: this.#links.base,
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
    const link = this.#link(name, attributes);
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

  /** Takes the addresses of a tag; gives the anchor when it is one. */
  #link(name: string, attributes: ReadonlyMap<string, string>): Open['link'] {
    const entry = this.#links.take(name, attributes);
    return entry === null ? null : { entry, from: this.#visible.pieces.length };
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
}

/** `/>` closes only foreign elements; names of HTML have letters and digits alone. */
const HTML_NAMES_CHECK = /^[a-z][a-z0-9]*$/;
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
