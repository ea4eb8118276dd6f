// What a rule set is made of: texts of the core rules and of the site, and options; and the same compiled, as plain data.
import { FILES_ON_DISK, type AttachedFiles } from '../config/attached.js';
import type { KeptSet } from './cache/kept-set.js';
import { describeRules, type CompileOptions } from './compile.js';
import type { ParsedRules, Refusal, Statement } from './definition.js';
import { coreRulesDirectory, findRuleTexts, readRuleTexts, type Include, type RuleTexts } from './rule-files.js';

/** All that a compiled set depends on, but for what its files include. Plain data: it crosses borders of threads. */
export interface SetSources {
  readonly core: RuleTexts | null;
  readonly site: RuleTexts;
  readonly compile: CompileOptions;
  readonly covered: ReadonlyMap<string, readonly string[]>;
}

/** Which rules, and what is done with them. */
export interface SourceOptions {
  /** Whether the core rules come first. */
  readonly core: boolean;
  readonly compile: CompileOptions;
  /** Where the files of the site are read. */
  readonly files: AttachedFiles;
  /** Core rules that do not run beside any of the site's rules named with them. */
  readonly covered?: ReadonlyMap<string, readonly string[]>;
}

const NO_COVERED: ReadonlyMap<string, readonly string[]> = new Map();

/** All that a set is made of. */
export function sourcesOf(paths: readonly string[], { core, compile, files, covered }: SourceOptions): SetSources {
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
  return {
    set,
    notes: [...read.notes, ...notes],
    settings: read.settings,
    refusals: [...read.refusals, ...refusals],
    includes,
  };
}

/** Names of core rules that rules of the site cover. */
function coveredBy(site: readonly Statement[], covered: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const names = new Set(site.flatMap((statement) => (statement.kind === 'rule' ? [statement.name] : [])));
  return [...covered].filter(([, rules]) => rules.some((rule) => names.has(rule))).map(([name]) => name);
}

/** The core rules as statements. Throws when one is refused: that is a bug of ours, not of the site. */
export function coreStatements({ statements, refusals }: ParsedRules): readonly Statement[] {
  if (refusals.length > 0) throw new Error(`core rules: ${refusalText(refusals[0]!)}`);
  return statements;
}

/** `file:line: reason`. */
export function refusalText(refusal: Refusal): string {
  return `${refusal.file}:${refusal.line}: ${refusal.reason}`;
}
