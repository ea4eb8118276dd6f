// What lists say of an address, and which lists there are, in words and columns for `weir check-ip`. Text that a list gives
// cannot steer the terminal.
import type { AddressState } from '../filters/lists/check-address.js';
import type { KnownList } from '../lists/known.js';
import { contradicts } from '../filters/lists/package-witness.js';
import type { WitnessedVerdict } from './check-ip.js';
import { fold, visible } from './table.js';

const WORDS: Readonly<Record<AddressState, string>> = {
  listed: 'listed',
  'not-listed': 'not listed',
  unknown: 'UNKNOWN',
  'not-asked': 'not asked',
};
const STATE_COLUMNS = 12;
const INDENT = ' '.repeat(STATE_COLUMNS);

/** One block for each list, then the sum. */
export function verdictText(address: string, verdicts: readonly WitnessedVerdict[]): string {
  const width = Math.max(...verdicts.map(({ list }) => visible(list).length));
  const count = (state: AddressState) => verdicts.filter((verdict) => verdict.state === state).length;
  const score = verdicts.reduce((sum, verdict) => sum + verdict.score, 0);
  const sum = `${address}: listed ${count('listed')}, not listed ${count('not-listed')}, unknown ${count('unknown')}`;
  const points = count('listed') > 0 ? `; ${points3(score)} points for a client` : '';
  return `${verdicts.flatMap((verdict) => verdictLines(verdict, width)).join('\n')}\n\n${sum}${points}\n`;
}

function verdictLines(verdict: WitnessedVerdict, width: number): readonly string[] {
  const { list, state, codes, meanings, score, reason, detail, witness } = verdict;
  const head = `${WORDS[state].padEnd(STATE_COLUMNS)}${visible(list).padEnd(width)}`;
  const what = state === 'listed' ? `${codes.join(' ')}, ${points3(score)} points` : visible(detail);
  const below = [
    ...meanings,
    ...(state === 'listed' && score === 0 ? ['no weight of the settings is for this answer'] : []),
    ...(reason === '' ? [] : [`the list says: ${visible(reason)}`]),
    ...(witness !== null && state !== 'not-asked' && contradicts(witness, state)
      ? [`the package dnsbl ${witness === 'answer' ? 'had an answer' : 'had none'}: ask again`]
      : []),
  ];
  return [`${head}  ${what}`.trimEnd(), ...below.map((line) => `${INDENT}${line}`)];
}

const points3 = (score: number): string => String(Math.round(score * 1_000) / 1_000);

/** One block for each well-known list. `width`: columns of a terminal, null for none. */
export function knownText(lists: readonly KnownList[], width: number | null): string {
  const blocks = lists.map((known) => {
    const codes = known.codes.map(([filter, meaning]) => `${INDENT}${filter}  ${meaning}`);
    const line = (head: string, text: string) => `  ${head.padEnd(STATE_COLUMNS - 2)}${text}`;
    return [
      `${known.zone} (${known.operator})`,
      line('lists', known.about),
      line('ask', known.ask.join(', ')),
      line('set as', known.site),
      line('terms', known.terms),
      line('more', known.home),
      line('answers', ''),
      ...codes,
      ...(known.errors ?? []).map((filter) => `${INDENT}${filter}  error: no answer to the question`),
      ...(known.policy === undefined ? [] : [line('policy', `${known.policy.join(', ')}: never for Received fields`)]),
    ]
      .map((text) => fold(text.trimEnd(), width, STATE_COLUMNS))
      .join('\n');
  });
  return `${blocks.join('\n\n')}\n\nNone of them is on by itself. See its terms before you set one: they change, and this list ages.\n`;
}
