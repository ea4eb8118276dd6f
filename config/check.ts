// Holds a tree read from a file against a schema: gives the value with every default filled in, the place of every key
// that the file sets, and every problem found, not just the first. Knows nothing of files or sections.
import { nearestName } from './nearest.js';
import { quote, type Problem } from './problem.js';
import {
  choicesOf,
  defaultOf,
  describeSchema,
  emptyMap,
  freeMapOf,
  isFixedMap,
  joinWords,
  propertiesOf,
  propertyOf,
  type SchemaView,
} from './schema.js';
import {
  FAULTS_MAX,
  type SourceEntry,
  type SourceList,
  type SourceMap,
  type SourceNode,
  type SourceScalar,
} from './source.js';
import { hintSpelling } from './spelling.js';

/** Where a key was set. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A path as one string that no key can forge: the keys as JSON. */
export function joinPath(path: readonly string[]): string {
  return JSON.stringify(path);
}

/** A path as people write it: `milter.sizeMaxBytes`. */
export function showPath(path: readonly string[]): string {
  return path.join('.');
}

/** One file held against one schema. */
export class Checker {
  readonly problems: Problem[] = [];
  readonly origins = new Map<string, Origin>();

  constructor(
    private readonly file: string,
    private readonly root: SchemaView,
  ) {}

  /** The value of `node` under `schema`, complete with defaults. Worthless once `problems` is not empty. */
  check(schema: SchemaView, node: SourceNode, path: readonly string[]): unknown {
    if (node.kind === 'scalar' && node.value === null && isFixedMap(schema)) return defaultOf(schema);
    if (schema.anyOf !== undefined) return this.checkUnion(schema, schema.anyOf, node, path);
    if (node.kind === 'map' && isFixedMap(schema)) return this.checkFixedMap(schema, node, path);
    if (node.kind === 'map' && freeMapOf(schema) !== null) return this.checkFreeMap(schema, node, path);
    if (node.kind === 'list' && schema.type === 'array') return this.checkList(schema, node, path);
    if (node.kind === 'scalar' && fitsScalar(schema, node.value)) return node.value;
    this.refuse(schema, node, path);
    return undefined;
  }

  /** Adds a problem at the place of a key, or at the nearest key above it that the file sets. */
  object(path: readonly string[], message: string): void {
    for (let length = path.length; length > 0; length -= 1) {
      const origin = this.origins.get(joinPath(path.slice(0, length)));
      if (origin === undefined) continue;
      this.problems.push({ ...origin, message });
      return;
    }
    this.problems.push({ file: this.file, line: 0, column: 0, message });
  }

  private checkFixedMap(schema: SchemaView, map: SourceMap, path: readonly string[]): unknown {
    const result = defaultOf({ ...schema, default: schema.default ?? {} }) as Record<string, unknown>;
    for (const [key, entry] of map.entries) {
      if (this.problems.length >= FAULTS_MAX) break;
      const child = propertyOf(schema, key);
      if (child === undefined) {
        this.refuseKey(schema, key, entry, path);
        continue;
      }
      const childPath = [...path, key];
      this.note(childPath, entry);
      result[key] = this.check(child, entry.node, childPath);
    }
    for (const key of schema.required ?? []) {
      if (!Object.hasOwn(result, key)) this.report(map, `${showPath([...path, key])} is missing`);
    }
    return result;
  }

  private checkFreeMap(schema: SchemaView, map: SourceMap, path: readonly string[]): unknown {
    const result = emptyMap();
    const free = freeMapOf(schema);
    for (const [key, entry] of map.entries) {
      const childPath = [...path, key];
      if (free === null || key === '__proto__' || !new RegExp(free.pattern, 'u').test(key)) {
        const expected =
          free === null || free.pattern === '^.*$' ? 'another name' : `a name that matches ${free.pattern}`;
        this.report(entry, `${quote(key)} cannot be a key of ${showPath(path)}: expected ${expected}`);
        continue;
      }
      this.note(childPath, entry);
      result[key] = this.check(free.value, entry.node, childPath);
    }
    return result;
  }

  private checkList(schema: SchemaView, list: SourceList, path: readonly string[]): unknown {
    const { length } = list.items;
    const fits = length >= (schema.minItems ?? 0) && length <= (schema.maxItems ?? Infinity);
    if (!fits) this.report(list, `${showPath(path)}: expected ${describeSchema(schema)}, found ${length} entries`);
    const items = schema.items;
    if (items === undefined) return list.items.map((item) => this.check({}, item, path));
    const values = list.items.map((item, index) => {
      const itemPath = [...path, String(index + 1)];
      this.note(itemPath, item);
      return this.check(items, item, itemPath);
    });
    if (schema.uniqueItems === true) this.refuseRepeated(values, list, path);
    return values;
  }

  private refuseRepeated(values: readonly unknown[], list: SourceList, path: readonly string[]): void {
    const seen = new Set<string>();
    values.forEach((value, index) => {
      const written = JSON.stringify(value) ?? '';
      if (seen.has(written)) this.report(list.items[index] ?? list, `${showPath(path)}: the same entry stands before`);
      seen.add(written);
    });
  }

  /** The first branch that takes the value; else the problems of the branch that comes nearest. */
  private checkUnion(
    schema: SchemaView,
    branches: readonly SchemaView[],
    node: SourceNode,
    path: readonly string[],
  ): unknown {
    let nearest: Checker | null = null;
    for (const branch of branches.filter((one) => takesKind(one, node))) {
      const trial = new Checker(this.file, this.root);
      const value = trial.check(branch, node, path);
      if (trial.problems.length === 0) {
        for (const [key, origin] of trial.origins) this.origins.set(key, origin);
        return value;
      }
      if (nearest === null || trial.problems.length < nearest.problems.length) nearest = trial;
    }
    if (node.kind !== 'scalar' && nearest !== null) this.problems.push(...nearest.problems);
    else this.refuse(schema, node, path);
    return undefined;
  }

  private refuse(schema: SchemaView, node: SourceNode, path: readonly string[]): void {
    const hint = node.kind === 'scalar' ? hintSpelling(schema, node, path) : '';
    const name = path.length === 0 ? 'the file' : showPath(path);
    this.report(node, `${name}: expected ${describeSchema(schema)}, found ${describeNode(node)}${hint}`);
  }

  private refuseKey(schema: SchemaView, key: string, entry: SourceEntry, path: readonly string[]): void {
    const known = propertiesOf(schema).map(([name]) => name);
    const near = nearestName(key, known);
    const elsewhere = near === null ? findKey(this.root, key) : null;
    const where = path.length === 0 ? '' : ` in ${showPath(path)}`;
    const advice =
      near !== null
        ? `; did you mean ${quote(near)}?`
        : elsewhere !== null
          ? `; there is a ${quote(showPath(elsewhere))}`
          : `; expected ${joinWords(known)}`;
    this.report(entry, `unknown key ${quote(key)}${where}${advice}`);
  }

  private note(path: readonly string[], entry: Pick<SourceEntry, 'line' | 'column'>): void {
    this.origins.set(joinPath(path), { file: this.file, line: entry.line, column: entry.column });
  }

  private report(at: { readonly line: number; readonly column: number }, message: string): void {
    this.problems.push({ file: this.file, line: at.line, column: at.column, message });
  }
}

function takesKind(schema: SchemaView, node: SourceNode): boolean {
  if (node.kind === 'map') return isFixedMap(schema) || freeMapOf(schema) !== null;
  return node.kind === 'list' ? schema.type === 'array' : true;
}

function fitsScalar(schema: SchemaView, value: SourceScalar['value']): boolean {
  const choices = choicesOf(schema);
  if (choices !== null) return typeof value === 'string' && choices.includes(value);
  if (schema.enum !== undefined) return schema.enum.includes(value);
  if ('const' in schema) return schema.const === value;
  switch (schema.type) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return typeof value === 'number' && Number.isSafeInteger(value) && fitsRange(schema, value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && fitsRange(schema, value);
    case 'string':
      return typeof value === 'string' && fitsText(schema, value);
    default:
      return false;
  }
}

function fitsRange(schema: SchemaView, value: number): boolean {
  return (
    value >= (schema.minimum ?? -Infinity) &&
    value <= (schema.maximum ?? Infinity) &&
    value > (schema.exclusiveMinimum ?? -Infinity) &&
    value < (schema.exclusiveMaximum ?? Infinity)
  );
}

function fitsText(schema: SchemaView, value: string): boolean {
  const length = [...value].length;
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity)) return false;
  return schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value);
}

function describeNode(node: SourceNode): string {
  if (node.kind !== 'scalar') return node.kind === 'map' ? 'a map' : 'a list';
  if (node.value === null) return 'nothing';
  return typeof node.value === 'string' ? `the text ${quote(node.value)}` : node.text || String(node.value);
}

/** Where in the whole configuration a key of exactly this name stands, or null. */
function findKey(schema: SchemaView, key: string, path: readonly string[] = []): readonly string[] | null {
  for (const [name, child] of propertiesOf(schema)) {
    if (name === key) return [...path, name];
    const inside = findKey(child, key, [...path, name]);
    if (inside !== null) return inside;
  }
  return null;
}
