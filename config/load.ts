// One YAML file and the declared sections → the effective settings: complete, frozen, with a version and the place of
// every key that the file sets. Refuses a file as a whole, with all its problems; never takes a part of a bad one.
import { createHash } from 'node:crypto';
import type { Static, TObject } from 'typebox';
import { Value } from 'typebox/value';
import { AttachedSnapshot, type AttachedTexts } from './attached.js';
import { Checker, joinPath, showPath, type Origin } from './check.js';
import { readFile } from './file.js';
import { ConfigurationError, orderProblems, type Problem } from './problem.js';
import { viewSchema, type SchemaView } from './schema.js';
import type { AllValues as Values, Section, SectionFile } from './section.js';
import { readSource } from './source.js';

/** Hex digits of a settings version: short enough for a log row, long enough never to meet another by chance. */
const VERSION_DIGITS = 12;

/** Either a configuration, or everything that is wrong with the file, in its order. */
export type Loaded =
  | { readonly ok: true; readonly configuration: Configuration }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** Paths that the settings name, as far as they could be read: a change there may make them good. */
      readonly named: readonly SectionFile[];
    };

/** The settings in force: every key of every section, pinned by the file or at its default. Immutable. */
export class Configuration {
  /**
   * Short hash of the effective settings and of the texts of the files they name: same settings, same version, wherever
   * the values came from.
   */
  readonly version: string;
  private complained: readonly Problem[] | null = null;

  constructor(
    /** Sections in the order of the reference. */
    readonly sections: readonly Section[],
    /** The file that was read, or null for embedded defaults. */
    readonly file: string | null,
    /** What was read, so that another process can be given exactly these settings whatever the file says by then. */
    readonly text: string,
    private readonly values: Values,
    private readonly origins: ReadonlyMap<string, Origin>,
    /** The files that the settings name, as they were read with them. */
    readonly attached: AttachedSnapshot = new AttachedSnapshot([]),
  ) {
    freezeDeep(values);
    const hash = createHash('sha256').update(writeCanonical(values));
    if (attached.texts.length > 0) hash.update(JSON.stringify(attached.texts));
    this.version = hash.digest('hex').slice(0, VERSION_DIGITS);
  }

  /** The paths that the settings name. */
  get named(): readonly SectionFile[] {
    return namedFiles(this.sections, this.values);
  }

  /** What is wrong in those files without keeping the settings from being taken; worked out when first asked for. */
  complaints(): readonly Problem[] {
    if (this.complained !== null) return this.complained;
    const unread = this.named
      .filter(({ required }) => !required)
      .flatMap((named) => unreadProblem(named, this.attached) ?? []);
    const inside = this.sections.flatMap((one) => one.complaints?.(this.values[one.name] ?? {}, this.attached) ?? []);
    return (this.complained ??= [...unread, ...inside]);
  }

  /** The frozen values of one section. Throws for a section that was not declared to the loader: that is a bug. */
  section<Schema extends TObject>(declaration: Pick<Section<Schema>, 'name' | 'schema'>): Static<Schema> {
    if (!Object.hasOwn(this.values, declaration.name)) throw new Error(`no section ${declaration.name} was declared`);
    return this.values[declaration.name] as Static<Schema>;
  }

  /**
   * Where the file sets this very key (then it is pinned), or null when it does not. A path is the keys from the section
   * on, as a list or joined by dots.
   */
  origin(path: string | readonly string[]): Origin | null {
    const keys = typeof path === 'string' ? path.split('.') : path;
    return this.origins.get(joinPath(keys)) ?? null;
  }
}

/**
 * The text of a configuration file → settings. `file` names it in problems and origins; `texts` are the files it names as
 * another process read them, else they are read now.
 */
export function parseConfiguration(
  sections: readonly Section[],
  text: string,
  file: string,
  texts?: AttachedTexts,
): Loaded {
  const { values, origins, problems, named, attached } = evaluate(sections, text, file, texts);
  if (problems.length > 0) return { ok: false, problems: orderProblems(problems), named };
  return { ok: true, configuration: new Configuration(sections, file, text, values, origins, attached) };
}

/** Reads one file and loads it. A file that is missing, not a plain file, too large or not UTF-8 is a problem like others. */
export function loadConfiguration(sections: readonly Section[], file: string): Loaded {
  const read = readFile(file);
  return read.ok ? parseConfiguration(sections, read.text, file) : { ok: false, problems: [read.problem], named: [] };
}

/** The embedded defaults: what an empty file gives. Throws when the declarations themselves are wrong: that is a bug. */
export function defaultConfiguration(sections: readonly Section[]): Configuration {
  const { values, problems, attached } = evaluate(sections, '', 'embedded defaults');
  if (problems.length > 0) throw new ConfigurationError(problems);
  return new Configuration(sections, null, '', values, new Map(), attached);
}

interface Evaluated {
  /** Worthless when there are problems. */
  readonly values: Values;
  readonly origins: ReadonlyMap<string, Origin>;
  readonly problems: readonly Problem[];
  readonly named: readonly SectionFile[];
  readonly attached: AttachedSnapshot;
}

const NOTHING_ATTACHED = { named: [], attached: new AttachedSnapshot([]) };

function evaluate(sections: readonly Section[], text: string, file: string, texts?: AttachedTexts): Evaluated {
  const whole = composeSchema(sections);
  const source = readSource(text, file);
  if (source.problems.length > 0) {
    return { values: {}, origins: new Map(), problems: source.problems, ...NOTHING_ATTACHED };
  }
  const checker = new Checker(file, whole);
  const root = source.root ?? { kind: 'map' as const, entries: new Map(), line: 1, column: 1 };
  const own = checker.check(whole, root, []) as Values;
  const { origins, problems } = checker;
  if (problems.length > 0) return { values: own, origins, problems, ...NOTHING_ATTACHED };
  const values = completeValues(sections, own);
  const named = namedFiles(sections, values);
  const attached = texts === undefined ? AttachedSnapshot.take(named) : new AttachedSnapshot(texts);
  objectToFiles(named, attached, checker);
  if (problems.length === 0) objectAcrossKeys(sections, values, attached, checker);
  return { values, origins, problems, named, attached };
}

/** With what sections take over from one another; none sees what another has taken over. */
function completeValues(sections: readonly Section[], own: Values): Values {
  return Object.fromEntries(
    sections.map((one) => {
      const values = own[one.name] ?? {};
      return [one.name, one.complete?.(values, own) ?? values];
    }),
  );
}

/** Every path that the sections' values name, its key from the section on. */
function namedFiles(sections: readonly Section[], values: Values): readonly SectionFile[] {
  return sections.flatMap((one) =>
    (one.files?.(values[one.name] ?? {}) ?? []).map((file) => ({ ...file, key: [one.name, ...file.key] })),
  );
}

function objectToFiles(named: readonly SectionFile[], attached: AttachedSnapshot, checker: Checker): void {
  for (const one of named.filter(({ required }) => required)) {
    const problem = unreadProblem(one, attached);
    if (problem !== null) checker.object(one.key, `${showPath(one.key)}: ${problem.file}: ${problem.message}`);
  }
}

/** Why a path cannot be read, or null when it can. */
function unreadProblem(named: SectionFile, attached: AttachedSnapshot): Problem | null {
  try {
    attached.read(named);
    return null;
  } catch (error) {
    return { file: named.path, line: 0, column: 0, message: error instanceof Error ? error.message : String(error) };
  }
}

/** All sections as one map with fixed keys. */
function composeSchema(sections: readonly Section[]): SchemaView {
  const properties: Record<string, SchemaView> = {};
  for (const { name, schema } of sections) {
    if (Object.hasOwn(properties, name)) throw new Error(`the section ${name} is declared twice`);
    properties[name] = viewSchema(schema);
  }
  return { type: 'object', properties, required: Object.keys(properties) };
}

/** What sections hold against their own values, and, as a second opinion on our own checker, what TypeBox does. */
function objectAcrossKeys(
  sections: readonly Section[],
  values: Values,
  attached: AttachedSnapshot,
  checker: Checker,
): void {
  for (const declared of sections) {
    const settings = values[declared.name] ?? {};
    const [fault] = Value.Errors(declared.schema, settings);
    if (fault !== undefined) {
      const path = [declared.name, ...fault.instancePath.split('/').slice(1)];
      checker.object(path, `${showPath(path)}: ${fault.message}`);
      continue;
    }
    for (const objection of declared.check?.(settings, attached) ?? []) {
      if ('problem' in objection) {
        checker.problems.push(objection.problem);
        continue;
      }
      const whole = [declared.name, ...objection.path];
      checker.object(whole, `${showPath(whole)}: expected ${objection.expected}`);
    }
  }
}

function freezeDeep(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) freezeDeep(inner);
  Object.freeze(value);
}

/** JSON with sorted keys: equal settings give equal text. */
function writeCanonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeCanonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${writeCanonical(inner)}`).join()}}`;
}
