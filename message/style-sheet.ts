// The simple rules of a message's style sheets (element, class, id): which of them bear on an element and what they say.
// Takes the text of style elements, bounded; passes over what it does not know.
import { declarations, withoutComments, type Declaration } from './html-style.js';

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
