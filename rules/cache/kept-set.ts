// A compiled rule set as bytes, and back. Bytes that hold anything else than what is written here give nothing: every
// field that rules are made of is looked at before one is made.
import { deserialize, serialize } from 'node:v8';
import type { PlainRules } from '../compile.js';
import { isPlainSet, isRefusals } from './plain-check.js';
import type { RuleSettings } from '../language/settings.js';
import { RULE_SETTINGS_DEFAULTS } from '../language/settings.js';
import type { Include } from '../rule-files.js';

/** Everything that a rule set comes to, as plain data. */
export interface KeptSet extends PlainRules {
  readonly settings: RuleSettings;
  /** What was included, so that it can be seen whether it would be the same. */
  readonly includes: readonly Include[];
}

/** The set as bytes. */
export function encodeSet({ set, refusals, notes, settings, includes }: KeptSet): Buffer {
  return serialize([set, refusals, notes, settings, includes]);
}

/** The set that the bytes are of, or null. Never throws. */
export function decodeSet(bytes: Uint8Array): KeptSet | null {
  const value = readValue(bytes);
  if (!Array.isArray(value) || value.length !== 5) return null;
  const [set, refusals, notes, settings, includes] = value as unknown[];
  if (!isPlainSet(set) || !isRefusals(refusals) || !isRefusals(notes)) return null;
  if (!isRuleSettings(settings) || !areIncludes(includes)) return null;
  return { set, refusals, notes, settings, includes };
}

function readValue(bytes: Uint8Array): unknown {
  try {
    return deserialize(bytes);
  } catch (error) {
    return error instanceof Error ? undefined : null;
  }
}

/** Every setting is there and of the kind its default has. */
function isRuleSettings(value: unknown): value is RuleSettings {
  return hasShapeOf(value, RULE_SETTINGS_DEFAULTS, new Set(['envelopeSenderHeader']));
}

function hasShapeOf(value: unknown, sample: object, nullable: ReadonlySet<string>): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(sample).every(([key, known]: [string, unknown]) => {
    const found = (value as Readonly<Record<string, unknown>>)[key];
    if (nullable.has(key)) return found === null || typeof found === 'string';
    if (typeof known !== 'object' || known === null) return typeof found === typeof known;
    if (Array.isArray(known)) return Array.isArray(found);
    if (known instanceof Map) return found instanceof Map;
    if (known instanceof Set) return found instanceof Set;
    return hasShapeOf(found, known, nullable);
  });
}

function areIncludes(value: unknown): value is readonly Include[] {
  return (
    Array.isArray(value) &&
    value.every((one: unknown) => {
      const { path, root, outcome } = (one ?? {}) as Partial<Include>;
      return typeof path === 'string' && typeof root === 'string' && typeof outcome === 'string';
    })
  );
}
