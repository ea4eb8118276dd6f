// The X-Spam headers of delivered mail, in SpamAssassin's form, so that existing sieve rules work; incoming ones go.
import type { HeaderField } from '../message/header.js';
import type { Edit } from '../pipeline/answer.js';
import type { Verdict } from '../pipeline/decide.js';
import type { StagedFinding } from '../pipeline/finding.js';

/** Stars shown at most (SpamAssassin's X-Spam-Level). */
const STARS_MAX = 50;
/** Header lines are folded before this many characters. */
const FOLD_AT_CHARS = 76;
/** Names listed at most in tests=. */
const TESTS_MAX = 200;
const PREFIX = 'x-spam-';

/** Deletes every X-Spam-* header that the message came with: they are not ours. */
export function removeForgedMarkup(fields: readonly HeaderField[]): readonly Edit[] {
  return deleteFields(fields, (key) => key.startsWith(PREFIX));
}

/** Deletes every field whose name, in lower case, is to go. */
export function deleteFields(fields: readonly HeaderField[], isToGo: (key: string) => boolean): readonly Edit[] {
  const edits: Edit[] = [];
  const seen = new Map<string, number>();
  for (const { key, name } of fields) {
    if (!isToGo(key)) continue;
    const occurrence = (seen.get(key) ?? 0) + 1;
    seen.set(key, occurrence);
    edits.push({ kind: 'delete-header', name, occurrence });
  }
  return edits;
}

/** The headers for one verdict (`accept` or `tag`). `which` is the setting `verdict.headers`. */
export function markup(
  verdict: Verdict,
  findings: readonly StagedFinding[],
  which: 'all' | 'spam' | 'none',
  version: string,
): readonly Edit[] {
  const spam = verdict.action === 'tag';
  if (which === 'none' || (which === 'spam' && !spam)) return [];
  const add = (name: string, value: string): Edit => ({ kind: 'add-header', name, value });
  const stars = '*'.repeat(Math.max(0, Math.min(STARS_MAX, Math.trunc(verdict.score))));
  return [
    ...(spam ? [add('X-Spam-Flag', 'YES')] : []),
    ...(stars === '' ? [] : [add('X-Spam-Level', stars)]),
    add('X-Spam-Status', statusLine(verdict, spam, findings, version)),
  ];
}

function statusLine(verdict: Verdict, spam: boolean, findings: readonly StagedFinding[], version: string): string {
  const required = verdict.thresholds.tagAt === null ? 'none' : verdict.thresholds.tagAt.toFixed(1);
  const names = findings
    .filter(({ recipient }) => recipient === undefined || recipient === verdict.recipient)
    .map(({ id }) => id)
    .sort();
  const tests = [...new Set(names)].slice(0, TESTS_MAX);
  const head = `${spam ? 'Yes' : 'No'}, score=${shownScore(verdict, spam)} required=${required}`;
  return `${head}\n\ttests=${foldList(tests.length === 0 ? ['none'] : tests)}\n\tautolearn=no version=${version}`;
}

/** One decimal; a ham is never shown at or over the threshold (SpamAssassin semantics §13). */
function shownScore({ score, thresholds }: Verdict, spam: boolean): string {
  const { tagAt } = thresholds;
  const shown = score.toFixed(1);
  if (spam || tagAt === null || Number(shown) < tagAt || score >= tagAt) return shown;
  return (Math.floor(score * 10) / 10).toFixed(1);
}

function foldList(names: readonly string[]): string {
  let lineChars = 'tests='.length;
  let text = '';
  for (const [index, name] of names.entries()) {
    const piece = index < names.length - 1 ? `${name},` : name;
    if (lineChars + piece.length > FOLD_AT_CHARS && index > 0) {
      text += '\n\t';
      lineChars = 1;
    }
    text += piece;
    lineChars += piece.length;
  }
  return text;
}
