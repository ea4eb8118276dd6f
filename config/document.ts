// A YAML file of one's own shape beside the configuration, such as a file of rules: held against its schema with the same
// care, and told with its own lines. Takes text, gives the value or every problem; never takes a part of a bad file.
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';
import type { AttachedFile } from './attached.js';
import { Checker, joinPath } from './check.js';
import type { Problem } from './problem.js';
import { viewSchema } from './schema.js';
import { readSource } from './source.js';

/** A document that fits its schema, defaults filled in. */
export interface Document<Schema extends TSchema> {
  readonly ok: true;
  readonly value: Static<Schema>;
  /** A problem at the place of a key, as `Objection.path` names it, or of the nearest key above. */
  object(path: readonly string[], message: string): Problem;
}

export type ReadDocument<Schema extends TSchema> =
  Document<Schema> | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads one file of bytes. An empty one is an empty map. */
export function readDocument<Schema extends TSchema>(
  schema: Schema,
  { file, text }: AttachedFile,
): ReadDocument<Schema> {
  const decoded = decode(text);
  if (decoded === null) return refused([{ file, line: 0, column: 0, message: 'the file is not UTF-8 text' }]);
  const source = readSource(decoded, file);
  if (source.problems.length > 0) return refused(source.problems);
  const view = viewSchema(schema);
  const checker = new Checker(file, view);
  const root = source.root ?? { kind: 'map' as const, entries: new Map(), line: 1, column: 1 };
  const value = checker.check(view, root, []);
  if (checker.problems.length > 0) return refused(checker.problems);
  const [fault] = Value.Errors(schema, value);
  if (fault !== undefined) return refused([{ file, line: 0, column: 0, message: fault.message }]);
  return { ok: true, value: value as Static<Schema>, object: (path, message) => at(checker, file, path, message) };
}

const refused = (problems: readonly Problem[]) => ({ ok: false as const, problems });

function at(checker: Checker, file: string, path: readonly string[], message: string): Problem {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = checker.origins.get(joinPath(path.slice(0, length)));
    if (origin !== undefined) return { ...origin, message };
  }
  return { file, line: 0, column: 0, message };
}

/** latin1 of UTF-8 bytes → text without its byte order mark; null when the bytes are no UTF-8. */
function decode(latin1: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return null;
  }
}
