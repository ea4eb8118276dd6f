// The texts that body and rawbody rules run over: the rendered text of all text parts as paragraphs, the Subject first,
// and the decoded text of the parts in chunks. Byte strings; sizes are bounded as SpamAssassin bounds them.
import type { Steps } from '../steps.js';
import { encodeUtf8, type DecodedText } from './charset.js';
import { characterCount, renderInSteps, type HtmlFacts, type RenderedHtml } from './html.js';
import type { MailPart } from './part.js';

/** Rendered text taken of one part, characters (`body_part_scan_size`). */
export const BODY_PART_MAX = 50_000;
/** Decoded text taken of one part, bytes (`rawbody_part_scan_size`). */
export const RAWBODY_PART_MAX = 500_000;
/** Longest body element and, twice over, rawbody chunk, bytes. */
export const ELEMENT_MAX = 2_048;
/** How far past a limit a better place to cut is looked for. */
const CUT_SEARCH_MAX = 1_024;

/** A text part as its reader sees it. */
export interface RenderedPart {
  readonly part: MailPart;
  readonly type: 'text/plain' | 'text/html';
  readonly all: DecodedText;
  readonly visible: DecodedText;
  readonly invisible: DecodedText;
  /** Of HTML that is not empty. */
  readonly html: HtmlFacts | null;
}

const NOTHING: DecodedText = { text: '', wide: false };

/** Renders a part, with rests; null when it is no text. */
export function* renderPart(part: MailPart): Steps<RenderedPart | null> {
  const type = part.effectiveType;
  if (type !== 'text/plain' && type !== 'text/html') return null;
  const text = part.text();
  yield;
  if (type === 'text/plain' || part.bytes() === '')
    return { part, type, all: text, visible: text, invisible: NOTHING, html: null };
  const { all, visible, invisible, facts }: RenderedHtml = yield* renderInSteps(text, part.bytes().length);
  return { part, type, all, visible, invisible, html: facts };
}

/** Which pieces of HTML are taken. */
export type Visibility = 'all' | 'visible' | 'invisible';

/** Paragraphs of all leaves in order, at most `partMax` characters of each; `subject` is the decoded Subject without a line end, null when there is none. */
export function bodyElements(
  leaves: readonly (RenderedPart | null)[],
  subject: string | null,
  visibility: Visibility = 'all',
  partMax: number = BODY_PART_MAX,
): string[] {
  // Without any part there is not even a subject.
  if (leaves.length === 0) return [];
  let text = '';
  let wide = false;
  for (const leaf of leaves) {
    if (text !== '') text += '\n';
    if (leaf === null) continue;
    const rendered = leaf[visibility];
    text += cutRendered(rendered.text, partMax);
    wide ||= rendered.wide;
  }
  const spaced = joinBlanks(text, wide);
  const bytes = wide ? encodeUtf8(spaced) : spaced;
  return splitElements((visibility === 'invisible' ? '' : `${subject ?? ''}\n`) + bytes);
}

/** Chunks of the leaves that are text, as they stand, at most `partMax` bytes of each. */
export function rawbodyChunks(leaves: readonly MailPart[], partMax: number = RAWBODY_PART_MAX): string[] {
  return leaves.flatMap((part) => {
    if (!/^(?:text|message)\b/.test(part.effectiveType) || part.type === 'text/calendar') return [];
    return splitChunks(cutText(part.bytes(), partMax, '\n> '));
  });
}

/** A part's text within its bound, which is in characters. */
function cutRendered(text: string, partMax: number): string {
  if (text.length <= partMax || characterCount(text) <= partMax) return text;
  return cutText(text, codeUnits(text, partMax), '\n ');
}

/** Where the character of that number starts. */
function codeUnits(text: string, characters: number): number {
  let at = 0;
  for (let count = 0; count < characters; count++) {
    const code = text.charCodeAt(at);
    at += code >= 0xd800 && code <= 0xdbff ? 2 : 1;
  }
  return at;
}

function cutText(text: string, max: number, stops: string): string {
  if (text.length <= max) return text;
  const window = text.slice(max, max + CUT_SEARCH_MAX + 1);
  for (const stop of stops) {
    const at = window.indexOf(stop);
    if (at >= 0) return text.slice(0, max + at + 1);
  }
  return text.slice(0, max);
}

const BLANK_RUNS = /[\t-\r ]{2,}|[\t-\r]|\0/g;
const WIDE_BLANK_RUNS =
  /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{2,}|[\t-\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|\0/g;

/** White space becomes one blank; where it holds two line ends, a paragraph ends. */
function joinBlanks(text: string, wide: boolean): string {
  return text.replace(wide ? WIDE_BLANK_RUNS : BLANK_RUNS, (run) => {
    if (run === '\0') return '\n';
    const first = run.indexOf('\n');
    const last = run.lastIndexOf('\n');
    if (first === last) return ' ';
    return `${first > 0 ? ' ' : ''}\n${last < run.length - 1 ? ' ' : ''}`;
  });
}

/** Elements end with a line end; long ones are cut after a blank, else where they are too long. */
function splitElements(text: string): string[] {
  const elements: string[] = [];
  for (let from = 0; from < text.length;) {
    const lineEnd = text.indexOf('\n', from);
    const end = lineEnd < 0 ? text.length : lineEnd + 1;
    while (end - from > ELEMENT_MAX) {
      const blank = text.lastIndexOf(' ', from + ELEMENT_MAX);
      const next = blank >= from ? blank + 1 : from + ELEMENT_MAX;
      elements.push(text.slice(from, next));
      from = next;
    }
    if (end > from) elements.push(text.slice(from, end));
    from = end;
  }
  return elements;
}

/** Chunks of 2 to 4 KB: while more than 4096 bytes remain, cut after the first line end, `>` or blank past 2048. */
export function splitChunks(text: string): string[] {
  if (text.length <= ELEMENT_MAX) return [text];
  const chunks: string[] = [];
  let from = 0;
  while (text.length - from > 2 * ELEMENT_MAX) {
    const window = text.slice(from + ELEMENT_MAX, from + 2 * ELEMENT_MAX);
    let stop = 0;
    for (const char of '\n> ') {
      const at = window.indexOf(char);
      if (at < 0) continue;
      stop = at;
      break;
    }
    const next = from + ELEMENT_MAX + stop + 1;
    chunks.push(text.slice(from, next));
    from = next;
  }
  if (from < text.length) chunks.push(text.slice(from));
  return chunks;
}
