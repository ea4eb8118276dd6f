// A section of the configuration: a name, one sentence, and a schema whose every key carries type, default, bounds and
// one sentence. Sections are declared beside the code they steer; this folder knows none of them.
import { Type, type Static, type TObject, type TProperties } from 'typebox';
import type { AttachedFiles, NamedFile } from './attached.js';
import type { Problem } from './problem.js';

/** What a section holds against its own values, beyond what a schema can say (two keys that must not cross). */
export interface Objection {
  /** Key inside the section, from the outside in; entries of a list count from '1'. */
  readonly path: readonly string[];
  /** What was expected, as the rest of a sentence: "a number below the alert mark (1000)". */
  readonly expected: string;
}

/** What is wrong in a file that the settings name, at its own line. */
export interface FileObjection {
  readonly problem: Problem;
}

/** The values of every section. */
export type AllValues = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A file that settings name. */
export interface SectionFile extends NamedFile {
  /** Key inside the section that names it, as in an objection. */
  readonly key: readonly string[];
  /** Whether settings are refused when it cannot be read; otherwise that is told as a complaint. */
  readonly required: boolean;
}

/**
 * `description` is the one sentence for docs and sample. Every property has its own `description` and `default`, except
 * those in `Type.Optional`, which stay absent when absent, and those of entries in a list.
 */
export interface Section<Schema extends TObject = TObject> {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
  /** Fills in what follows from other sections (`all`, by name), such as a directory below another; comes before all else. */
  complete?(settings: Static<Schema>, all: AllValues): Static<Schema>;
  /** Runs once the schema holds, on the values with defaults filled in, and all required files can be read. */
  check?(settings: Static<Schema>, files: AttachedFiles): readonly (Objection | FileObjection)[];
  /** The files the settings name: read with them, part of their version, watched. */
  files?(settings: Static<Schema>): readonly SectionFile[];
  /**
   * What is wrong in files and yet does not keep settings from being taken at the start: parts are left out. While the
   * server runs, a change that brings a new complaint is refused.
   */
  complaints?(settings: Static<Schema>, files: AttachedFiles): readonly Problem[];
}

/** Declares a section. Unknown keys are refused by the schema itself; `check` compares keys with one another. */
export function section<Properties extends TProperties>(
  name: string,
  description: string,
  properties: Properties,
  check?: (settings: Static<TObject<Properties>>) => readonly Objection[],
): Section<TObject<Properties>> {
  const schema = Type.Object(properties, { additionalProperties: false });
  return check === undefined ? { name, description, schema } : { name, description, schema, check };
}
