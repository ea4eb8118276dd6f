// The list of mirrors of a channel (`MIRRORED.BY`): a base address a line, with a weight. Takes the text, gives the order
// in which they are tried; what cannot be read is left out.

/** Largest list, bytes; most mirrors of one; most that are tried in one update. */
export const MIRROR_LIST_MAX_BYTES = 65_536;
const MIRRORS_MAX = 200;
export const MIRRORS_TRIED_MAX = 6;
const WEIGHT_MAX = 1_000_000;

export interface Mirror {
  /** Without a slash at its end. */
  readonly url: string;
  readonly weight: number;
}

/** Reads a list. `#` begins a comment; after the address stand `name=value` pairs, of which `weight` counts. */
export function readMirrors(text: string): readonly Mirror[] {
  const found = new Map<string, Mirror>();
  for (const line of text.split('\n')) {
    if (found.size >= MIRRORS_MAX) break;
    const [address = '', ...pairs] = (line.split('#')[0] ?? '').trim().split(/[ \t]+/);
    if (!/^https?:\/\//i.test(address)) continue;
    const url = withoutSlashes(address);
    found.set(url, { url, weight: weightOf(pairs) });
  }
  return [...found.values()];
}

function weightOf(pairs: readonly string[]): number {
  const text = pairs.findLast((pair) => pair.startsWith('weight='))?.slice('weight='.length) ?? '1';
  return /^\d{1,9}$/.test(text) ? Math.min(Number(text), WEIGHT_MAX) : 1;
}

/** A base address as names of files are put behind it. */
export function withoutSlashes(address: string): string {
  let end = address.length;
  while (end > 0 && address[end - 1] === '/') end -= 1;
  return address.slice(0, end);
}

/** An order drawn by weight, the likelier first; `random` gives numbers from 0 up to 1. */
export function drawMirrors(mirrors: readonly Mirror[], random: () => number): readonly string[] {
  const left = [...mirrors];
  const order: string[] = [];
  while (left.length > 0 && order.length < MIRRORS_TRIED_MAX) {
    let at = random() * left.reduce((sum, { weight }) => sum + weight, 0);
    const index = left.findIndex(({ weight }) => (at -= weight) < 0);
    const [drawn] = left.splice(Math.max(0, index), 1);
    if (drawn !== undefined) order.push(drawn.url);
  }
  return order;
}
