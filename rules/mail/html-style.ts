// What of a reader's view SpamAssassin follows through HTML: text colour, background, size, display and visibility, on a
// stack of open elements. Sizes in CSS, style sheets and images are not looked at, as in the original.
import type { DecodedText } from './charset.js';
import { INVALID, readColor } from './html-color.js';
import type { Attributes } from './html-attributes.js';
import { isBlankCode, trimBlanks, trimStart } from './white.js';

/** Elements that open a style; th counts as td. */
const STYLED = new Set('body font table tr th td big small basefont marquee span p div a'.split(' '));

/** Attributes that are looked at, by element; some of them only make the size count towards the extremes. */
const ATTRIBUTES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['basefont', ['color', 'face', 'size']],
  ['body', ['text', 'bgcolor', 'link', 'alink', 'vlink', 'background']],
  ['font', ['color', 'face', 'size']],
  ['marquee', ['bgcolor', 'background']],
  ...['table', 'td', 'tr'].map((tag): [string, string[]] => [tag, ['bgcolor', 'style']]),
  ...['span', 'p', 'div', 'a'].map((tag): [string, string[]] => [tag, ['style']]),
]);

interface Style {
  foreground: string;
  background: string;
  size: number;
  display: string;
  visibility: string;
}

/** Colours nearer than this count as equal. */
const CONTRAST_MIN = 12;
const SIZE_DEFAULT = 3;

/** Why text cannot be seen. */
export type Hidden = 'contrast' | 'color' | 'other';

export class StyleStack {
  /** Extremes of the sizes set. */
  sizeMax = SIZE_DEFAULT;
  sizeMin = SIZE_DEFAULT;
  private baseSize = SIZE_DEFAULT;
  /** Open elements, and the style in each; equal styles are shared. */
  private readonly tags = ['default'];
  private readonly styles: Style[] = [
    { foreground: '#000000', background: '#ffffff', size: SIZE_DEFAULT, display: '', visibility: '' },
  ];
  /** Elements on the stack by name, so that an end tag without a start costs nothing. */
  private readonly counts = new Map<string, number>();

  startTag(name: string, attributes: Attributes): void {
    if (!STYLED.has(name)) return;
    const tag = name === 'th' ? 'td' : name;
    if (tag === 'basefont') {
      const size = readNumber(attributes.get('size')?.text ?? '');
      if (size !== null && size.sign === '') {
        this.baseSize = size.value;
        return;
      }
    }
    if (tag === 'td' || tag === 'tr') this.closeTable(tag);
    let style = this.top();
    if (tag === 'big') style = { ...style, size: style.size + 1 };
    else if (tag === 'small') style = { ...style, size: style.size - 1 };
    else if (attributes.names.length > 0) {
      style = { ...style };
      this.apply(tag, style, attributes);
    }
    this.tags.push(tag);
    this.styles.push(style);
    this.counts.set(tag, (this.counts.get(tag) ?? 0) + 1);
  }

  endTag(name: string): void {
    if (!STYLED.has(name) || name === 'body') return;
    const tag = name === 'th' ? 'td' : name;
    if ((this.counts.get(tag) ?? 0) === 0) return;
    while (this.pop() !== tag);
  }

  /** Why text here is not seen, or null. */
  hidden(): Hidden | null {
    const { foreground, background, size, display, visibility } = this.top();
    if (foreground.slice(-6) === background.slice(-6) || isNear(foreground, background)) return 'contrast';
    if (foreground === INVALID || background === INVALID) return 'color';
    return size <= 1 || display.toLowerCase() === 'none' || visibility.toLowerCase() === 'hidden' ? 'other' : null;
  }

  private top(): Style {
    return this.styles[this.styles.length - 1]!;
  }

  private pop(): string {
    this.styles.pop();
    const tag = this.tags.pop()!;
    this.counts.set(tag, this.counts.get(tag)! - 1);
    return tag;
  }

  /** A cell ends the one before it, a row its cells and the row before it. */
  private closeTable(tag: 'td' | 'tr'): void {
    if ((this.counts.get(tag) ?? 0) === 0) return;
    for (let top = this.tags.at(-1)!; top === 'font' || top === 'td' || (tag === 'tr' && top === 'tr');) {
      this.pop();
      top = this.tags.at(-1)!;
    }
  }

  private apply(tag: string, style: Style, attributes: Attributes): void {
    const looked = ATTRIBUTES.get(tag);
    if (looked === undefined) return;
    let any = false;
    for (const name of looked) {
      const value = attributes.get(name);
      if (value === null) continue;
      any = true;
      if (name === 'style') this.applyCss(style, value);
      else if (name === 'size') {
        const size = readNumber(value.text);
        if (size !== null) style.size = size.sign === '' ? size.value : this.baseSize + size.value;
      } else if (name === 'color' || name === 'text') style.foreground = readColor(value.text);
    }
    if (!any) return;
    if (style.size > this.sizeMax) this.sizeMax = style.size;
    else if (style.size < this.sizeMin) this.sizeMin = style.size;
  }

  private applyCss(style: Style, { text }: DecodedText): void {
    for (const part of text.split(';')) applyDeclaration(style, part);
    if (style.background === 'transparent') style.background = this.top().background;
    if (style.foreground === 'transparent') style.foreground = style.background;
  }
}

function readNumber(text: string): { sign: string; value: number } | null {
  const found = /^([+-]?)(\d{1,9})/.exec(trimStart(text));
  if (found === null) return null;
  const value = Number(found[2]);
  return { sign: found[1]!, value: found[1] === '-' ? -value : value };
}

/** One `name: value` of a style attribute. */
function applyDeclaration(style: Style, written: string): void {
  const text = trimBlanks(written);
  const colon = text.indexOf(':');
  if (colon <= 0) return;
  const property = text.slice(0, colon);
  const value = trimStart(text.slice(colon + 1));
  // Only around a value may there be line breaks.
  if (value.includes('\n')) return;
  const name = property.toLowerCase();
  // A blank, but not a line break, is a value to SpamAssassin where it looks for a colour.
  if (value === '' && (!name.endsWith('color') || !/:\s*[^\S\n]/.test(written))) return;
  if (name === 'color' || name === 'background-color') applyColor(style, name === 'color', value.toLowerCase());
  else if (property === 'background') applyBackground(style, value.toLowerCase());
  else {
    // Names are kept as written: upper case is another property, and so is one with blanks.
    if (isBlankCode(property.charCodeAt(property.length - 1))) return applyProperty(style, trimBlanks(property), value);
    applyProperty(style, property, value);
  }
}

function applyProperty(style: Style, name: string, value: string): void {
  if (name === 'display') style.display = value;
  else if (name === 'visibility') style.visibility = value;
}

function applyColor(style: Style, isForeground: boolean, written: string): void {
  const value = written.replace(/[\t-\r ]{0,100}![\t-\r ]{0,100}important$/, '');
  let color: string;
  if (value.includes('rgb')) {
    const numbers = value.replace(/[^0-9,]+/g, '').split(',');
    color = `#${[0, 1, 2].map((index) => hexByte(numbers[index])).join('')}`;
  } else if (value === 'inherit') return;
  else color = value === 'transparent' ? value : readColor(value);
  if (isForeground) style.foreground = color;
  else style.background = color;
}

function hexByte(number: string | undefined): string {
  return Math.min(255, Number(number ?? 0))
    .toString(16)
    .padStart(2, '0');
}

/** The first colour in the last layer. */
function applyBackground(style: Style, value: string): void {
  for (const word of lastLayer(value)) {
    const color = readColor(word);
    if (color !== INVALID) {
      style.background = color;
      return;
    }
  }
}

/** Words of the last comma-separated layer; parentheses and quotes hold words together. */
function lastLayer(value: string): string[] {
  let layer: string[] = [];
  let last: string[] = [];
  let word = '';
  let closers = '';
  const endWord = (): void => {
    if (word !== '') layer.push(word);
    word = '';
  };
  for (const char of value) {
    if (closers === '' && char === ' ') endWord();
    else if (closers === '' && char === ',') {
      endWord();
      last = layer;
      layer = [];
    } else {
      word += char;
      const closer = closers.at(-1);
      if (char === closer) {
        closers = closers.slice(0, -1);
        if (char === ')') endWord();
      } else if (closer === undefined || closer === ')') {
        if (char === '"' || char === "'") closers += char;
        else if (char === '(' && closer === undefined) closers += ')';
      }
    }
  }
  endWord();
  return layer.length > 0 ? layer : last;
}

function isNear(one: string, other: string): boolean {
  if (!/^#[0-9a-f]{6}$/.test(one) || !/^#[0-9a-f]{6}$/.test(other)) return false;
  const difference = (at: number): number =>
    parseInt(one.slice(at, at + 2), 16) - parseInt(other.slice(at, at + 2), 16);
  const red = 0.2126 * difference(1);
  const green = 0.7152 * difference(3);
  const blue = 0.0722 * difference(5);
  return Math.sqrt(red * red + green * green + blue * blue) < CONTRAST_MIN;
}
