// Finds URLs in running text: with a scheme, with `www.`, and schemeless hosts with a path. Takes decoded text, gives the
// strings as a mail program would link them; linear, each stretch looked at once.
import { parseHost } from './public-suffix.js';

/** Characters of one URL kept. */
export const URL_LENGTH_MAX = 2_048;

/** Characters at which a word of text ends for our purpose. */
const DELIMITERS = /[\s<>"`{}|\u0000-\u001f\u00a0\u2028\u2029\u3000\u201c\u201d\u00ab\u00bb]/g;
const SCHEMES = ['http:', 'https:', 'ftp:', 'ftps:', 'hxxp:', 'hxxps:'];
/** Dots that look like dots: browsers take them for one. */
const EXOTIC_DOTS = /[\u3002\uff0e\uff61]/g;

/** URLs of `text` in order of appearance, each once, at most `max`; `cut` when there may be more. */
export function findUrls(text: string, max: number): { readonly urls: readonly string[]; readonly cut: boolean } {
  const urls = new Set<string>();
  DELIMITERS.lastIndex = 0;
  let start = 0;
  while (start < text.length) {
    DELIMITERS.lastIndex = start;
    const match = DELIMITERS.exec(text);
    const end = match === null ? text.length : match.index;
    if (end - start >= WORD_LENGTH_MIN && !scanWord(text, start, end, urls, max)) return { urls: [...urls], cut: true };
    start = end + 1;
  }
  return { urls: [...urls], cut: false };
}

const WORD_LENGTH_MIN = 4;

/** Takes the URLs of one word; false when `max` is reached. */
function scanWord(text: string, start: number, end: number, urls: Set<string>, max: number): boolean {
  const word = text.slice(start, end);
  if (!word.includes('.') && !word.includes('://') && !EXOTIC.test(word)) return true;
  let at = 0;
  let found = 0;
  while (at < word.length && found < URLS_PER_WORD_MAX) {
    const from = nextStart(word, at);
    if (from < 0) break;
    const next = nextStart(word, from + SCHEME_LENGTH_MIN);
    const stop = next > 0 && isSeparator(word[next - 1] as string) ? next - 1 : word.length;
    const url = trimUrl(word.slice(from, Math.min(stop, from + URL_LENGTH_MAX)));
    if (url.length > SCHEME_LENGTH_MIN) {
      if (!take(urls, url, max)) return false;
      found++;
    }
    at = stop === word.length ? word.length : stop + 1;
  }
  if (found > 0) return found < URLS_PER_WORD_MAX;
  const bare = bareHost(word);
  if (bare === null) return true;
  return take(urls, bare, max);
}

/** False when it is a further one over `max`. */
function take(urls: Set<string>, url: string, max: number): boolean {
  if (urls.size >= max && !urls.has(url)) return false;
  urls.add(url);
  return true;
}

const URLS_PER_WORD_MAX = 10_000;
const SCHEME_LENGTH_MIN = 4;
const EXOTIC = /[\u3002\uff0e\uff61]/;

/** What may stand between two URLs written without a blank. */
function isSeparator(char: string): boolean {
  return char === ',' || char === ';' || char === ')' || char === "'" || char === ']';
}

/** Offset of the next scheme or `www.` in the word, or -1. */
function nextStart(word: string, from: number): number {
  START.lastIndex = from;
  const match = START.exec(word);
  return match === null ? -1 : match.index;
}

const START = /(?:https?|ftps?|hxxps?):\/{0,2}(?=[^\s/])|www\d{0,2}\.(?=[^.\s])/gi;

/** Drops what belongs to the sentence: punctuation at the end, a closing bracket without an opening one. */
function trimUrl(url: string): string {
  let end = closingEnd(url);
  while (end > 0 && TRAILING.has(url[end - 1] as string)) end--;
  return url.slice(0, end);
}

/** Offset of the first `)` that closes nothing, or the end. */
function closingEnd(url: string): number {
  let depth = 0;
  for (let at = 0; at < url.length; at++) {
    if (url[at] === '(') depth++;
    else if (url[at] === ')' && --depth < 0) return at;
  }
  return url.length;
}

const TRAILING = new Set([...'.,;:!?\'"*_~^]>-']);

/** `host.tld/path` without a scheme, when the suffix is a public one; a bare host name is too often a file name. */
function bareHost(word: string): string | null {
  const text = trimUrl(word.replace(/^[([{'"*]{1,4}/, ''));
  const slash = text.indexOf('/');
  if (slash < 4 || slash > HOST_LENGTH_MAX || text.includes('@') || SCHEMES.some((scheme) => text.startsWith(scheme)))
    return null;
  const host = text
    .slice(0, slash)
    .replace(EXOTIC_DOTS, '.')
    .replace(/:\d{1,5}$/, '');
  if (!HOST.test(host) || host.includes('..')) return null;
  if (!hasKnownSuffix(host)) return null;
  return text.slice(0, URL_LENGTH_MAX);
}

const HOST_LENGTH_MAX = 253;
const HOST = /^[\p{L}\p{N}](?:[\p{L}\p{N}.-]*)\.[\p{L}][\p{L}\p{N}-]{1,62}$/u;

/** The suffix is in the list, not merely the last label. */
function hasKnownSuffix(host: string): boolean {
  const { isIcann, isPrivate, domain } = parseHost(host);
  return domain !== null && (isIcann === true || isPrivate === true);
}
