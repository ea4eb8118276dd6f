// The tokens of an address field (RFC 5322 §3.2): words, quoted strings, comments, special characters. Takes unfolded text,
// gives tokens in order; linear, without recursion.

/** Comments nest at most so deep. */
const COMMENT_DEPTH_MAX = 32;

/** A word, a quoted string, a comment's place, or one special character. */
export interface Token {
  readonly kind: 'atom' | 'quoted' | 'comment' | 'special';
  readonly text: string;
}

/** Null where a quoted string, comment or escape is not closed. */
export function tokenise(text: string): Token[] | null {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const char = text[at] as string;
    if (char === ' ' || char === '\t') {
      at++;
      continue;
    }
    const end = tokenEnd(text, at);
    if (end < 0) return null;
    const kind = KINDS.get(char) ?? 'atom';
    tokens.push({ kind, text: text.slice(at, end) });
    at = end;
  }
  return tokens;
}

const KINDS = new Map<string, Token['kind']>([
  ['"', 'quoted'],
  ['(', 'comment'],
  ...[...'<>[]:;@\\,.)'].map((char) => [char, 'special'] as const),
]);

/** Offset behind the token at `at`, or -1. */
function tokenEnd(text: string, at: number): number {
  const kind = KINDS.get(text[at] as string);
  if (kind === 'quoted') return quotedEnd(text, at);
  if (kind === 'comment') return commentEnd(text, at);
  if (kind === 'special') return at + 1;
  let end = at + 1;
  while (end < text.length && !KINDS.has(text[end] as string) && text[end] !== ' ' && text[end] !== '\t') end++;
  return end;
}

function quotedEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return -1;
}

function commentEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '(' && ++depth > COMMENT_DEPTH_MAX) return -1;
    else if (char === ')' && --depth === 0) return at + 1;
  }
  return -1;
}

/** Whether a token is that special character. */
export const isSpecial = (char: string) => (token: Token | undefined) =>
  token?.kind === 'special' && token.text === char;

export function withoutComments(tokens: readonly Token[]): readonly Token[] {
  return tokens.filter(({ kind }) => kind !== 'comment');
}
