// Renders HTML to text as SpamAssassin 4 does, and collects what its rules ask about: counts, colours, anchors, addresses.
// Hidden text stays in the text and is marked. One pass, no tree; takes decoded text, never fails.
import { doAtOnce, type Steps } from '../steps.js';
import { encodeUtf8, type DecodedText } from './charset.js';
import type { Attributes } from './html-attributes.js';
import { HtmlReader, type HtmlEvents } from './html-events.js';
import { HtmlLinks, type HtmlUri } from './html-links.js';
import { StyleStack } from './html-style.js';
import { endOfWord, startOfWord } from './html-words.js';

export type { HtmlUri } from './html-links.js';

/** What one HTML part is made of. */
export interface HtmlFacts {
  /** Values by SpamAssassin's names (`length`, `closed_extra_ratio`, `font_face_bad` as 1 ...); absent when undefined. */
  readonly values: ReadonlyMap<string, number>;
  /** Elements by name with how many are still open at the end. */
  readonly inside: ReadonlyMap<string, number>;
  /** Texts in characters, not bytes. */
  readonly anchors: readonly string[];
  readonly titles: readonly string[];
  readonly comments: readonly string[];
  readonly scripts: readonly string[];
  /** Addresses in attributes, by where they lead. */
  readonly uris: ReadonlyMap<string, HtmlUri>;
  /** For rules of our own: input fields for passwords, and comments that stand in the midst of a word. */
  readonly passwordFields: number;
  readonly wordsSplit: number;
  readonly formActions: readonly string[];
}

/** A part's text as its reader would get it, in pieces. */
export interface RenderedHtml {
  readonly all: DecodedText;
  readonly visible: DecodedText;
  readonly invisible: DecodedText;
  readonly facts: HtmlFacts;
}

const ELEMENTS = new Set(
  (
    'a abbr acronym address area b base bdo big blockquote body br button caption cite code col colgroup dd del dfn div dl ' +
    'dt em fieldset form h1 h2 h3 h4 h5 h6 head hr html i img input ins kbd label legend li link map meta noscript object ' +
    'ol optgroup option p param pre q samp script select small span strong style sub sup table tbody td textarea tfoot th ' +
    'thead title tr tt ul var applet basefont center dir font frame frameset iframe isindex menu noframes s strike u nobr ' +
    'x-sigsep x-tab'
  ).split(' '),
);
/** Elements that are none, and are looked at all the same. */
const TRICKS = new Set('bgsound embed listing plaintext xmp'.split(' '));
const NAMESPACE = /^(?:o|st\d):[\w-]+\/?$/;

/** Tags that stand for white space, at their start and at their end. */
const TAG_SPACE: ReadonlyMap<string, string> = new Map([
  ...['br', 'div'].map((tag) => [tag, '\n'] as const),
  ...['li', 'td', 'th', 'dt', 'dd', 'embed', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((tag) => [tag, ' '] as const),
  ...['p', 'hr', 'blockquote', 'pre', 'listing', 'plaintext', 'xmp', 'title'].map((tag) => [tag, '\n\n'] as const),
]);

/** Screen that sizes in percent are taken of, and the size of an image that tells none. */
const SCREEN_WIDTH = 800;
const SCREEN_HEIGHT = 600;
const IMAGE_SIDE = 200;
/** Targets of forms kept. */
const FORM_ACTIONS_MAX = 100;
/** Longest list of font names that is read. */
const FACE_LENGTH_MAX = 200;

/** Longest HTML that is rendered, characters; SpamAssassin itself has no bound, and looks at the first 50,000 of the result. */
export const HTML_LENGTH_MAX = 1_000_000;

/** Signs of markup read between two rests. */
const TURNS_PER_STEP = 2_000;

/** Renders the decoded text of a part; `bytes` is its length before charset decoding. */
export function renderHtml(source: DecodedText, bytes: number): RenderedHtml {
  return doAtOnce(renderInSteps(source, bytes));
}

/** The same, with rests. */
export function* renderInSteps(source: DecodedText, bytes: number): Steps<RenderedHtml> {
  const renderer = new Renderer(source.wide);
  yield* renderer.render(source.text.slice(0, HTML_LENGTH_MAX));
  return renderer.result(source, bytes);
}

/** Length in characters; only text with characters beyond the basic plane has another length in JavaScript. */
export function characterCount(text: string): number {
  return /[\ud800-\udbff]/.test(text)
    ? text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0)
    : text.length;
}

const NO_FACTS: Omit<HtmlFacts, 'values'> = {
  inside: new Map(),
  anchors: [],
  titles: [],
  comments: [],
  scripts: [],
  uris: new Map(),
  passwordFields: 0,
  wordsSplit: 0,
  formActions: [],
};

class Renderer implements HtmlEvents {
  private readonly pieces: string[] = [];
  private readonly hidden: boolean[] = [];
  private readonly wides: boolean[] = [];
  private lastIsSpace = false;
  private readonly style = new StyleStack();
  private readonly links: HtmlLinks;
  private readonly inside = new Map<string, number>();
  private readonly seen = {
    tags: 0,
    elements: 0,
    tagNames: 0,
    elementNames: 0,
    closedExtra: 0,
    obfuscation: 0,
    imageArea: 0,
  };
  private readonly flags = new Set<string>();
  private readonly backhair = new Set<number>();
  private readonly titles: string[] = [];
  private readonly comments: string[] = [];
  private readonly scripts: string[] = [];
  private readonly formActions: string[] = [];
  private passwordFields = 0;
  private wordsSplit = 0;
  private commentInWord = false;
  private ended = true;

  constructor(private readonly wide: boolean) {
    this.links = new HtmlLinks(wide);
  }

  *render(source: string): Steps<void> {
    let text = source.includes('&nbsp;') ? source.replaceAll('&nbsp;', ' ') : source;
    if (text.includes('/>')) text = text.replace(/<(\w+)[\t-\r ]*\/>/g, '<$1>');
    if (this.wide) text = text.replace(/[\u201c\u201d]/g, '"');
    const reader = new HtmlReader(this.wide, this);
    reader.begin(text);
    while (!reader.goOn(TURNS_PER_STEP)) yield;
    if ((this.inside.get('style') ?? 0) > 0) reader.write('</style>');
    if ((this.inside.get('script') ?? 0) > 0) reader.write('</script>');
    this.ended = reader.end();
  }

  startTag(name: string, attributes: Attributes): void {
    if (!this.count(name, 1)) return;
    this.style.startTag(name, attributes);
    this.tagSpace(name);
    this.links.startTag(name, attributes);
    this.look(name, attributes);
  }

  endTag(name: string): void {
    if (!this.count(name, -1)) return;
    this.style.endTag(name);
    this.tagSpace(name);
  }

  declaration(text: string): void {
    if (!/^<!doctype/i.test(text)) return;
    this.seen.elements++;
    this.seen.tags++;
    this.inside.set('!doctype', 0);
  }

  comment(text: string): void {
    this.comments.push(text);
    this.commentInWord = /[A-Za-z]/.test(this.pieces.at(-1)?.at(-1) ?? '');
  }

  text({ text, wide }: DecodedText): void {
    if ((this.inside.get('script') ?? 0) > 0) {
      this.scripts.push(text);
      return;
    }
    if ((this.inside.get('style') ?? 0) > 0) return;
    if ((this.inside.get('a') ?? 0) > 0) this.links.anchorText(text);
    if ((this.inside.get('title') ?? 0) > 0 && this.titles.length > 0) this.titles[this.titles.length - 1] += text;
    const why = holdsText(text) ? this.style.hidden() : null;
    if (why === 'contrast') this.flags.add('font_low_contrast');
    else if (why === 'color') this.flags.add('font_invalid_color');
    this.compareWords(text, wide);
    if (this.commentInWord && /^[A-Za-z]/.test(text)) this.wordsSplit++;
    this.commentInWord = false;
    this.addText(text, wide, why !== null);
  }

  /** Counts the tag; false when nothing else is to be done about it. */
  private count(name: string, step: 1 | -1): boolean {
    const { seen } = this;
    const known = ELEMENTS.has(name);
    const namespaced = !known && NAMESPACE.test(name);
    const open = this.inside.get(name);
    if (known || namespaced) {
      seen.elements++;
      if (open === undefined) seen.elementNames++;
    }
    seen.tags++;
    if (open === undefined) seen.tagNames++;
    const now = (open ?? 0) + step;
    if (now < 0) seen.closedExtra++;
    this.inside.set(name, Math.max(0, now));
    return known || TRICKS.has(name);
  }

  private tagSpace(name: string): void {
    const space = TAG_SPACE.get(name);
    if (space === undefined) return;
    const at = this.pieces.length - 1;
    if (at >= 0 && !this.lastIsSpace && !this.hidden[at]!) {
      const last = this.pieces[at]!;
      if (last.endsWith(' ')) this.pieces[at] = last.slice(0, -1);
    }
    this.add(space, false, false);
    this.lastIsSpace = true;
    this.commentInWord = false;
  }

  private addText(text: string, wide: boolean, hidden: boolean): void {
    let piece = text.replace(/[\t-\r ]+|\xc2\xa0/g, ' ');
    if (this.lastIsSpace && !hidden && piece.startsWith(' ')) piece = piece.slice(1);
    this.add(piece, hidden, wide);
    this.lastIsSpace = false;
  }

  private add(piece: string, hidden: boolean, wide: boolean): void {
    this.pieces.push(piece);
    this.hidden.push(hidden);
    this.wides.push(wide);
  }

  /** Words that go on from one piece to the next, and the lengths of their halves. */
  private compareWords(text: string, wide: boolean): void {
    const last = this.pieces.at(-1);
    if (last === undefined || this.lastIsSpace) return;
    const before = endOfWord(last, this.wides.at(-1)!);
    const after = startOfWord(text, wide);
    if (before.any && after.any) this.seen.obfuscation++;
    if (before.length > 0 && after.length > 0) this.backhair.add(before.length * 10 + after.length);
  }

  private look(name: string, attributes: Attributes): void {
    switch (name) {
      case 'font': {
        const face = attributes.get('face');
        if (face !== null && !isGoodFace(face.text)) this.flags.add('font_face_bad');
        break;
      }
      case 'img':
        if ((this.inside.get('a') ?? 0) > 0) this.links.anchorText('<img>\n');
        if (attributes.has('width') && attributes.has('height')) this.seen.imageArea += imageArea(attributes);
        break;
      case 'form':
        this.lookAtForm(attributes);
        break;
      case 'object':
      case 'embed':
        this.flags.add('embeds');
        break;
      case 'a':
        this.links.openAnchor(attributes);
        break;
      case 'title':
        this.titles.push('');
        break;
      case 'input':
        if (attributes.get('type')?.text.toLowerCase() === 'password') this.passwordFields++;
        break;
    }
  }

  private lookAtForm(attributes: Attributes): void {
    const action = attributes.get('action');
    if (action === null) return;
    if (/mailto:/i.test(action.text)) this.flags.add('form_action_mailto');
    if (this.formActions.length < FORM_ACTIONS_MAX) this.formActions.push(action.text);
  }

  result(source: DecodedText, bytes: number): RenderedHtml {
    const select = (hidden: boolean): DecodedText => ({
      text: this.pieces.filter((_, index) => this.hidden[index] === hidden).join(''),
      wide: this.wides.some((wide, index) => wide && this.hidden[index] === hidden),
    });
    const anyHidden = this.hidden.includes(true);
    const all = { text: this.pieces.join(''), wide: this.wides.includes(true) };
    return {
      all,
      visible: anyHidden ? select(false) : all,
      invisible: anyHidden ? select(true) : { text: '', wide: false },
      facts: this.facts(all, characterCount(source.text), bytes),
    };
  }

  private facts(rendered: DecodedText, length: number, bytes: number): HtmlFacts {
    // A section to be ignored that has no end swallows the end of the document, and all that is summed up there.
    if (!this.ended) return { ...NO_FACTS, values: this.values(rendered, length, bytes) };
    return {
      values: this.values(rendered, length, bytes),
      inside: this.inside,
      anchors: this.links.anchors(),
      titles: this.titles,
      comments: this.comments,
      scripts: this.scripts,
      uris: this.links.uris(),
      passwordFields: this.passwordFields,
      wordsSplit: this.wordsSplit,
      formActions: this.formActions.map(encodeUtf8),
    };
  }

  private values(rendered: DecodedText, length: number, bytes: number): Map<string, number> {
    const { seen, style } = this;
    const values = new Map<string, number>([['html', 1]]);
    for (const flag of this.flags) values.set(flag, 1);
    const shown = characterCount(rendered.text);
    values.set('html_length', shown);
    values.set('non_space_len', shown - spaceCount(rendered));
    if (bytes > 0) values.set('ratio', (bytes - shown) / bytes);
    if (!this.ended) return values;
    values.set('image_area', seen.imageArea);
    values.set('length', length);
    values.set('min_size', style.sizeMin);
    values.set('max_size', style.sizeMax);
    if (this.links.truncated) values.set('uri_truncated', 1);
    if (this.backhair.size > 0) values.set('backhair_count', this.backhair.size);
    if (seen.tags > 0) {
      values.set('closed_extra_ratio', seen.closedExtra / seen.tags);
      if (seen.elements > 0) values.set('bad_tag_ratio', (seen.tags - seen.elements) / seen.tags);
      if (seen.obfuscation > 0) values.set('obfuscation_ratio', seen.obfuscation / seen.tags);
    }
    if (seen.elementNames > 0) values.set('non_element_ratio', (seen.tagNames - seen.elementNames) / seen.tagNames);
    return values;
  }
}

/** Anything but white space. */
function holdsText(text: string): boolean {
  return /[^\t-\r ]/.test(text.includes('\xc2\xa0') ? text.replaceAll('\xc2\xa0', '') : text);
}

function spaceCount({ text, wide }: DecodedText): number {
  const spaces = wide ? /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g : /[ \t\n\r\v]/g;
  let count = 0;
  while (spaces.exec(text) !== null) count++;
  return count;
}

/** Names of fonts in a list, as people write them. */
function isGoodFace(face: string): boolean {
  return (
    face.length <= FACE_LENGTH_MAX &&
    /^[\t-\r ]*["'.]?[a-z ][a-z -]*[a-z]\d?["']?(?:,[\t-\r ]*["']?[a-z][a-z -]*[a-z]\d?["']?)*;?\n?$/i.test(face)
  );
}

function imageArea(attributes: Attributes): number {
  return side(attributes, 'width', SCREEN_WIDTH) * side(attributes, 'height', SCREEN_HEIGHT);
}

function side(attributes: Attributes, name: string, screen: number): number {
  const found = /^(\d+)(%?)\n?$/.exec(attributes.get(name)?.text ?? '');
  const size = found === null ? 0 : Number(found[1]) * (found[2] === '%' ? screen / 100 : 1);
  return size > 0 ? size : IMAGE_SIDE;
}
