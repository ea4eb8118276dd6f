// Rule files into a running set: the core rules of this package, then those of the site; from what was kept of the same
// files where there is such. A file or line that cannot be taken is told and left out; it never takes the rest down with it.
import { setImmediate } from 'node:timers/promises';
import { FILES_ON_DISK, type AttachedFiles } from '../config/attached.js';
import { compileAside } from './cache/aside.js';
import type { KeptSet } from './cache/kept-set.js';
import { keyOf, type RuleCache } from './cache/rule-cache.js';
import { COMPILE_DEFAULTS, type RuleSet } from './compile.js';
import type { ParsedRules, Refusal, Statement } from './definition.js';
import type { RuleSettings } from './language/settings.js';
import { readySet } from './ready.js';
import { coreRulesDirectory, findRuleTexts, readRuleTexts } from './rule-files.js';
import { compileSources, coreStatements, sourcesOf, type SourceOptions } from './sources.js';

export { coreRulesDirectory, namedRuleFiles, PLUGINS_SUFFIX, RULE_SUFFIX } from './rule-files.js';
export { refusalText } from './sources.js';

export interface LoadedRules {
  readonly set: RuleSet;
  readonly settings: RuleSettings;
  /** What was not taken, in the order of the files. */
  readonly refusals: readonly Refusal[];
  /** Lines that say something of rules that do not exist: harmless, and often a mistyped name. */
  readonly notes: readonly Refusal[];
}

export interface LoadOptions extends SourceOptions {
  /** Where compiled sets are kept; null or left out: nowhere. */
  readonly cache?: RuleCache | null;
}

const LOAD_DEFAULTS: LoadOptions = { core: true, compile: COMPILE_DEFAULTS, files: FILES_ON_DISK };

/** Core rules, then the files and directories given, compiled or as they were kept. */
export function loadRules(paths: readonly string[], options: LoadOptions = LOAD_DEFAULTS): LoadedRules {
  const sources = sourcesOf(paths, options);
  const { cache = null, files } = options;
  const key = cache === null ? '' : keyOf(sources);
  const known = cache?.read(key, files) ?? null;
  if (known !== null) return loadedFrom(known);
  const made = compileSources(sources, files);
  cache?.write(key, made);
  return loadedFrom(made);
}

/** The same for whoever must not stand still: what is not kept is compiled, and then kept, in a thread of its own. */
export async function loadRulesAside(paths: readonly string[], options: LoadOptions): Promise<LoadedRules> {
  const sources = sourcesOf(paths, options);
  const { cache = null, files } = options;
  const key = cache === null ? '' : keyOf(sources);
  await setImmediate();
  const known = cache?.read(key, files) ?? (await compileAside({ sources, key, cache, files }));
  await setImmediate();
  return loadedFrom(known);
}

function loadedFrom({ set, settings, refusals, notes }: KeptSet): LoadedRules {
  return { set: readySet(set), settings, refusals, notes };
}

/** The core rules as statements. */
export function readCoreRules(): readonly Statement[] {
  return coreStatements(readRuleFiles([coreRulesDirectory()]));
}

/** Reads files and directories: `*.pre` of all of them, then `*.cf`, each directory's in byte order. Never throws. */
export function readRuleFiles(
  paths: readonly string[],
  files: AttachedFiles = FILES_ON_DISK,
  localTestsOnly = false,
): ParsedRules {
  return readRuleTexts(findRuleTexts(paths, files), files, localTestsOnly);
}
