// Settings as YAML text: the effective ones with a word on where each comes from, the pinned ones alone, and a sample
// that explains every key. Takes a configuration or the declared sections; what it writes always loads again.
import { stringify } from 'yaml';
import { showPath } from './check.js';
import type { Configuration } from './load.js';
import { defaultOf, describeSchema, isFixedMap, propertiesOf, viewSchema, type SchemaView } from './schema.js';
import type { Section } from './section.js';

/** Width at which comments and long lists are broken. */
const WIDTH = 110;

/** The effective settings, each key with `default` or the file and line that pins it. */
export function writeEffective(configuration: Configuration): string {
  const from = configuration.file ?? 'embedded defaults';
  const lines = [`# Effective settings, version ${configuration.version}, from ${from}.`];
  for (const declared of configuration.sections) {
    lines.push('', `${declared.name}:`);
    const values = configuration.section(declared) as Record<string, unknown>;
    lines.push(...effectiveKeys(viewSchema(declared.schema), values, [declared.name], configuration));
  }
  return `${lines.join('\n')}\n`;
}

function effectiveKeys(
  schema: SchemaView,
  values: Readonly<Record<string, unknown>>,
  path: readonly string[],
  configuration: Configuration,
): string[] {
  const lines: string[] = [];
  const indent = '  '.repeat(path.length);
  for (const [key, child] of propertiesOf(schema)) {
    if (!Object.hasOwn(values, key)) continue;
    const value = values[key];
    const inside = [...path, key];
    if (isFixedMap(child) && isMap(value)) {
      lines.push(`${indent}${key}:`, ...effectiveKeys(child, value, inside, configuration));
      continue;
    }
    lines.push(...attachComment(writeKey(key, value, indent), describeOrigin(configuration, inside)));
  }
  return lines;
}

/** "default" or "set in weir.yaml:12"; a key is also pinned when the file sets the map or list that holds it. */
export function describeOrigin(configuration: Configuration, path: readonly string[]): string {
  const origin = configuration.origin(path);
  return origin === null ? 'default' : `set in ${origin.file}:${origin.line}`;
}

/** Only what the file sets, as the smallest file with the same effect. */
export function writePinned(configuration: Configuration): string {
  const pinned: Record<string, unknown> = {};
  for (const declared of configuration.sections) {
    const values = configuration.section(declared) as Record<string, unknown>;
    const keys = pinnedKeys(viewSchema(declared.schema), values, [declared.name], configuration);
    if (Object.keys(keys).length > 0) pinned[declared.name] = keys;
  }
  return Object.keys(pinned).length === 0 ? '' : stringify(pinned);
}

function pinnedKeys(
  schema: SchemaView,
  values: Readonly<Record<string, unknown>>,
  path: readonly string[],
  configuration: Configuration,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, child] of propertiesOf(schema)) {
    const inside = [...path, key];
    const value = values[key];
    if (configuration.origin(inside) === null) continue;
    result[key] = isFixedMap(child) && isMap(value) ? pinnedKeys(child, value, inside, configuration) : value;
  }
  return result;
}

/**
 * Every key of every section with its sentence, bounds and default. Prose lines begin with `# `, keys with a `#` right
 * before the first character: take that away to set the key.
 */
export function writeSample(sections: readonly Section[], opening: readonly string[]): string {
  const lines = opening.flatMap((text) => (text === '' ? [''] : wrapComment(text, '')));
  for (const declared of sections) {
    lines.push('', ...wrapComment(declared.description, ''), `${declared.name}:`);
    lines.push(...sampleKeys(viewSchema(declared.schema), [declared.name]));
  }
  return `${lines.join('\n')}\n`;
}

function sampleKeys(schema: SchemaView, path: readonly string[]): string[] {
  const lines: string[] = [];
  const indent = '  '.repeat(path.length);
  for (const [key, child] of propertiesOf(schema)) {
    const value = defaultOf(child);
    if (isFixedMap(child) && isMap(value)) {
      lines.push(...wrapComment(child.description ?? key, indent), `${indent}#${key}:`);
      lines.push(...sampleKeys(child, [...path, key]));
      continue;
    }
    if (value === undefined) throw new Error(`${showPath([...path, key])} is declared without a default`);
    lines.push(...wrapComment(`${child.description ?? key} ${bounds(child)}`, indent));
    lines.push(...writeKey(key, value, indent).map((line) => line.replace(/^( *)/, '$1#')));
  }
  return lines;
}

function bounds(schema: SchemaView): string {
  const words = describeSchema(schema);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

/** `key: value` in one line, or a list in several, each indented deeper than its key. */
function writeKey(key: string, value: unknown, indent: string): string[] {
  const name = stringify(key).trimEnd();
  const plain = stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: false });
  const line = `${indent}${name}: ${plain.trimEnd()}`;
  if (line.length <= WIDTH && !line.includes('\n')) return [line];
  if (!Array.isArray(value)) return [`${indent}${name}: ${JSON.stringify(value)}`];
  return wrapList(value, `${indent}${name}: [`, `${indent}  `);
}

/** A long list over several lines, in flow style. */
function wrapList(items: readonly unknown[], first: string, indent: string): string[] {
  const lines: string[] = [];
  let line = first;
  items.forEach((item, index) => {
    const word = `${JSON.stringify(item)}${index === items.length - 1 ? ']' : ','}`;
    const separator = line.endsWith('[') || line.trim() === '' ? '' : ' ';
    if (line.length + separator.length + word.length > WIDTH && line.trim() !== '') {
      lines.push(line);
      line = indent + word;
    } else line += separator + word;
  });
  return [...lines, line];
}

function attachComment(lines: readonly string[], comment: string): string[] {
  const [first = '', ...rest] = lines;
  if (rest.length === 0) return [`${first} # ${comment}`];
  const indent = /^ */.exec(first)?.[0] ?? '';
  return [`${indent}# ${comment}`, first, ...rest];
}

function wrapComment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = `${indent}#`;
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > WIDTH && line.trim() !== '#') {
      lines.push(line);
      line = `${indent}#`;
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
