// Renders HTML to text the way SpamAssassin's body rules see it (block tags give white space, hidden text stays), and
// counts what evals ask about. Takes decoded HTML, gives text and counts; keeps no tree, so it is linear and flat.
import { SAXParser } from 'parse5-sax-parser';

/** Longest HTML looked at, characters; the rest is not rendered. */
export const HTML_LENGTH_MAX = 1_000_000;

/** Tags that stand for white space, at their start and at their end. */
const TAG_SPACE: ReadonlyMap<string, string> = new Map([
  ...['br', 'div'].map((tag) => [tag, '\n'] as const),
  ...['li', 'td', 'th', 'dt', 'dd', 'embed', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((tag) => [tag, ' '] as const),
  ...['p', 'hr', 'blockquote', 'pre', 'listing', 'plaintext', 'xmp', 'title'].map((tag) => [tag, '\n\n'] as const),
]);

const SILENT = new Set(['script', 'style']);

/** One rendered HTML text. */
export interface RenderedHtml {
  readonly text: string;
  /** Start tags by name, lower case. */
  readonly tags: ReadonlyMap<string, number>;
  /** Comments that stand inside a word (`mo<!-- x -->ney`). */
  readonly wordsSplit: number;
  /** `input type=password` and the like. */
  readonly passwordFields: number;
  /** Targets of forms, as written. */
  readonly formActions: readonly string[];
}

const FORM_ACTIONS_MAX = 100;

/** Renders; never throws on what the HTML is. */
export function renderHtml(html: string): RenderedHtml {
  const renderer = new Renderer();
  const parser = new SAXParser();
  parser.on('startTag', (tag) => renderer.startTag(tag.tagName, tag.attrs));
  parser.on('endTag', (tag) => renderer.endTag(tag.tagName));
  parser.on('comment', () => renderer.comment());
  parser.on('text', (token) => renderer.textNode(token.text));
  parser.end(html.slice(0, HTML_LENGTH_MAX).replaceAll('&nbsp;', ' '));
  return renderer.result();
}

class Renderer {
  private readonly pieces: string[] = [];
  private lastIsSpace = false;
  private silentIn: string | null = null;
  private commentAfterLetter = false;
  private readonly tags = new Map<string, number>();
  private wordsSplit = 0;
  private passwordFields = 0;
  private readonly formActions: string[] = [];

  startTag(name: string, attributes: readonly { name: string; value: string }[]): void {
    this.tags.set(name, (this.tags.get(name) ?? 0) + 1);
    this.tagSpace(name);
    if (SILENT.has(name)) this.silentIn = name;
    const value = (key: string) => attributes.find((attribute) => attribute.name === key)?.value ?? null;
    if (name === 'input' && value('type')?.toLowerCase() === 'password') this.passwordFields++;
    const action = name === 'form' ? value('action') : null;
    if (action !== null && this.formActions.length < FORM_ACTIONS_MAX) this.formActions.push(action);
  }

  endTag(name: string): void {
    if (this.silentIn === name) this.silentIn = null;
    this.tagSpace(name);
  }

  comment(): void {
    // Only the last character: a pattern would walk the whole piece for every comment after it.
    this.commentAfterLetter = /[A-Za-z]/.test(this.pieces.at(-1)?.at(-1) ?? '');
  }

  textNode(text: string): void {
    if (this.silentIn !== null) return;
    if (this.commentAfterLetter && /^[A-Za-z]/.test(text)) this.wordsSplit++;
    this.commentAfterLetter = false;
    let piece = text.replace(/[ \t\n\r\f\v\xa0]+/g, ' ');
    if (this.lastIsSpace && piece.startsWith(' ')) piece = piece.slice(1);
    if (piece === '') return;
    this.pieces.push(piece);
    this.lastIsSpace = false;
  }

  private tagSpace(name: string): void {
    const space = TAG_SPACE.get(name);
    if (space === undefined) return;
    const last = this.pieces.at(-1);
    if (last !== undefined && !this.lastIsSpace && last.endsWith(' '))
      this.pieces[this.pieces.length - 1] = last.slice(0, -1);
    this.pieces.push(space);
    this.lastIsSpace = true;
    this.commentAfterLetter = false;
  }

  result(): RenderedHtml {
    return {
      text: this.pieces.join(''),
      tags: this.tags,
      wordsSplit: this.wordsSplit,
      passwordFields: this.passwordFields,
      formActions: this.formActions,
    };
  }
}
