// Reads rule files from disk into a running set: the core rules of this package, then those of the site. A file or line
// that cannot be taken is told and left out; it never takes the rest down with it.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FILES_ON_DISK, type AttachedFile, type AttachedFiles, type NamedFile } from '../config/attached.js';
import { compileRules, COMPILE_DEFAULTS, type CompileOptions, type RuleSet } from './compile.js';
import type { ParsedRules, Refusal, Statement } from './definition.js';
import { RuleReader } from './language/reader.js';
import type { RuleSettings } from './language/settings.js';

/** What rule files are called, and the files of a rule set that say which plugins count as loaded. */
export const RULE_SUFFIX = '.cf';
export const PLUGINS_SUFFIX = '.pre';

export interface LoadedRules {
  readonly set: RuleSet;
  readonly settings: RuleSettings;
  /** What was not taken, in the order of the files. */
  readonly refusals: readonly Refusal[];
  /** Lines that say something of rules that do not exist: harmless, and often a mistyped name. */
  readonly notes: readonly Refusal[];
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
  /** Core rules that do not run beside any of the site's rules named with them. */
  readonly covered?: ReadonlyMap<string, readonly string[]>;
}

const LOAD_DEFAULTS: LoadOptions = { core: true, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK };

/** Core rules, then the files and directories given, compiled. */
export function loadRules(paths: readonly string[], options: LoadOptions = LOAD_DEFAULTS): LoadedRules {
  const site = readRuleFiles(paths, options.files, (options.compile.scoreSet & 1) === 0);
  const core = options.core ? readCoreRules() : [];
  const compile = { ...options.compile, disabled: withCovered(site.statements, options) };
  const { set, refusals, notes } = compileRules([...core, ...site.statements], compile);
  return { set, settings: site.settings, refusals: [...site.refusals, ...refusals], notes };
}

/** Names that do not run: those switched off, and core rules that rules of the site cover. */
function withCovered(site: readonly Statement[], { core, compile, covered }: LoadOptions): ReadonlySet<string> {
  if (!core || covered === undefined || site.length === 0) return compile.disabled;
  const names = new Set(site.flatMap((statement) => (statement.kind === 'rule' ? [statement.name] : [])));
  const off = [...covered].filter(([, rules]) => rules.some((rule) => names.has(rule))).map(([name]) => name);
  return new Set([...compile.disabled, ...off]);
}

/** The paths of rule files as the loader of settings wants them: what names plugins, then rules, of each path. */
export function namedRuleFiles(paths: readonly string[]): readonly NamedFile[] {
  return paths.flatMap((path) => [PLUGINS_SUFFIX, RULE_SUFFIX].map((suffix) => ({ path, suffix })));
}

/**
 * Reads files and directories: `*.pre` of all of them, then `*.cf`, each directory's in byte order. What cannot be read
 * is a refusal at line 0.
 */
export function readRuleFiles(
  paths: readonly string[],
  files: AttachedFiles = FILES_ON_DISK,
  localTestsOnly = false,
): ParsedRules {
  const named = namedRuleFiles(paths);
  const failures: Refusal[] = [];
  const found = new Map(named.map((one) => [one, filesOf(one, files, failures)]));
  const texts = (suffix: string) => named.flatMap((one) => (one.suffix === suffix ? found.get(one)! : []));
  const plugins = texts(PLUGINS_SUFFIX);
  const reader = new RuleReader({
    localTestsOnly,
    defaultPlugins: plugins.length === 0,
    include: (path, root) => includedText(path, root, files),
  });
  for (const file of [...plugins, ...texts(RULE_SUFFIX)]) reader.read(file);
  const read = reader.finish();
  return { ...read, refusals: [...failures, ...read.refusals] };
}

/** The files of a path with the suffix asked for; a plain file counts once, under the suffix it has. */
function filesOf(named: NamedFile, files: AttachedFiles, failures: Refusal[]): readonly AttachedFile[] {
  const { path, suffix } = named;
  try {
    const found = files.read(named);
    const plain = found.length === 1 && found[0]!.file === path;
    return plain && path.endsWith(PLUGINS_SUFFIX) !== (suffix === PLUGINS_SUFFIX) ? [] : found;
  } catch (error) {
    if (suffix === RULE_SUFFIX)
      failures.push({ file: path, line: 0, reason: error instanceof Error ? error.message : String(error) });
    return [];
  }
}

/** An included file, if it lies below the rule directory with all links followed. */
function includedText(path: string, root: string, files: AttachedFiles): string {
  if (!realpathSync(path).startsWith(`${realpathSync(root)}${sep}`))
    throw new Error('it leads outside the rule directory');
  const [file] = files.read({ path, suffix: RULE_SUFFIX });
  if (file === undefined) throw new Error('there is no such file');
  return file.text;
}

/** `file:line: reason`. */
export function refusalText(refusal: Refusal): string {
  return `${refusal.file}:${refusal.line}: ${refusal.reason}`;
}
