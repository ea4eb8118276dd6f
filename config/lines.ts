// One setting as lines of YAML, and prose as comment lines. Takes values of settings and gives text that reads back as
// the same values, broken at one width.
import { stringify } from 'yaml';

/** Width at which comments and long lists are broken. */
const WIDTH = 110;

/** `key: value` in one line; a long list in several, each indented deeper than its key. */
export function writeKey(key: string, value: unknown, indent: string): string[] {
  const name = stringify(key).trimEnd();
  const plain = stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false }).trimEnd();
  const line = `${indent}${name}: ${plain}`;
  if (line.length <= WIDTH && !plain.includes('\n')) return [line];
  if (Array.isArray(value)) return wrapList(value, `${indent}${name}: [`, `${indent}  `);
  return [`${indent}${name}: ${JSON.stringify(value)}`];
}

/** A long list over several lines, in flow style. */
function wrapList(items: readonly unknown[], opening: string, indent: string): string[] {
  const lines: string[] = [];
  let line = opening;
  items.forEach((item, index) => {
    const word = `${JSON.stringify(item)}${index === items.length - 1 ? ']' : ','}`;
    const gap = line === opening || line === indent ? '' : ' ';
    if (line !== indent && line.length + gap.length + word.length > WIDTH) {
      lines.push(line);
      line = indent + word;
    } else {
      line += gap + word;
    }
  });
  return [...lines, line];
}

/** Prose as `# ` lines. */
export function writeComment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = `${indent}#`;
  for (const word of text.split(/\s+/)) {
    if (line !== `${indent}#` && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = `${indent}#`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

/** A word behind the value, or above it when the value takes several lines. */
export function attachComment(lines: readonly string[], comment: string, indent: string): string[] {
  const [only, ...rest] = lines;
  return only !== undefined && rest.length === 0 ? [`${only} # ${comment}`] : [`${indent}# ${comment}`, ...lines];
}
