// How texts are compared in a search, and how they are cut up for its index. Takes any text, gives the folded text, the
// text to index, or the index query for a needle. Folding must equal that of outside/database-thread.js.

/** Trigrams of one needle asked of the index; further ones only confirm. */
const TRIGRAMS_MAX = 32;
/** Private characters that spell an exact word in the index: never in folded mail, which has them replaced. */
const WORD_START = '\ue000';
const WORD_BASE = 0xe100;
const WORD_END = '\ue001';
const PAIR_END = '\ue002';

const CJK = /^[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u{20000}-\u{3ffff}]$/u;

/** Case, width and compatibility forms are one; controls are blanks. */
export function fold(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\u0000-\u001f]/g, ' ');
}

/**
 * What the index holds of a row: its folded texts, its exact words (numbers below 4,096 that stand for enumerated
 * values), and each pair of neighbouring CJK characters, since words there are often two characters long.
 */
export function indexText(texts: readonly (string | null)[], words: readonly number[]): string {
  const folded = texts.map((text) => (text === null ? '' : withoutPrivate(fold(text)))).join('\n');
  return `${folded}\n${words.map(wordToken).join('')}${pairs(folded)}`;
}

/** FTS5 query for rows that may hold all needles and words; null when the index cannot narrow it down. */
export function indexQuery(needles: readonly string[], words: readonly number[]): string | null {
  const tokens = new Set([...words.map(wordToken), ...needles.flatMap(needleTokens)]);
  if (tokens.size === 0) return null;
  return [...tokens].map((token) => `"${token.replaceAll('"', '""')}"`).join(' AND ');
}

function needleTokens(needle: string): readonly string[] {
  const characters = [...needle];
  if (characters.length >= 3) return trigrams(characters).slice(0, TRIGRAMS_MAX);
  if (characters.length === 2 && characters.every((one) => CJK.test(one))) return [needle + PAIR_END];
  return [];
}

function trigrams(characters: readonly string[]): readonly string[] {
  return characters
    .slice(0, -2)
    .map((first, index) => first + (characters[index + 1] ?? '') + (characters[index + 2] ?? ''));
}

function pairs(text: string): string {
  let tokens = '';
  let before = '';
  for (const character of text) {
    const isCjk = CJK.test(character);
    if (isCjk && before !== '') tokens += before + character + PAIR_END;
    before = isCjk ? character : '';
  }
  return tokens;
}

function wordToken(word: number): string {
  return WORD_START + String.fromCharCode(WORD_BASE + word) + WORD_END;
}

function withoutPrivate(text: string): string {
  return text.replace(/[\ue000-\uf8ff]/g, '\ufffd');
}
