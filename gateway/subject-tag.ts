// The tag before the subject of marked mail. Takes the Subject fields as they stand and gives edits that leave exactly
// one, tagged once; what the sender wrote, encoded words and folds, stays as it is behind the tag.
import { decodeHeaderText, trimBlanks } from '../message/encoded-word.js';
import type { HeaderField } from '../message/header.js';
import { headerValue } from '../milter/edits.js';
import type { Edit } from '../pipeline/answer.js';
import { encodeWords } from './written-mail.js';
import { fillLine, type FieldValues } from './template.js';

/** Fields a tag may name. */
export const TAG_FIELDS = ['score', 'required'] as const;
/** Longest tag, characters. */
export const TAG_CHARS_MAX = 100;
/** A first line longer than this is not lengthened: the tag gets a line of its own. */
const LINE_CHARS_MAX = 600;

/** The edits that tag the subject; none where the tag is empty or there already. `subjects`: all Subject fields, in order. */
export function tagSubject(
  subjects: readonly HeaderField[],
  template: string,
  values: FieldValues<(typeof TAG_FIELDS)[number]>,
): readonly Edit[] {
  const tag = trimBlanks(fillLine(template, values));
  if (tag === '') return [];
  const [first] = subjects;
  if (first === undefined) return [{ kind: 'add-header', name: 'Subject', value: headerValue(encodeTag(tag, '')) }];
  // A reader that shows the last of several would show one without the tag.
  const others = subjects
    .slice(1)
    .map((_, index): Edit => ({ kind: 'delete-header', name: 'Subject', occurrence: index + 2 }));
  if (isTagged(first.value, template)) return others;
  const value = headerValue(withTag(tag, first.rawValue));
  return [{ kind: 'change-header', name: 'Subject', occurrence: 1, value }, ...others];
}

/** Tag and raw value (latin1, folds kept), one blank or fold between. */
function withTag(tag: string, rawValue: string): string {
  const rest = trimBlanks(rawValue.replaceAll('\r\n', '\n'));
  const firstLine = rest.indexOf('\n') < 0 ? rest.length : rest.indexOf('\n');
  const encoded = encodeTag(tag, rest);
  return rest === '' ? encoded : `${encoded}${firstLine > LINE_CHARS_MAX ? '\n ' : ' '}${rest}`;
}

/**
 * The tag as header text. Blanks between two encoded words are not shown (RFC 2047 §6.2), so before one the tag brings
 * its own.
 */
function encodeTag(tag: string, rest: string): string {
  if (/^[\x20-\x7e]*$/.test(tag) && !tag.includes('=?')) return tag;
  return encodeWords(rest.startsWith('=?') ? `${tag} ` : tag, '\n ');
}

/** Whether a decoded subject begins with a tag made from this template, whatever numbers its fields had. */
function isTagged(subject: string, template: string): boolean {
  const pieces = trimBlanks(template).split(/\{(?:score|required)\}/);
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) {
      const numberEnd = endOfNumber(subject, at);
      if (numberEnd === at) return false;
      at = numberEnd;
    }
    if (!subject.startsWith(piece, at)) return false;
    at += piece.length;
  }
  return true;
}

function endOfNumber(text: string, from: number): number {
  let at = from;
  while (at < text.length && '-.0123456789'.includes(text[at] as string)) at += 1;
  return at;
}

/** Names of fields that a DKIM-Signature covers (RFC 6376 §3.5, `h=`), lower case; empty for a value without one. */
export function signedNames(signature: HeaderField): readonly string[] {
  for (const tag of decodeHeaderText(signature.rawValue).split(';')) {
    const equals = tag.indexOf('=');
    if (equals < 0 || tag.slice(0, equals).trim() !== 'h') continue;
    return tag
      .slice(equals + 1)
      .split(':')
      .map((name) => name.trim().toLowerCase());
  }
  return [];
}
