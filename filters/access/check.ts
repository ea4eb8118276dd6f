// What `weir doctor` says of the block and allow lists: how many rules hold, which are over, which let forged mail in.
import type { Check } from '../../pipeline/stage.js';
import type { AccessBook } from './book.js';
import { isForEverybody, isForgeable, type AccessRule } from './rule.js';
import type { RuleTable } from './table.js';

/** Rules named in one line. */
const NAMED_MAX = 3;

/** One line per fact. `book`: null where there is no store. */
export async function checkLines(pinned: RuleTable, book: AccessBook | null, nowMs: number): Promise<readonly Check[]> {
  const stored = book === null ? [] : [...(await book.current()).rules()];
  const rules = [...pinned.rules(), ...stored].filter(({ enabled }) => enabled);
  const expired = rules.filter(({ expiresAt }) => expiresAt !== null && expiresAt <= nowMs);
  const holding = rules.length - expired.length;
  const over = expired.length === 0 ? '' : `, ${expired.length} expired`;
  const lines: Check[] = [{ name: 'rules', state: 'ok', detail: `${holding} rules hold${over}` }];
  const allows = rules.filter(
    ({ effect, expiresAt }) => effect === 'allow' && (expiresAt === null || expiresAt > nowMs),
  );
  tell(lines, allows.filter(isForgeable), 'let in whoever writes that sender: consider SPF or DKIM');
  tell(lines, allows.filter(isForEverybody), 'let everybody in');
  return lines;
}

function tell(lines: Check[], rules: readonly AccessRule[], what: string): void {
  if (rules.length === 0) return;
  const named = rules.slice(0, NAMED_MAX).map(({ name }) => name);
  const more = rules.length > NAMED_MAX ? ` and ${rules.length - NAMED_MAX} more` : '';
  lines.push({ name: 'allow rules', state: 'warn', detail: `${named.join(', ')}${more} ${what}` });
}
