// The rule engine as the commands of `weir rules` use it: rule files in, hits of one message out, as SpamAssassin's own
// command gives them without network and Bayes. Looks nothing up and knows no session.
import { parseMessage } from '../../message/parse.js';
import { FILES_ON_DISK } from '../../config/attached.js';
import { systemClock } from '../../outside/clock.js';
import type { RuleCache } from '../../rules/cache/rule-cache.js';
import { COMPILE_DEFAULTS, type CompileOptions } from '../../rules/compile.js';
import { evaluateRules, type RuleResult } from '../../rules/evaluate.js';
import { RuleMail } from '../../rules/mail/rule-mail.js';
import { loadRules, type LoadedRules } from '../../rules/load.js';

/** Longest one message may take, ms; what was found until then is told, and that time was over. */
export const HITS_TIME_LIMIT_MS = 60_000;
/** Most text of one message that rules look at, bytes. */
export const HITS_TEXT_MAX_BYTES = 50_000_000;

/**
 * Reads rule files and directories, later ones over earlier ones; with the core rules below them when asked for. `cache`:
 * where compiled sets are kept.
 */
export function openRules(
  paths: readonly string[],
  core = false,
  compile: CompileOptions = COMPILE_DEFAULTS,
  cache: RuleCache | null = null,
): LoadedRules {
  return loadRules(paths, { core, compile, files: FILES_ON_DISK, cache });
}

/** Runs all rules over one message. Never throws for what it holds. */
export function judge({ set, settings }: LoadedRules, content: Buffer): RuleResult {
  const deadline = systemClock.monotonicMs() + HITS_TIME_LIMIT_MS;
  const mail = new RuleMail(parseMessage(content), null, HITS_TEXT_MAX_BYTES, null, {
    settings,
    nowMs: systemClock.now(),
  });
  return evaluateRules(set, mail, { deadline, monotonicMs: () => systemClock.monotonicMs() });
}
