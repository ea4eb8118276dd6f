// What is said of a hit of a rule on content: which rule, and where it looked; the text only where the administrator
// wants it in the logs.
import { firstMatch, type ContentPattern } from '../rules/content/matcher.js';
import type { TargetTexts } from '../rules/content/target.js';
import { showName } from './evidence.js';

/** `rule in subject`; with `texts` also the text that was hit, quoted and bounded. */
export function showHit(pattern: ContentPattern, rule: string, texts: TargetTexts | null): string {
  const where = pattern.target === 'header' ? `header ${pattern.header}` : pattern.target;
  const hit = `${rule} in ${where}`;
  return texts === null ? hit : `${hit}: ${showName(hitText(pattern, texts))}`;
}

function hitText({ relation, pattern, caseSensitive, target, header }: ContentPattern, texts: TargetTexts): string {
  if (relation !== 'matches') return pattern;
  return firstMatch(pattern, caseSensitive, texts.of(target, header)) ?? '';
}
