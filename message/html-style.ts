// What a style does to text: does it hide it? Reads declarations as they stand in style attributes and sheets. Takes text of any kind, never fails, bounded; knows only what hides.
import { color, isFullyClear, OPACITY_SEEN } from './color.js';

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

/** Style text without its comments; one that is not closed takes the rest. */
export function withoutComments(text: string): string {
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
