// The settings in force as text: all of them with a word on where each comes from, those the file sets alone, or as
// JSON. Takes a configuration; what it writes as YAML loads again to the same settings.
import { stringify } from 'yaml';
import type { Origin } from './check.js';
import { attachComment, writeKey } from './lines.js';
import type { Configuration } from './load.js';
import { emptyMap, isFixedMap, propertiesOf, viewSchema, type SchemaView } from './schema.js';

/** One key with its value in force. `path` begins with the section. */
export interface Setting {
  readonly path: readonly string[];
  readonly schema: SchemaView;
  readonly value: unknown;
  /** Where the file sets it, or null for the default. */
  readonly origin: Origin | null;
}

/** Every key of every section, in the order of the reference; maps with fixed keys are opened. */
export function listSettings(configuration: Configuration): readonly Setting[] {
  return configuration.sections.flatMap((declared) => {
    const values = configuration.section(declared) as Readonly<Record<string, unknown>>;
    return openMap(viewSchema(declared.schema), values, [declared.name], configuration);
  });
}

function openMap(
  schema: SchemaView,
  values: Readonly<Record<string, unknown>>,
  above: readonly string[],
  configuration: Configuration,
): Setting[] {
  return propertiesOf(schema).flatMap(([key, child]): Setting[] => {
    if (!Object.hasOwn(values, key)) return [];
    const value = values[key];
    const path = [...above, key];
    if (isFixedMap(child) && isMap(value)) return openMap(child, value, path, configuration);
    return [{ path, schema: child, value, origin: configuration.origin(path) }];
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The effective settings, each key with `default` or the file and line that pins it. */
export function writeEffective(configuration: Configuration): string {
  const from = configuration.file ?? 'embedded defaults';
  const lines = [`# Effective settings, version ${configuration.version}, from ${JSON.stringify(from)}`];
  let above: readonly string[] = [];
  for (const { path, value, origin } of listSettings(configuration)) {
    lines.push(...openHeads(above, path.slice(0, -1)));
    above = path.slice(0, -1);
    const indent = '  '.repeat(above.length);
    const comment = origin === null ? 'default' : `set in ${JSON.stringify(origin.file)}, line ${origin.line}`;
    lines.push(...attachComment(writeKey(path[path.length - 1] ?? '', value, indent), comment, indent));
  }
  return `${lines.join('\n')}\n`;
}

/** The head lines (`section:`, `  caps:`) between one key and the next. */
function openHeads(from: readonly string[], to: readonly string[]): string[] {
  const firstNew = to.findIndex((key, depth) => key !== from[depth]);
  if (firstNew === -1) return [];
  const heads = to.slice(firstNew).map((key, index) => `${'  '.repeat(firstNew + index)}${key}:`);
  return firstNew === 0 ? ['', ...heads] : heads;
}

/** Only what the file sets, as the smallest file with the same effect; empty when it sets nothing. */
export function writePinned(configuration: Configuration): string {
  const root = emptyMap();
  for (const { path, value, origin } of listSettings(configuration)) {
    if (origin === null) continue;
    let map = root;
    for (const key of path.slice(0, -1)) map = (map[key] ??= emptyMap()) as Record<string, unknown>;
    map[path[path.length - 1] ?? ''] = value;
  }
  return Object.keys(root).length === 0 ? '' : stringify(root);
}

/** For programs: `{version, file, settings: [{key, value, origin: {line, column} | null}]}`, one line. */
export function writeJson(configuration: Configuration, effective: boolean): string {
  const settings = listSettings(configuration)
    .filter(({ origin }) => effective || origin !== null)
    .map(({ path, value, origin }) => ({
      key: path.join('.'),
      value,
      origin: origin === null ? null : { line: origin.line, column: origin.column },
    }));
  return `${JSON.stringify({ version: configuration.version, file: configuration.file, settings })}\n`;
}
