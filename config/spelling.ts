// A word of help for values written in a form that other programs take and this one does not: "50MB", "10s", "yes",
// "25" in quotes, a misspelt choice. Takes the schema and what was found; the help never changes a value.
import { nearestName } from './nearest.js';
import { quote } from './problem.js';
import { choicesOf, type SchemaView } from './schema.js';
import type { SourceScalar } from './source.js';

const BYTES: ReadonlyMap<string, number> = new Map([
  ['b', 1], ['k', 1024], ['kb', 1024], ['kib', 1024], ['m', 1024 ** 2], ['mb', 1024 ** 2], ['mib', 1024 ** 2],
  ['g', 1024 ** 3], ['gb', 1024 ** 3], ['gib', 1024 ** 3], ['t', 1024 ** 4], ['tb', 1024 ** 4], ['tib', 1024 ** 4],
]); // prettier-ignore

const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['ms', 1], ['s', 1000], ['sec', 1000], ['m', 60_000], ['min', 60_000], ['h', 3_600_000], ['d', 86_400_000],
]); // prettier-ignore

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['yes', true], ['on', true], ['y', true], ['no', false], ['off', false], ['n', false],
]); // prettier-ignore

/** A half-sentence that follows the message, or the empty string. */
export function hintSpelling(schema: SchemaView, node: SourceScalar, path: readonly string[]): string {
  const { value } = node;
  if (typeof value !== 'string')
    return typeof value === 'number' && takes(schema, 'string') ? '; put it in quotes' : '';
  const near = nearestName(value, choicesOf(schema) ?? []);
  if (near !== null) return `; did you mean ${quote(near)}?`;
  const truth = BOOLEANS.get(value.toLowerCase());
  if (takes(schema, 'boolean')) {
    if (truth !== undefined) return `; write ${truth}`;
    return value === 'true' || value === 'false' ? '; take away the quotes' : '';
  }
  if (!takes(schema, 'integer') && !takes(schema, 'number')) return '';
  if (/^-?\d+(\.\d+)?$/.test(value)) return '; take away the quotes';
  const amount = readAmount(value, path[path.length - 1] ?? '');
  return amount === null ? '' : `; write ${amount}`;
}

function takes(schema: SchemaView, type: SchemaView['type']): boolean {
  return schema.type === type || (schema.anyOf?.some((branch) => branch.type === type) ?? false);
}

/** "50MB" for a key in bytes, "10 s" for one in milliseconds → the number to write. */
function readAmount(text: string, key: string): number | null {
  const units = key.endsWith('Bytes') ? BYTES : key.endsWith('Ms') ? MILLISECONDS : null;
  const [, digits, unit] = /^(\d{1,9}) ?([A-Za-z]{1,3})$/.exec(text) ?? [];
  const factor = units?.get((unit ?? '').toLowerCase());
  return factor === undefined ? null : Number(digits) * factor;
}
