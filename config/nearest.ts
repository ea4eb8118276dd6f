// The nearest right name to a wrong one, by edit distance. Takes names of any length and stays bounded.

/** Names longer than this are not compared: no key of ours comes near it. */
const NAME_MAX = 64;

/**
 * The candidate nearest to `wrong`, or null when none is near. Case, dashes, underscores and dots do not count, a swap
 * of neighbours counts one; up to a third of the letters may differ.
 */
export function nearestName(wrong: string, candidates: Iterable<string>): string | null {
  const name = fold(wrong);
  if (name.length === 0 || name.length > NAME_MAX) return null;
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const other = fold(candidate);
    // As many edits as they differ in length, at the least.
    if (other.length > NAME_MAX || Math.abs(other.length - name.length) >= bestDistance) continue;
    const distance = other === name ? 0 : editDistance(name, other);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[-_. ]/g, '');
}

/** Edits to make one name of the other: insert, delete, replace, swap neighbours (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(cell(last, j) + 1, cell(row, j - 1) + 1, cell(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, cell(beforeLast, j - 2) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return cell(last, b.length);
}

function cell(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
