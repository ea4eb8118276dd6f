// Which rule files a site runs beside the core rules, and in which order: what was imported, what settings name, what was
// switched off. One place for the stage and for `weir rules`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AttachedFiles } from '../../config/attached.js';
import type { AllValues, SectionFile } from '../../config/section.js';
import { releaseDirectory } from '../../rules/channel/releases.js';
import { RuleCache, type OnTrouble } from '../../rules/cache/rule-cache.js';
import { COMPILE_DEFAULTS } from '../../rules/compile.js';
import { loadRules, loadRulesAside, namedRuleFiles, type LoadedRules, type LoadOptions } from '../../rules/load.js';
import { CORE_RULES_COVERED } from './covered.js';
import type { RuleSettings } from './settings.js';

/** Below `rules.dir`: the imported files, and a rule file of `score NAME 0` lines. */
const IMPORTED = 'imported';
const SWITCHES = 'switches.cf';
/** Compiled rules, which can be made again at any time. */
const CACHE = 'cache';

/** Where imported rules lie. */
export const importedDirectory = (dir: string): string => join(dir, IMPORTED);
/** The file that switches rules off, by SpamAssassin's own means: a rule of score 0 does not run. */
export const switchesFile = (dir: string): string => join(dir, SWITCHES);

/** `rules.dir` from `storage.dir`, unless it is set. */
export function completeRuleSettings(settings: RuleSettings, all: AllValues): RuleSettings {
  const storage = all['storage']?.['dir'];
  return settings.dir !== null || typeof storage !== 'string' ? settings : { ...settings, dir: join(storage, 'rules') };
}

/** Directories in which Weir keeps whole sets of rule files: those of channels, then what was imported. */
export function keptDirectories(dir: string, { update }: RuleSettings): readonly string[] {
  return [...update.channels.map(({ name }) => releaseDirectory(dir, name)), importedDirectory(dir)];
}

/** Paths in the order they are read; later ones have the last word, and switches that of all. */
export function siteRulePaths(settings: RuleSettings): readonly string[] {
  const { dir, files } = settings;
  return dir === null ? files : [...keptDirectories(dir, settings), ...files, switchesFile(dir)];
}

/** The same as the loader of settings wants them. */
export function siteRuleFiles(settings: RuleSettings): readonly SectionFile[] {
  const { dir, files } = settings;
  const own = (path: string): SectionFile[] =>
    namedRuleFiles([path]).map((named) => ({ ...named, key: ['dir'], required: false, optional: true }));
  const named = files.flatMap((path, index) =>
    namedRuleFiles([path]).map((one) => ({ ...one, key: ['files', String(index + 1)], required: false })),
  );
  return dir === null ? named : [...keptDirectories(dir, settings).flatMap(own), ...named, ...own(switchesFile(dir))];
}

/** Whether anything runs beside the core rules, or cannot be read. */
export function hasSiteRules(settings: RuleSettings, files: AttachedFiles): boolean {
  if (settings.files.length > 0) return true;
  return siteRuleFiles(settings).some((named) => {
    try {
      return files.read(named).length > 0;
    } catch {
      // That it cannot be read is told where it is read.
      return true;
    }
  });
}

/** How the rules of a site are loaded. */
export interface SiteLoading {
  /** Whether rules may have things looked up: they score differently then. */
  readonly network: boolean;
  /** Where compiled sets are kept; null: nowhere. */
  readonly cache: RuleCache | null;
}

/** Everything that runs under these settings. */
export function loadSiteRules(
  settings: RuleSettings,
  files: AttachedFiles,
  loading: Partial<SiteLoading> = {},
): LoadedRules {
  return loadRules(siteRulePaths(settings), loadOptions(settings, files, loading));
}

/** The same without standing still. */
export function loadSiteRulesAside(
  settings: RuleSettings,
  files: AttachedFiles,
  loading: SiteLoading,
): Promise<LoadedRules> {
  return loadRulesAside(siteRulePaths(settings), loadOptions(settings, files, loading));
}

/** Where compiled rules are kept: below `rules.dir`, where what that lies in is there. `onTrouble`: see RuleCache. */
export function openSiteCache({ dir, cache }: RuleSettings, onTrouble?: OnTrouble): RuleCache | null {
  if (!cache || dir === null || !existsSync(dirname(dir))) return null;
  return RuleCache.open(join(dir, CACHE), onTrouble);
}

function loadOptions(
  settings: RuleSettings,
  files: AttachedFiles,
  { network = false, cache = null }: Partial<SiteLoading>,
): LoadOptions {
  return {
    core: settings.core,
    compile: {
      ...COMPILE_DEFAULTS,
      scoreSet: network ? 1 : 0,
      disabled: new Set(settings.disabled),
      scores: new Map(Object.entries(settings.scores)),
    },
    files,
    covered: CORE_RULES_COVERED,
    cache,
  };
}
