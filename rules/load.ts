// Reads rule files from disk into a running set: the core rules of this package, then those of the site. A file or line
// that cannot be taken is told and left out; it never takes the rest down with it.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FILES_ON_DISK, type AttachedFiles, type NamedFile } from '../config/attached.js';
import { compileRules, COMPILE_DEFAULTS, type CompileOptions, type RuleSet } from './compile.js';
import type { ParsedFile, Refusal, Statement } from './definition.js';
import { parseRules } from './parse.js';

/** What rule files are called. */
export const RULE_SUFFIX = '.cf';

export interface LoadedRules {
  readonly set: RuleSet;
  /** What was not taken, in the order of the files. */
  readonly refusals: readonly Refusal[];
}

/** The directory of the core rules: beside the sources, which a build does not copy. */
export function coreRulesDirectory(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error('no package.json above the rules');
    directory = parent;
  }
  return join(directory, 'rules', 'core');
}

/** The core rules as statements. Throws when one is refused: that is a bug of ours, not of the site. */
export function readCoreRules(): readonly Statement[] {
  const { statements, refusals } = readRuleFiles([coreRulesDirectory()]);
  if (refusals.length > 0) throw new Error(`core rules: ${refusalText(refusals[0]!)}`);
  return statements;
}

export interface LoadOptions {
  /** Whether the core rules come first. */
  readonly core: boolean;
  readonly compile: CompileOptions;
  /** Where the files of the site are read. */
  readonly files: AttachedFiles;
}

const LOAD_DEFAULTS: LoadOptions = { core: true, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK };

/** Core rules, then the files and directories given (each `*.cf` of a directory, in byte order), compiled. */
export function loadRules(paths: readonly string[], options: LoadOptions = LOAD_DEFAULTS): LoadedRules {
  const site = readRuleFiles(paths, options.files);
  const core = options.core ? readCoreRules() : [];
  const { set, refusals } = compileRules([...core, ...site.statements], options.compile);
  return { set, refusals: [...site.refusals, ...refusals] };
}

/** The paths of rule files as the loader of settings wants them. */
export function namedRuleFiles(paths: readonly string[]): readonly NamedFile[] {
  return paths.map((path) => ({ path, suffix: RULE_SUFFIX }));
}

/** Reads files and directories; what cannot be read is a refusal at line 0. */
export function readRuleFiles(paths: readonly string[], files: AttachedFiles = FILES_ON_DISK): ParsedFile {
  const statements: Statement[] = [];
  const refusals: Refusal[] = [];
  for (const named of namedRuleFiles(paths)) {
    try {
      for (const { file, text } of files.read(named)) {
        const parsed = parseRules(text, file);
        statements.push(...parsed.statements);
        refusals.push(...parsed.refusals);
      }
    } catch (error) {
      refusals.push({ file: named.path, line: 0, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { statements, refusals };
}

/** `file:line: reason`. */
export function refusalText(refusal: Refusal): string {
  return `${refusal.file}:${refusal.line}: ${refusal.reason}`;
}
