// What a style does to text: does it hide it? Reads style attributes, presentational attributes and the simple selectors
// of style sheets (element, class, id). Takes text of any kind, never fails, bounded; knows only what hides.

/** How an element shows its text. Inherited by what stands in it. */
export interface Look {
  /** Not shown at all: `display: none` and its like. */
  readonly gone: boolean;
  /** `visibility: hidden`: a descendant may be visible again. */
  readonly invisible: boolean;
  /** Too small to read, px. */
  readonly fontSize: number;
  /** 0xRRGGBB; null when unknown. */
  readonly color: number | null;
  readonly background: number | null;
  readonly transparent: boolean;
  /** White space is kept (`pre`). */
  readonly pre: boolean;
}

export const FIRST_LOOK: Look = {
  gone: false,
  invisible: false,
  fontSize: 16,
  color: 0x000000,
  background: 0xffffff,
  transparent: false,
  pre: false,
};

/** Text below this is not meant to be read, px. */
export const FONT_SIZE_READABLE = 3;
/** Weighted distance of colours below which text is not seen (as SpamAssassin measures it). */
export const COLOR_DISTANCE_SEEN = 12;
const STYLE_LENGTH_MAX = 8_192;
const DECLARATIONS_MAX = 100;
const OPACITY_SEEN = 0.05;
const FAR_AWAY_PX = 500;

/** True when text with that look is not seen by a reader. */
export function hides(look: Look): boolean {
  if (look.gone || look.invisible || look.transparent || look.fontSize < FONT_SIZE_READABLE) return true;
  return look.color !== null && look.background !== null && distance(look.color, look.background) < COLOR_DISTANCE_SEEN;
}

function distance(one: number, other: number): number {
  const red = 0.2126 * ((one >> 16) - (other >> 16));
  const green = 0.7152 * (((one >> 8) & 0xff) - ((other >> 8) & 0xff));
  const blue = 0.0722 * ((one & 0xff) - (other & 0xff));
  return Math.sqrt(red * red + green * green + blue * blue);
}

/** One declaration, both sides lower case. */
export type Declaration = readonly [property: string, value: string];

/** Splits `a: b; c: d`. Comments are taken out; what is no declaration is passed over. */
export function declarations(style: string): Declaration[] {
  const found: Declaration[] = [];
  const text = withoutComments(style.slice(0, STYLE_LENGTH_MAX)).toLowerCase();
  for (const piece of text.split(';', DECLARATIONS_MAX)) {
    const colon = piece.indexOf(':');
    if (colon < 0) continue;
    found.push([
      piece.slice(0, colon).trim(),
      piece
        .slice(colon + 1)
        .replaceAll('!important', '')
        .trim(),
    ]);
  }
  return found;
}

function withoutComments(text: string): string {
  if (!text.includes('/*')) return text;
  let out = '';
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf('/*', at);
    if (start < 0) return out + text.slice(at);
    out += text.slice(at, start);
    const end = text.indexOf('*/', start + 2);
    if (end < 0) return out;
    at = end + 2;
  }
  return out;
}

/** The look of an element with these declarations inside one of that look. */
export function applyDeclarations(parent: Look, list: readonly Declaration[]): Look {
  if (list.length === 0) return parent;
  const look: { -readonly [Key in keyof Look]: Look[Key] } = { ...parent };
  const box = { clipped: false, flat: false, away: false, placed: false };
  for (const [property, value] of list) {
    applyText(look, parent, property, value);
    applyBox(box, property, value);
  }
  if ((box.clipped && box.flat) || (box.placed && box.away)) look.gone = true;
  return look;
}

type MutableLook = { -readonly [Key in keyof Look]: Look[Key] };

function applyText(look: MutableLook, parent: Look, property: string, value: string): void {
  switch (property) {
    case 'display':
      if (value === 'none') look.gone = true;
      break;
    case 'visibility':
      look.invisible = value === 'hidden' || value === 'collapse' || (value === 'inherit' && parent.invisible);
      break;
    case 'mso-hide':
      if (value === 'all') look.gone = true;
      break;
    case 'opacity':
      if (number(value, 1) <= OPACITY_SEEN) look.gone = true;
      break;
    case 'font-size':
      look.fontSize = fontSize(value, parent.fontSize);
      break;
    case 'font': {
      const size = /(?:^|\s)(\d{1,5}(?:\.\d{1,5})?(?:px|pt|em|%))/.exec(value);
      if (size !== null) look.fontSize = fontSize(size[1] as string, parent.fontSize);
      break;
    }
    case 'color':
      applyColor(look, value);
      break;
    case 'background-color':
    case 'background':
      applyBackground(look, value);
      break;
    case 'white-space':
      look.pre = value.startsWith('pre') || value === 'break-spaces';
      break;
    default:
  }
}

function applyColor(look: MutableLook, value: string): void {
  if (value === 'inherit' || value === 'currentcolor') return;
  look.transparent = value === 'transparent' || isFullyClear(value);
  if (!look.transparent) look.color = color(value);
}

function applyBackground(look: MutableLook, value: string): void {
  if (value.includes('url(') || value.includes('gradient(')) look.background = null;
  else if (
    value !== 'transparent' &&
    value !== 'none' &&
    value !== 'inherit' &&
    value !== 'initial' &&
    !isFullyClear(value)
  ) {
    const found =
      color(value) ??
      value
        .split(/\s/, 8)
        .map(color)
        .find((one) => one !== null);
    if (found !== undefined && found !== null) look.background = found;
  }
}

function applyBox(
  box: { clipped: boolean; flat: boolean; away: boolean; placed: boolean },
  property: string,
  value: string,
): void {
  switch (property) {
    case 'overflow':
    case 'overflow-y':
      box.clipped ||= value === 'hidden' || value === 'clip';
      break;
    case 'height':
    case 'max-height':
    case 'width':
    case 'max-width':
      box.flat ||= /^[01](?:px|pt|em|%)?$/.test(value) && !value.startsWith('1e') && value !== '1%';
      break;
    case 'position':
      box.placed ||= value === 'absolute' || value === 'fixed';
      break;
    case 'left':
    case 'top':
    case 'right':
      box.away ||= number(value, 0) <= -FAR_AWAY_PX;
      break;
    case 'text-indent':
    case 'margin-left':
      if (number(value, 0) <= -FAR_AWAY_PX) box.away = box.placed = true;
      break;
    case 'clip':
      box.away ||= /^rect\(\s*[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?[\s,]+[01](?:px)?\s*\)$/.test(value);
      break;
    default:
  }
}

function number(text: string, otherwise: number): number {
  const value = parseFloat(text);
  return Number.isFinite(value) ? value : otherwise;
}

const SIZE_WORDS = new Map([
  ['xx-small', 9],
  ['x-small', 10],
  ['small', 13],
  ['medium', 16],
  ['large', 18],
  ['x-large', 24],
  ['xx-large', 32],
]);
const POINT_PX = 4 / 3;

function fontSize(value: string, parent: number): number {
  const word = SIZE_WORDS.get(value);
  if (word !== undefined) return word;
  const size = parseFloat(value);
  if (!Number.isFinite(size) || size < 0) return parent;
  if (size === 0) return 0;
  if (value.endsWith('%')) return (parent * size) / 100;
  if (value.endsWith('rem')) return size * FIRST_LOOK.fontSize;
  if (value.endsWith('em')) return size * parent;
  if (value.endsWith('pt')) return size * POINT_PX;
  return /(?:px|\d)$/.test(value) ? size : parent;
}

/** Words mail uses; any other is unknown. */
const COLOR_WORDS = new Map([
  ['white', 0xffffff],
  ['black', 0x000000],
  ['red', 0xff0000],
  ['green', 0x008000],
  ['blue', 0x0000ff],
  ['yellow', 0xffff00],
  ['gray', 0x808080],
  ['grey', 0x808080],
  ['silver', 0xc0c0c0],
  ['lime', 0x00ff00],
  ['aqua', 0x00ffff],
  ['cyan', 0x00ffff],
  ['fuchsia', 0xff00ff],
  ['magenta', 0xff00ff],
  ['maroon', 0x800000],
  ['navy', 0x000080],
  ['olive', 0x808000],
  ['purple', 0x800080],
  ['teal', 0x008080],
  ['orange', 0xffa500],
  ['whitesmoke', 0xf5f5f5],
  ['snow', 0xfffafa],
  ['ivory', 0xfffff0],
  ['ghostwhite', 0xf8f8ff],
  ['floralwhite', 0xfffaf0],
  ['azure', 0xf0ffff],
  ['mintcream', 0xf5fffa],
  ['seashell', 0xfff5ee],
  ['linen', 0xfaf0e6],
  ['lightgray', 0xd3d3d3],
  ['lightgrey', 0xd3d3d3],
  ['darkgray', 0xa9a9a9],
  ['darkgrey', 0xa9a9a9],
  ['gainsboro', 0xdcdcdc],
  ['beige', 0xf5f5dc],
  ['aliceblue', 0xf0f8ff],
  ['honeydew', 0xf0fff0],
  ['lightyellow', 0xffffe0],
  ['darkblue', 0x00008b],
  ['darkred', 0x8b0000],
]);

/** 0xRRGGBB of a CSS or HTML colour, or null when it is none we know. */
export function color(text: string): number | null {
  const value = text.trim().toLowerCase();
  const word = COLOR_WORDS.get(value);
  if (word !== undefined) return word;
  const hex = value.startsWith('#') ? value.slice(1) : value;
  if (/^[0-9a-f]{6}(?:[0-9a-f]{2})?$/.test(hex)) return parseInt(hex.slice(0, 6), 16);
  if (/^[0-9a-f]{3,4}$/.test(hex) && value.startsWith('#')) {
    const [red, green, blue] = [...hex];
    return parseInt(`${red}${red}${green}${green}${blue}${blue}`, 16);
  }
  const parts = functionParts(value);
  if (parts === null || parts.length < 3) return null;
  return parts.slice(0, 3).reduce((sum, part) => (sum << 8) | channel(part), 0);
}

function functionParts(value: string): string[] | null {
  if (!value.startsWith('rgb')) return null;
  const open = value.indexOf('(');
  const close = value.indexOf(')', open);
  if (open < 0 || close < 0) return null;
  return value
    .slice(open + 1, close)
    .split(/[\s,/]/, 20)
    .filter((part) => part !== '');
}

function channel(part: string): number {
  const value = number(part, 0) * (part.endsWith('%') ? 2.55 : 1);
  return Math.max(0, Math.min(255, Math.round(value)));
}

function isFullyClear(value: string): boolean {
  const parts = functionParts(value);
  if (parts !== null) return parts.length >= 4 && number(parts[3] as string, 1) <= OPACITY_SEEN;
  return /^#(?:[0-9a-f]{6}00|[0-9a-f]{3}0)$/.test(value);
}

/** Rules and bytes of style sheets that are read. */
export const RULES_MAX = 1_000;
export const SHEET_LENGTH_MAX = 131_072;

/** The simple rules of a message's style sheets: what they say for elements, classes and ids. */
export class StyleSheet {
  /** Selector → property → value. */
  readonly #rules = new Map<string, Map<string, string>>();
  readonly #merged = new Map<string, readonly Declaration[]>();
  #count = 0;

  /** Reads one style element. Blocks of at-rules are passed over: they speak of other screens. */
  read(source: string): void {
    this.#merged.clear();
    const text = withoutComments(source.slice(0, SHEET_LENGTH_MAX)).replaceAll('<!--', ' ').replaceAll('-->', ' ');
    let at = 0;
    while (at < text.length && this.#count < RULES_MAX) {
      const open = text.indexOf('{', at);
      if (open < 0) return;
      const selector = text.slice(at, open).trim();
      const end = selector.startsWith('@') ? blockEnd(text, open) : text.indexOf('}', open);
      if (end < 0) return;
      if (!selector.startsWith('@')) this.#add(selector, text.slice(open + 1, end));
      at = end + 1;
    }
  }

  #add(selectors: string, body: string): void {
    this.#count++;
    const list = declarations(body).filter(([property]) => HIDING.has(property));
    if (list.length === 0) return;
    for (const selector of selectors.toLowerCase().split(',', SELECTORS_MAX)) {
      const key = simpleSelector(selector.trim());
      if (key === null) continue;
      const rule = this.#rules.get(key) ?? new Map<string, string>();
      for (const [property, value] of list) rule.set(property, value);
      this.#rules.set(key, rule);
    }
  }

  /** What the sheets say of an element: one value for each property. */
  of(element: string, classes: string, id: string): readonly Declaration[] {
    if (this.#rules.size === 0) return NONE;
    const key = `${element} ${id} ${classes}`;
    const known = this.#merged.get(key);
    if (known !== undefined) return known;
    const merged = this.#merge(element, classes, id);
    if (this.#merged.size < MERGED_MAX) this.#merged.set(key, merged);
    return merged;
  }

  #merge(element: string, classes: string, id: string): readonly Declaration[] {
    const keys = [element];
    const names = new Set(classes.slice(0, CLASSES_LENGTH_MAX).toLowerCase().split(/\s/, CLASSES_MAX));
    for (const name of names) keys.push(`.${name}`, `${element}.${name}`);
    keys.push(`#${id.toLowerCase()}`);
    const merged = new Map<string, string>();
    for (const key of keys) for (const [property, value] of this.#rules.get(key) ?? []) merged.set(property, value);
    return [...merged];
  }
}

const NONE: readonly Declaration[] = [];
const SELECTORS_MAX = 50;
const CLASSES_MAX = 20;
const CLASSES_LENGTH_MAX = 1_000;
/** Combinations of element, classes and id of which the outcome is kept. */
const MERGED_MAX = 2_000;

/** Properties by which a sheet can hide. */
const HIDING = new Set([
  'display',
  'visibility',
  'mso-hide',
  'opacity',
  'font-size',
  'color',
  'background',
  'background-color',
  'overflow',
  'height',
  'max-height',
  'width',
  'max-width',
  'position',
  'left',
  'top',
  'text-indent',
  'clip',
]);

/** The selector when it is one element, class or id (or element with class), else null. */
function simpleSelector(selector: string): string | null {
  return /^(?:[a-z][a-z0-9]{0,20}|[a-z][a-z0-9]{0,20}\.[\w-]{1,60}|[.#][\w-]{1,60})$/.test(selector) ? selector : null;
}

/** End of the block that opens at `open`, nested blocks skipped, or -1. */
function blockEnd(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at;
  }
  return -1;
}
