// What attributes of HTML do to the look of a text, as sheets and styles do: `hidden`, `bgcolor`, `color`, `size`, `background`.
import { color } from './color.js';
import { LEGACY_FONT_PX } from './html-elements.js';
import type { Look } from './html-style.js';

/** The look within an element that has these attributes. */
export function presentational(parent: Look, name: string, attributes: ReadonlyMap<string, string>): Look {
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
