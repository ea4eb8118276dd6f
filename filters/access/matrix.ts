// Which checks an allow rule spares its mail: the table of the product (A7) as data, and how a rule departs from it.
// Takes a kind and what the rule says; gives the checks by the names that findings carry. Knows no mail.
import type { CheckName } from '../../pipeline/finding.js';
import type { RuleKind } from './rule.js';

/** Columns of the matrix, in its order. Rate caps, day blocks, junk delays and size limits are no column. */
export const SKIP_COLUMNS = ['dnsbl', 'spf', 'antivirus', 'dkim', 'dmarc', 'restriction'] as const;
export type SkipColumn = (typeof SKIP_COLUMNS)[number];

/** `model`: the row of the matrix. `safe`: the same with antivirus left on. Else the columns themselves. */
export type Skips = 'model' | 'safe' | readonly SkipColumn[];

/** Product A7, row by row. */
export const MODEL_SKIPS: Readonly<Record<RuleKind, readonly SkipColumn[]>> = {
  ip: ['dnsbl', 'spf', 'antivirus', 'dkim', 'dmarc', 'restriction'],
  network: ['dnsbl', 'spf', 'dkim', 'dmarc', 'restriction'],
  sender: ['spf', 'antivirus', 'restriction'],
  recipient: ['spf', 'antivirus', 'restriction'],
  domain: ['spf', 'antivirus', 'dkim', 'dmarc', 'restriction'],
};

/** What a rule for one domain or user touches, whatever its kind. */
export const SCOPED_CHECKS: readonly CheckName[] = ['spam', 'greylist'];

/** The columns that a rule of that kind skips. */
export function columnsOf(kind: RuleKind, skips: Skips): readonly SkipColumn[] {
  if (skips === 'model') return MODEL_SKIPS[kind];
  if (skips === 'safe') return MODEL_SKIPS[kind].filter((column) => column !== 'antivirus');
  return skips;
}

/** The same as names of checks: greylisting is one of the restriction checks, and who owns a sender is for rules on clients. */
export function checksOf(kind: RuleKind, skips: Skips): readonly CheckName[] {
  const restrictions: readonly CheckName[] = kind === 'ip' || kind === 'network' ? CLIENT_RESTRICTIONS : RESTRICTIONS;
  return columnsOf(kind, skips).flatMap((column) => (column === 'restriction' ? restrictions : [column]));
}

const RESTRICTIONS: readonly CheckName[] = ['restriction', 'greylist'];
const CLIENT_RESTRICTIONS: readonly CheckName[] = [...RESTRICTIONS, 'ownership'];

/** As it is written in files and shown: `model`, `safe`, columns between commas, or `none`. */
export function skipsText(skips: Skips): string {
  if (typeof skips === 'string') return skips;
  return skips.length === 0 ? 'none' : skips.join(',');
}

/** Reads such a text; null when it is none. */
export function readSkips(text: string): Skips | null {
  const plain = text.trim().toLowerCase();
  if (plain === 'model' || plain === 'safe') return plain;
  if (plain === 'none') return [];
  const words = plain.split(/[\s,]+/);
  const isColumn = (word: string): word is SkipColumn => (SKIP_COLUMNS as readonly string[]).includes(word);
  return words.every(isColumn) ? SKIP_COLUMNS.filter((column) => words.includes(column)) : null;
}
