// Where commands of `weir rules` keep compiled rule sets: the user's own cache directory.
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { stderr } from 'node:process';
import { RuleCache } from '../../rules/cache/rule-cache.js';
import { shown } from '../verdict-lines.js';

/** `$XDG_CACHE_HOME/weir`, else `~/.cache/weir`. A relative path there counts as none, as its specification has it. */
export function userCacheDirectory(): string {
  const set = process.env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(set) ? set : join(homedir(), '.cache'), 'weir');
}

/**
 * The cache, or null where there can be none. What was damaged is told on standard error; with `tells` also why nothing is
 * kept.
 */
export function openUserCache(tells: boolean): RuleCache | null {
  const isWanted = tells || process.env['WEIR_DEBUG'] !== undefined;
  return RuleCache.open(userCacheDirectory(), (trouble, damaged) => {
    if (isWanted || damaged) stderr.write(`weir rules: ${shown(trouble)}\n`);
  });
}
