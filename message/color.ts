// Colours of CSS and HTML, as far as mail uses them: text in, a number out, null for what is none we know.

/** An alpha at or below this is not seen. */
export const OPACITY_SEEN = 0.05;

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

/** True for a colour whose alpha makes it invisible. */
export function isFullyClear(value: string): boolean {
  const parts = functionParts(value);
  if (parts !== null) return parts.length >= 4 && number(parts[3] as string, 1) <= OPACITY_SEEN;
  return /^#(?:[0-9a-f]{6}00|[0-9a-f]{3}0)$/.test(value);
}

function number(text: string, otherwise: number): number {
  const value = parseFloat(text);
  return Number.isFinite(value) ? value : otherwise;
}
