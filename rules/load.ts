// Rule files into a running set: the core rules of this package, then those of the site; from what was kept of the same
// files where there is such. A file or line that cannot be taken is told and left out; it never takes the rest down with it.
import { FILES_ON_DISK, type AttachedFiles } from '../config/attached.js';
import type { KeptSet } from './cache/kept-set.js';
import { keyOf, type RuleCache, type SetSources } from './cache/rule-cache.js';
import { COMPILE_DEFAULTS, describeRules, type CompileOptions, type RuleSet } from './compile.js';
import type { ParsedRules, Refusal, Statement } from './definition.js';
import type { RuleSettings } from './language/settings.js';
import { readySet } from './ready.js';
import { coreRulesDirectory, findRuleTexts, readRuleTexts, type Include } from './rule-files.js';

export { coreRulesDirectory, namedRuleFiles, PLUGINS_SUFFIX, RULE_SUFFIX } from './rule-files.js';

export interface LoadedRules {
  readonly set: RuleSet;
  readonly settings: RuleSettings;
  /** What was not taken, in the order of the files. */
  readonly refusals: readonly Refusal[];
  /** Lines that say something of rules that do not exist: harmless, and often a mistyped name. */
  readonly notes: readonly Refusal[];
}

export interface LoadOptions {
  /** Whether the core rules come first. */
  readonly core: boolean;
  readonly compile: CompileOptions;
  /** Where the files of the site are read. */
  readonly files: AttachedFiles;
  /** Core rules that do not run beside any of the site's rules named with them. */
  readonly covered?: ReadonlyMap<string, readonly string[]>;
  /** Where compiled sets are kept; null or left out: nowhere. */
  readonly cache?: RuleCache | null;
}

const LOAD_DEFAULTS: LoadOptions = { core: true, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK };
const NO_COVERED: ReadonlyMap<string, readonly string[]> = new Map();

/** Core rules, then the files and directories given, compiled or as they were kept. */
export function loadRules(paths: readonly string[], options: LoadOptions = LOAD_DEFAULTS): LoadedRules {
  const sources = sourcesOf(paths, options);
  const { cache } = options;
  if (!cache) return loadedFrom(compileSources(sources, options.files));
  const key = keyOf(sources);
  const known = cache.read(key, options.files);
  if (known !== null) return loadedFrom(known);
  const made = compileSources(sources, options.files);
  cache.write(key, made);
  return loadedFrom(made);
}

/** All that a set is made of. */
export function sourcesOf(paths: readonly string[], { core, compile, files, covered }: LoadOptions): SetSources {
  return {
    core: core ? findRuleTexts([coreRulesDirectory()], FILES_ON_DISK) : null,
    site: findRuleTexts(paths, files),
    compile,
    covered: covered ?? NO_COVERED,
  };
}

/** Reads and compiles them. `files`: where includes are read. */
export function compileSources({ core, site, compile, covered }: SetSources, files: AttachedFiles): KeptSet {
  const includes: Include[] = [];
  const localTestsOnly = (compile.scoreSet & 1) === 0;
  const read = readRuleTexts(site, files, localTestsOnly, (include) => includes.push(include));
  const below = core === null ? [] : coreStatements(readRuleTexts(core, FILES_ON_DISK, false));
  const off = new Set([...compile.disabled, ...(core === null ? [] : coveredBy(read.statements, covered))]);
  const { set, refusals, notes } = describeRules([...below, ...read.statements], { ...compile, disabled: off });
  return { set, notes, settings: read.settings, refusals: [...read.refusals, ...refusals], includes };
}

function loadedFrom({ set, settings, refusals, notes }: KeptSet): LoadedRules {
  return { set: readySet(set), settings, refusals, notes };
}

/** Names of core rules that rules of the site cover. */
function coveredBy(site: readonly Statement[], covered: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const names = new Set(site.flatMap((statement) => (statement.kind === 'rule' ? [statement.name] : [])));
  return [...covered].filter(([, rules]) => rules.some((rule) => names.has(rule))).map(([name]) => name);
}

/** The core rules as statements. Throws when one is refused: that is a bug of ours, not of the site. */
export function readCoreRules(): readonly Statement[] {
  return coreStatements(readRuleFiles([coreRulesDirectory()]));
}

function coreStatements({ statements, refusals }: ParsedRules): readonly Statement[] {
  if (refusals.length > 0) throw new Error(`core rules: ${refusalText(refusals[0]!)}`);
  return statements;
}

/** Reads files and directories: `*.pre` of all of them, then `*.cf`, each directory's in byte order. Never throws. */
export function readRuleFiles(
  paths: readonly string[],
  files: AttachedFiles = FILES_ON_DISK,
  localTestsOnly = false,
): ParsedRules {
  return readRuleTexts(findRuleTexts(paths, files), files, localTestsOnly);
}

/** `file:line: reason`. */
export function refusalText(refusal: Refusal): string {
  return `${refusal.file}:${refusal.line}: ${refusal.reason}`;
}
