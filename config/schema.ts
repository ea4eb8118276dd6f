// The part of JSON Schema that settings are written in, as one readable shape; what a value must be, in words; and the
// default of a key. Takes schemas declared in our own code, never text from outside.
import type { TSchema } from 'typebox';

/** The keywords that sections may use. */
export interface SchemaView {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaView>>;
  readonly required?: readonly string[];
  /** One schema for every value of a map with free keys; the pattern is for the key. */
  readonly patternProperties?: Readonly<Record<string, SchemaView>>;
  readonly items?: SchemaView;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly const?: string | number | boolean | null;
  readonly enum?: readonly (string | number | boolean | null)[];
  readonly anyOf?: readonly SchemaView[];
}

/** A TypeBox schema is a JSON Schema: the same object, seen through the keywords above. */
export function viewSchema(schema: TSchema): SchemaView {
  return schema;
}

/** Keys of a map with fixed keys, in the order declared. */
export function propertiesOf(schema: SchemaView): readonly (readonly [string, SchemaView])[] {
  return Object.entries(schema.properties ?? {});
}

/** Is it a map with fixed keys? */
export function isFixedMap(schema: SchemaView): boolean {
  return schema.properties !== undefined;
}

/** The schema of one key of a map with fixed keys; undefined for an unknown one, `__proto__` and its like included. */
export function propertyOf(schema: SchemaView, key: string): SchemaView | undefined {
  const properties = schema.properties ?? {};
  return Object.hasOwn(properties, key) ? properties[key] : undefined;
}

/** What the values of a map with free keys must be, and the pattern of its keys. Null for other schemas. */
export function freeMapOf(schema: SchemaView): { readonly pattern: string; readonly value: SchemaView } | null {
  const [entry] = Object.entries(schema.patternProperties ?? {});
  return entry === undefined ? null : { pattern: entry[0], value: entry[1] };
}

/** The words a key may take, or null when it is not a choice of words. */
export function choicesOf(schema: SchemaView): readonly string[] | null {
  const values = schema.enum ?? schema.anyOf?.flatMap((branch) => ('const' in branch ? [branch.const] : [undefined]));
  if (values === undefined || values.some((value) => typeof value !== 'string')) return null;
  return values as readonly string[];
}

/** May the key be left out of its map, with no default in its place? (`Type.Optional`) */
export function isOptional(schema: SchemaView, key: string): boolean {
  return !(schema.required ?? []).includes(key);
}

/**
 * The default of a key: its own, completed by those of the keys inside it. Optional keys stay absent: absent has a
 * meaning of its own there. Maps with free keys inherit nothing, so that a name from a mail finds only what was set.
 */
export function defaultOf(schema: SchemaView): unknown {
  if (freeMapOf(schema) !== null) return Object.assign(emptyMap(), structuredClone(schema.default));
  if (!isFixedMap(schema)) return structuredClone(schema.default);
  if (schema.default === null) return null;
  const given = (schema.default ?? {}) as Readonly<Record<string, unknown>>;
  const result: Record<string, unknown> = {};
  for (const [key, child] of propertiesOf(schema)) {
    if (Object.hasOwn(given, key)) result[key] = structuredClone(given[key]);
    else if (!isOptional(schema, key)) result[key] = defaultOf(child);
    if (result[key] === undefined) delete result[key];
  }
  return result;
}

/** A map that inherits nothing. */
export function emptyMap(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

/** What a value must be: "a whole number from 1 to 64", "tempfail, quarantine or continue". */
export function describeSchema(schema: SchemaView): string {
  const choices = choicesOf(schema);
  if (choices !== null) return joinWords(choices);
  if (schema.anyOf !== undefined) return joinWords([...new Set(schema.anyOf.map(describeSchema))]);
  if ('const' in schema) return String(schema.const);
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'integer':
      return `a whole number${describeRange(schema)}`;
    case 'number':
      return `a number${describeRange(schema)}`;
    case 'string':
      return `text${describeLength(schema.minLength, schema.maxLength, 'characters')}${describeForm(schema)}`;
    case 'array':
      return describeList(schema);
    default:
      return describeMap(schema);
  }
}

function describeRange(schema: SchemaView): string {
  const words: string[] = [];
  if (schema.minimum !== undefined && schema.maximum !== undefined)
    return ` from ${schema.minimum} to ${schema.maximum}`;
  if (schema.minimum !== undefined) words.push(`of at least ${schema.minimum}`);
  if (schema.exclusiveMinimum !== undefined) words.push(`above ${schema.exclusiveMinimum}`);
  if (schema.maximum !== undefined) words.push(`of at most ${schema.maximum}`);
  if (schema.exclusiveMaximum !== undefined) words.push(`below ${schema.exclusiveMaximum}`);
  return words.length === 0 ? '' : ` ${words.join(' and ')}`;
}

function describeLength(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return ` of ${least} to ${most} ${unit}`;
  if (least !== undefined) return ` of at least ${least} ${unit}`;
  return most === undefined ? '' : ` of at most ${most} ${unit}`;
}

function describeForm(schema: SchemaView): string {
  const [example] = schema.examples ?? [];
  if (typeof example === 'string') return ` such as "${example}"`;
  return schema.pattern === undefined ? '' : ` that matches ${schema.pattern}`;
}

function describeList(schema: SchemaView): string {
  const of = schema.items === undefined ? '' : `, each ${describeSchema(schema.items)}`;
  const unique = schema.uniqueItems === true ? ', none twice' : '';
  return `a list${describeLength(schema.minItems, schema.maxItems, 'entries')}${of}${unique}`;
}

function describeMap(schema: SchemaView): string {
  const free = freeMapOf(schema);
  if (free !== null) return `a map, each value ${describeSchema(free.value)}`;
  const keys = propertiesOf(schema).map(([key]) => key);
  return keys.length === 0 ? 'a map' : `a map with the keys ${joinWords(keys, 'and')}`;
}

/** "a", "a or b", "a, b or c". */
export function joinWords(words: readonly string[], last = 'or'): string {
  if (words.length < 2) return words[0] ?? '';
  return `${words.slice(0, -1).join(', ')} ${last} ${words[words.length - 1] ?? ''}`;
}
