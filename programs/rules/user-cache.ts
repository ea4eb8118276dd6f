// Where commands of `weir rules` keep compiled rule sets: the user's own cache directory.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { stderr } from 'node:process';
import { RuleCache } from '../../rules/cache/rule-cache.js';
import { shown } from '../verdict-lines.js';

/**
 * `$XDG_CACHE_HOME/weir`, else `~/.cache/weir`; null for a user without a home. A relative path in the variable counts as
 * none, as its specification has it.
 */
export function userCacheDirectory(): string | null {
  const set = process.env['XDG_CACHE_HOME'] ?? '';
  const caches = isAbsolute(set) ? set : join(homedir(), '.cache');
  return existsSync(dirname(caches)) ? join(caches, 'weir') : null;
}

/**
 * The cache, or null where there can be none. What was damaged is told on standard error; with `tells` also why nothing is
 * kept.
 */
export function openUserCache(tells: boolean): RuleCache | null {
  const isWanted = tells || process.env['WEIR_DEBUG'] !== undefined;
  const directory = userCacheDirectory();
  if (directory === null) return null;
  return RuleCache.open(directory, (trouble, damaged) => {
    if (isWanted || damaged) stderr.write(`weir rules: ${shown(trouble)}\n`);
  });
}
