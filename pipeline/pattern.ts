// Address patterns with `*` (product A7): matched in linear time, case-insensitive, no regular expression.

/** Whether `pattern` (any number of `*`, each for any run of characters) matches the whole of `text`. */
export function matchesPattern(pattern: string, text: string): boolean {
  const p = pattern.toLowerCase();
  const t = text.toLowerCase();
  const pieces = p.split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return p === t;
  const last = pieces.at(-1) ?? '';
  if (!t.startsWith(first) || !t.endsWith(last) || t.length < first.length + last.length) return false;
  let at = first.length;
  const end = t.length - last.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = t.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
