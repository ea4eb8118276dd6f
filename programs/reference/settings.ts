// The reference of the configuration: one table per section, every key with what it takes, its default and its sentence.
import { writeKey } from '../../config/lines.js';
import { defaultOf, describeSchema, isFixedMap, isOptional, propertiesOf, viewSchema } from '../../config/schema.js';
import type { SchemaView } from '../../config/schema.js';
import type { Section } from '../../config/section.js';
import { CONFIG_VARIABLE, INSTALLED_FILE } from '../settings.js';
import { code, codeBlock, plain, writePage, writeTable } from './markdown.js';

/** Longest default shown inside the table, characters; longer ones stand below it. */
const CELL_MAX = 60;

interface Row {
  readonly key: string;
  readonly schema: SchemaView;
  /** `undefined` for a key that has none: optional ones, and those of entries in a list. */
  readonly value: unknown;
  readonly optional: boolean;
}

/** docs/reference/configuration.md; `stages` are the names of sections that belong to stages. */
export function writeConfiguration(sections: readonly Section[], stages: ReadonlySet<string>): string {
  const blocks = sections.flatMap((declared) => {
    const more = stages.has(declared.name) ? ` More: [the stage ${declared.name}](stages/${declared.name}.md).` : '';
    return [`## ${declared.name}`, `${declared.description}${more}`, ...writeKeys(viewSchema(declared.schema))];
  });
  return writePage('Configuration', [INTRODUCTION, ...blocks]);
}

const INTRODUCTION = `One YAML file; every key is optional. It is the one named by \`--config\`, else by the environment
variable \`${CONFIG_VARIABLE}\`, else \`${INSTALLED_FILE}\` where that exists; without any of these the defaults below are in force.
\`weir config check\` tells every mistake with its line, \`weir config show --effective\` every key in force and where it
is set, \`weir config sample\` prints a file with all keys. A running Weir reads the file again on SIGHUP; a bad file leaves
the old settings in force. Names that end in \`Ms\` are milliseconds, in \`Bytes\` bytes. A map's keys are written with a dot
here (\`caps.rules\`), those of entries in a list with brackets (\`recipients[].tagAt\`).`;

/** The table of a schema's keys, and below it the defaults that are too long for a cell. */
export function writeKeys(schema: SchemaView): readonly string[] {
  const rows = listRows(schema, '');
  const long = rows.filter((row) => writeDefault(row).length > CELL_MAX);
  const table = writeTable(
    ['Key', 'Value', 'Default', 'Meaning'],
    rows.map((row) => [
      code(row.key),
      plain(describeSchema(row.schema)),
      long.includes(row) ? 'below' : writeDefault(row),
      row.schema.description ?? '',
    ]),
  );
  const below = long.map(({ key, value }) => `Default of ${code(key)}:\n\n${codeBlock(writeLong(key, value), 'yaml')}`);
  return [table, ...below];
}

function listRows(schema: SchemaView, above: string): readonly Row[] {
  return propertiesOf(schema).flatMap(([name, child]): Row[] => {
    const key = `${above}${name}`;
    const value = defaultOf(child);
    if (isFixedMap(child) && value !== null) return [...listRows(child, `${key}.`)];
    const row = { key, schema: child, value, optional: isOptional(schema, name) };
    return child.items !== undefined && isFixedMap(child.items) ? [row, ...listRows(child.items, `${key}[].`)] : [row];
  });
}

function writeDefault({ value, optional }: Row): string {
  if (optional) return 'may be absent';
  return value === undefined ? 'none, must be set' : code(JSON.stringify(value));
}

function writeLong(key: string, value: unknown): string {
  const name = key.slice(key.lastIndexOf('.') + 1);
  return writeKey(name, value, '').join('\n');
}
