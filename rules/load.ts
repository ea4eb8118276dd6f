// Reads rule files from disk into a running set: the core rules of this package, then those of the site. A file or line
// that cannot be taken is told and left out; it never takes the rest down with it.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileRules, COMPILE_DEFAULTS, type CompileOptions, type RuleSet } from './compile.js';
import type { ParsedFile, Refusal, Statement } from './definition.js';
import { parseRules } from './parse.js';

/** Largest rule file, bytes. */
export const RULE_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Most files of one directory. */
export const RULE_FILES_MAX = 1_000;

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
}

const LOAD_DEFAULTS: LoadOptions = { core: true, compile: COMPILE_DEFAULTS };

/** Core rules, then the files and directories given (each `*.cf` of a directory, in byte order), compiled. */
export function loadRules(paths: readonly string[], options: LoadOptions = LOAD_DEFAULTS): LoadedRules {
  const site = readRuleFiles(paths);
  const core = options.core ? readCoreRules() : [];
  const { set, refusals } = compileRules([...core, ...site.statements], options.compile);
  return { set, refusals: [...site.refusals, ...refusals] };
}

/** Reads files and directories; what cannot be read is a refusal at line 0. */
export function readRuleFiles(paths: readonly string[]): ParsedFile {
  const statements: Statement[] = [];
  const refusals: Refusal[] = [];
  for (const path of paths) {
    try {
      for (const file of ruleFiles(path)) {
        const parsed = parseRules(readFileSync(file, 'latin1'), basenameIn(path, file));
        statements.push(...parsed.statements);
        refusals.push(...parsed.refusals);
      }
    } catch (error) {
      refusals.push({ file: path, line: 0, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { statements, refusals };
}

/** `file:line: reason`. */
export function refusalText(refusal: Refusal): string {
  return `${refusal.file}:${refusal.line}: ${refusal.reason}`;
}

function ruleFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [checkedSize(path)];
  const names = readdirSync(path)
    .filter((name) => name.endsWith('.cf'))
    .sort();
  if (names.length > RULE_FILES_MAX) throw new Error(`more than ${RULE_FILES_MAX} rule files`);
  return names.map((name) => checkedSize(join(path, name)));
}

function checkedSize(file: string): string {
  const info = statSync(file);
  if (!info.isFile()) throw new Error(`${file} is no file`);
  if (info.size > RULE_FILE_BYTES_MAX) throw new Error(`${file} is larger than ${RULE_FILE_BYTES_MAX} bytes`);
  return file;
}

function basenameIn(path: string, file: string): string {
  return resolve(path) === resolve(file) ? path : join(path, basename(file));
}
