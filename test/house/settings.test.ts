// Every key of every section has a sentence, a default that it takes itself, and bounds.
import { describe, expect, it } from 'vitest';
import { Value } from 'typebox/value';
import { choicesOf, defaultOf, freeMapOf, propertiesOf, viewSchema, type SchemaView } from '../../config/schema.js';
import { SECTIONS } from '../../programs/sections.js';

interface Key {
  readonly path: string;
  readonly schema: SchemaView;
  readonly inList: boolean;
}

/** All keys of a schema, those of nested maps and of entries in lists too. */
function listKeys(schema: SchemaView, path: string, inList = false): readonly Key[] {
  return propertiesOf(schema).flatMap(([name, child]) => {
    const inside = `${path}.${name}`;
    const entry = child.items === undefined ? [] : listKeys(child.items, `${inside}[]`, true);
    return [{ path: inside, schema: child, inList }, ...listKeys(child, inside, inList), ...entry];
  });
}

/** What keeps a value from growing without end, or null when something lacks it. */
function isBounded(schema: SchemaView): boolean {
  if (choicesOf(schema) !== null) return true;
  if (schema.anyOf !== undefined) return schema.anyOf.every(isBounded);
  const free = freeMapOf(schema);
  if (free !== null) return isBounded(free.value);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return (
        (schema.minimum ?? schema.exclusiveMinimum) !== undefined &&
        (schema.maximum ?? schema.exclusiveMaximum) !== undefined
      );
    case 'string':
      return schema.maxLength !== undefined || /^\^[^*+]*\$$/.test(schema.pattern ?? '*');
    case 'array':
      return schema.maxItems !== undefined && (schema.items === undefined || isBounded(schema.items));
    default:
      return true;
  }
}

const keys = SECTIONS.flatMap(({ name, schema }) => listKeys(viewSchema(schema), name));

describe('settings', () => {
  it('have a sentence each, sections too', () => {
    const mute = keys.filter(({ schema }) => !/\S[.)]$/.test(schema.description ?? ''));
    expect(mute.map(({ path }) => path)).toEqual([]);
    expect(SECTIONS.filter(({ description }) => !description.endsWith('.')).map(({ name }) => name)).toEqual([]);
  });

  it('have a default that their own schema takes', () => {
    for (const { name, schema } of SECTIONS)
      expect([...Value.Errors(schema, defaultOf(viewSchema(schema)))], name).toEqual([]);
    const without = keys.filter(({ schema, inList }) => !inList && defaultOf(schema) === undefined);
    expect(without.map(({ path }) => path)).toEqual([]);
  });

  it('are bounded: numbers from below and above, text and lists in length', () => {
    expect(keys.filter(({ schema }) => !isBounded(schema)).map(({ path }) => path)).toEqual([]);
  });

  it('are named in camelCase, times in Ms or longer units, sizes in Bytes', () => {
    const name = /^[a-z][a-z0-9-]*(\.[a-z][A-Za-z0-9]*(\[\])?)+$/;
    expect(keys.filter(({ path }) => !name.test(path)).map(({ path }) => path)).toEqual([]);
    const vague = /(time|timeout|delay|interval|size|age)$/i;
    expect(
      keys.filter(({ path, schema }) => vague.test(path) && schema.type === 'integer').map(({ path }) => path),
    ).toEqual([]);
  });
});
