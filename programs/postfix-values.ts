// How Postfix writes its values: lists with braces, times with units, networks. Pure functions over strings.

/** Splits a Postfix list at commas and white space, braces kept whole. */
export function splitList(value: string): string[] {
  const entries: string[] = [];
  let depth = 0;
  let entry = '';
  for (const char of value) {
    if (char === '{') depth += 1;
    if (char === '}') depth -= 1;
    if (depth <= 0 && (char === ',' || char.trim() === '')) {
      if (entry !== '') entries.push(entry);
      entry = '';
    } else entry += char;
  }
  if (entry !== '') entries.push(entry);
  return entries;
}

/** A Postfix time value in seconds (`30`, `30s`, `5m`, `1h`, `1d`, `1w`), or null. */
export function readSeconds(value: string): number | null {
  const units: ReadonlyMap<string, number> = new Map([
    ['s', 1],
    ['m', 60],
    ['h', 3600],
    ['d', 86_400],
    ['w', 604_800],
  ]);
  const unit = units.get(value.slice(-1));
  const digits = unit === undefined ? value : value.slice(0, -1);
  return /^\d{1,9}$/.test(digits) ? Number(digits) * (unit ?? 1) : null;
}

/** Whether every network of the list lies on loopback; an empty list does not count. */
export function isLoopbackList(value: string): boolean {
  const networks = splitList(value);
  return (
    networks.length > 0 &&
    networks.every((network) =>
      /^127\.\d+\.\d+\.\d+(\/\d+)?$|^\[::1\](\/128)?$|^\[::ffff:127\.0\.0\.\d+\](\/\d+)?$/.test(network),
    )
  );
}
