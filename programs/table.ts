// Output for people: aligned tables, times, sizes. Text that came by mail cannot steer the terminal: whatever is no plain
// visible character is shown as an escape (threat class 18).

/** Columns a cell may take before it is cut. */
export const CELL_COLUMNS_MAX = 48;

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Variation_Selector}]/gu;
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;
const ZERO = /^\p{M}$/u;

/** The text with controls, escapes, bidi and invisible characters spelled out as `\u{..}`. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Rows under their headings, aligned; every cell made visible and cut. `right`: columns that stand to the right. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const lines = [headings, ...rows].map((row) => row.map((cell) => cut(visible(cell))));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => columns(line[column] ?? ''))));
  return lines
    .map(
      (line) =>
        line
          .map((cell, column) => pad(cell, widths[column] ?? 0, right.includes(column)))
          .join('  ')
          .trimEnd() + '\n',
    )
    .join('');
}

/** Columns of a terminal; null where the output is none, and lines may be as long as they are. */
export const columnsOf = ({
  isTTY,
  columns,
}: {
  readonly isTTY?: boolean;
  readonly columns?: number;
}): number | null => (isTTY === true ? (columns ?? null) : null);

/** A line folded between words where it is longer, each further line that far in; a long word stays whole. */
export function fold(line: string, width: number | null, indent: number): string {
  if (width === null || line.length <= width) return line;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const blank = rest.lastIndexOf(' ', width);
    if (blank <= (lines.length === 0 ? rest.search(/\S/) : indent)) break;
    lines.push(rest.slice(0, blank));
    rest = ' '.repeat(indent) + rest.slice(blank + 1);
  }
  return [...lines, rest].join('\n');
}

/** Local time as `2026-03-01 12:34:56`. */
export function showTime(timeMs: number): string {
  const date = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `812 B`, `4.3 KB`, `12 MB`: units of 1,024. */
export function showSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value))} ${units[unit] ?? ''}`;
}

/** ms since the epoch of `2026-03-01`, `2026-03-01T12:00`, `…Z`, or an age such as `90m`, `12h`, `7d`; null for anything else. Days and times without zone are local. */
export function parseTime(text: string, now: number): number | null {
  const age = /^([0-9]{1,6})([mhd])$/.exec(text);
  if (age !== null) return now - Number(age[1]) * ({ m: 60_000, h: 3_600_000, d: 86_400_000 }[age[2] ?? 'm'] ?? 0);
  const iso = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/.test(text);
  const time = iso ? Date.parse(text.length === 10 ? `${text}T00:00` : text) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}

function cut(text: string): string {
  if (columns(text) <= CELL_COLUMNS_MAX) return text;
  let kept = '';
  let width = 0;
  for (const character of text) {
    width += columns(character);
    if (width > CELL_COLUMNS_MAX - 1) break;
    kept += character;
  }
  return kept + '…';
}

function pad(text: string, width: number, isRight: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - columns(text)));
  return isRight ? blanks + text : text + blanks;
}

/** Columns a terminal gives the text. */
function columns(text: string): number {
  let width = 0;
  for (const character of text) width += ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}
