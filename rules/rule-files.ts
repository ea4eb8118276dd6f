// The files of a rule set: which a path means, their texts, and what the reader makes of them. What cannot be read is a
// refusal at line 0. Each include that was asked for is told, so that whoever keeps the outcome can ask again.
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AttachedFile, AttachedFiles, NamedFile } from '../config/attached.js';
import type { ParsedRules, Refusal } from './definition.js';
import { RuleReader } from './language/reader.js';

/** What rule files are called, and the files of a rule set that say which plugins count as loaded. */
export const RULE_SUFFIX = '.cf';
export const PLUGINS_SUFFIX = '.pre';

/** The texts of a rule set in the order they are read. */
export interface RuleTexts {
  readonly plugins: readonly AttachedFile[];
  readonly rules: readonly AttachedFile[];
  /** Paths that could not be read. */
  readonly failures: readonly Refusal[];
}

/** An include that was asked for. */
export interface Include {
  readonly path: string;
  /** The directory that it must lie in. */
  readonly root: string;
  /** Hex SHA-256 of its text, or why there is none. */
  readonly outcome: string;
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

/** The paths of rule files as the loader of settings wants them: what names plugins, then rules, of each path. */
export function namedRuleFiles(paths: readonly string[]): readonly NamedFile[] {
  return paths.flatMap((path) => [PLUGINS_SUFFIX, RULE_SUFFIX].map((suffix) => ({ path, suffix })));
}

/** The texts behind paths: `*.pre` of all of them, then `*.cf`, each directory's in byte order. Never throws. */
export function findRuleTexts(paths: readonly string[], files: AttachedFiles): RuleTexts {
  const named = namedRuleFiles(paths);
  const failures: Refusal[] = [];
  const found = new Map(named.map((one) => [one, filesOf(one, files, failures)]));
  const texts = (suffix: string) => named.flatMap((one) => (one.suffix === suffix ? found.get(one)! : []));
  return { plugins: texts(PLUGINS_SUFFIX), rules: texts(RULE_SUFFIX), failures };
}

/** Reads them. `localTestsOnly`: what `if (local_tests_only)` says. `onInclude` hears of each include. */
export function readRuleTexts(
  { plugins, rules, failures }: RuleTexts,
  files: AttachedFiles,
  localTestsOnly: boolean,
  onInclude: (include: Include) => void = () => undefined,
): ParsedRules {
  const reader = new RuleReader({
    localTestsOnly,
    defaultPlugins: plugins.length === 0,
    include: (path, root) => {
      onInclude({ path, root, outcome: outcomeOfInclude(path, root, files) });
      return includedText(path, root, files);
    },
  });
  for (const file of [...plugins, ...rules]) reader.read(file);
  const read = reader.finish();
  return { ...read, refusals: [...failures, ...read.refusals] };
}

/** What an include comes to now: hex SHA-256 of its text, or why there is none. */
export function outcomeOfInclude(path: string, root: string, files: AttachedFiles): string {
  try {
    return textHash(includedText(path, root, files));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Hex SHA-256 of a latin1 text. */
export function textHash(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
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
