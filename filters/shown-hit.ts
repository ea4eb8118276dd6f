// What is said of a hit of a rule on content: which rule, and where it looked; the text only where the administrator
// wants it in the logs.
import { firstMatch, type ContentPattern } from '../rules/content/matcher.js';
import type { TargetTexts } from '../rules/content/target.js';
import { Effort } from '../rules/pattern/effort.js';
import { showName } from './evidence.js';

/** The texts of a message whose hits are shown, and what finding them again may spend. */
export interface ShownTexts {
  readonly texts: TargetTexts;
  readonly effort: Effort;
}

/** Null where no text is shown. */
export function shownTexts(texts: TargetTexts, showText: boolean): ShownTexts | null {
  return showText ? { texts, effort: new Effort() } : null;
}

/** `rule in subject`; with `shown` also the text that was hit, quoted and bounded. */
export function showHit(pattern: ContentPattern, rule: string, shown: ShownTexts | null): string {
  const where = pattern.target === 'header' ? `header ${pattern.header}` : pattern.target;
  const hit = `${rule} in ${where}`;
  return shown === null ? hit : `${hit}: ${showName(hitText(pattern, shown))}`;
}

function hitText(pattern: ContentPattern, { texts, effort }: ShownTexts): string {
  if (pattern.relation !== 'matches') return pattern.pattern;
  return firstMatch(pattern, texts.of(pattern.target, pattern.header), effort) ?? '';
}
