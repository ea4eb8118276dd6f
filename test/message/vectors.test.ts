// The message vectors of another parser: structure, names and contents of 107 messages in both line ends, and its field
// cases. Where Weir reads otherwise, the table says so with the cause; a listed deviation that is none any more fails.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAddresses } from '../../message/address.js';
import { decodeHeaderText } from '../../message/encoded-word.js';
import type { Message } from '../../message/message.js';
import type { Part } from '../../message/mime.js';
import { parseParamValue } from '../../message/parameter.js';
import { parseMessage } from '../../message/parse.js';
import { DATA } from './data.js';

/** Message → why Weir's answer differs. The causes are explained in docs/reading-mail.md. */
const MESSAGE_DEVIATIONS: Record<string, string> = {
  'rfc/000': 'base64 content that is no base64 is decoded as RFC 2045 §6.8 says, not left as it is',
  'rfc/001': 'a From of one bare word is an address without domain, not a name',
  'rfc/004': 'a From of one bare word is an address without domain, not a name',
  'legacy/010': 'raw 8-bit header text that is not UTF-8 is read as windows-1252, not replaced',
  'legacy/016': 'a raw 8-bit file name is read as windows-1252, not replaced',
  'legacy/017': 'content declared x-uuencode is decoded',
  'legacy/020': 'raw 8-bit header text that is not UTF-8 is read as windows-1252, not replaced',
  'legacy/022': 'raw 8-bit header text that is not UTF-8 is read as windows-1252, not replaced',
  'legacy/023': 'a raw 8-bit file name is read as windows-1252, not replaced',
  'legacy/026': 'raw 8-bit name; content declared x-uuencode is decoded',
  'legacy/027': 'raw 8-bit header text that is not UTF-8 is read as windows-1252, not replaced',
  'legacy/048': 'content declared x-uuencode is decoded',
  'legacy/049': 'a stray CR as the last byte is kept',
  'legacy/052': 'unlabelled 8-bit text that is not UTF-8 is guessed, not replaced',
  'malformed/000': 'parts without content are parts',
  'malformed/001': 'a delimiter must match whole: --ab is none of boundary "a"',
  'malformed/004': 'a delimiter must match whole: --ab is none of boundary "a"',
  'malformed/007': 'a header ends at a line that is no field, it is not skipped',
  'malformed/008': 'the delimiter of a multipart around closes an unclosed one within (RFC 2046 §5.1.2)',
  'malformed/009': 'the delimiter of a multipart around closes an unclosed one within (RFC 2046 §5.1.2)',
  'malformed/011': 'the delimiter of a multipart around closes an unclosed one within (RFC 2046 §5.1.2)',
  'malformed/012': 'the delimiter of a multipart around closes an embedded message within (RFC 2046 §5.1.2)',
  'malformed/016': 'the delimiter of a multipart around closes unclosed ones within (RFC 2046 §5.1.2)',
  'malformed/017': 'a disposition without a type still has its file name',
  'malformed/019': 'nested parts with the boundary of the one around take its delimiters',
  'malformed/020': 'of two Content-Type fields the first counts',
  'malformed/021': 'of two Content-Type fields the first counts',
  'malformed/022': 'message/rfc822 is entered even where its content has no header',
  'thirdparty/002': 'base64 ends at its padding; foreign characters are skipped (RFC 2045 §6.8)',
  'thirdparty/005': 'a delimiter stands at the start of a line; half a UTF-16 unit is replaced',
  'thirdparty/015': 'the delimiter of a multipart around closes an embedded message within (RFC 2046 §5.1.2)',
};

const ADDRESS_DEVIATIONS: Record<number, string> = {
  8: 'a comment is no part of a name that stands there',
  9: 'a line of blanks and a backslash: the fold ends the quoted pair',
  10: 'a comment is no part of a name that stands there',
  11: 'a comment in a group is no member',
  13: 'a source route is dropped, blanks around a dot too',
  14: 'blanks around a dot are dropped; a comment is no part of a name',
  22: 'a comment is no part of a name that stands there',
  33: 'blanks around a name are trimmed',
  56: 'a comment is no part of a name that stands there',
};
const CONTENT_TYPE_DEVIATIONS: Record<number, string> = {
  31: 'a charset given again in a continuation is text (RFC 2231 §4.1)',
  34: 'blanks between encoded words are dropped in quotes too',
  49: 'an empty value is a value',
  56: 'a fold is one blank',
  57: 'a fold is one blank',
  59: 'pieces behind a gap are left out (RFC 2231 §3)',
  61: 'names that are no RFC 2231 form are left out',
};
const UNSTRUCTURED_DEVIATIONS: Record<number, string> = {
  21: 'no blank is put in before an encoded word',
  22: 'no blank is put in for an empty encoded word',
  27: 'no blank is put in before an encoded word',
  28: 'no blank is put in before an encoded word',
};

interface Named {
  readonly name: string | null;
  readonly address: string | null;
}
interface AddressAnswer {
  readonly List?: readonly Named[];
  readonly Group?: readonly { readonly name: string | null; readonly addresses: readonly Named[] }[];
}
interface TypeAnswer {
  readonly c_type: string;
  readonly c_subtype: string | null;
  readonly attributes:
    readonly (readonly [string, string])[] | readonly { readonly name: string; readonly value: string }[] | null;
}
interface FieldAnswer {
  readonly name: string;
  readonly value: { readonly Text?: string; readonly Address?: AddressAnswer; readonly ContentType?: TypeAnswer };
}
interface PartAnswer {
  readonly headers: readonly FieldAnswer[];
  readonly body: {
    readonly Multipart?: readonly number[];
    readonly Message?: MessageAnswer;
    readonly Text?: string;
    readonly Html?: string;
    readonly Binary?: readonly number[];
    readonly InlineBinary?: readonly number[];
  };
}
interface MessageAnswer {
  readonly parts: readonly PartAnswer[];
}

const vectors = DATA === null ? '' : join(DATA, 'vectors', 'mime');

function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(vectors, ...path), 'utf8'));
}

function attribute(type: TypeAnswer | undefined, wanted: string): string | undefined {
  for (const entry of type?.attributes ?? []) {
    const [name, value] = Array.isArray(entry)
      ? (entry as [string, string])
      : [(entry as { name: string }).name, (entry as { value: string }).value];
    if (name === wanted) return value;
  }
  return undefined;
}

function typeField(part: PartAnswer, name: string): TypeAnswer | undefined {
  return part.headers.find((field) => field.name === name)?.value.ContentType;
}

/** What differs between an answer and our tree, in words; empty when they agree. */
function compare(answer: MessageAnswer, index: number, mail: Message, part: Part): string[] {
  const given = answer.parts[index] as PartAnswer;
  const type = typeField(given, 'content_type');
  const differences: string[] = [];
  const wantedType = type === undefined ? null : [type.c_type, type.c_subtype].filter(Boolean).join('/').toLowerCase();
  if (wantedType !== null && wantedType !== part.type) differences.push(`type ${wantedType}`);
  const name = attribute(typeField(given, 'content_disposition'), 'filename') ?? attribute(type, 'name') ?? '';
  if (name !== part.name) differences.push(`name ${name}`);
  return [...differences, ...compareBody(given, answer, mail, part)];
}

function compareBody(given: PartAnswer, answer: MessageAnswer, mail: Message, part: Part): string[] {
  const { Multipart, Message: inner, Text, Html, Binary, InlineBinary } = given.body;
  const children = inner !== undefined ? [0] : Multipart;
  if (children !== undefined || part.children.length > 0) {
    if (children?.length !== part.children.length)
      return [`${children?.length ?? 'no'} parts, we have ${part.children.length}`];
    return children.flatMap((child, at) => compare(inner ?? answer, child, mail, part.children[at] as Part));
  }
  const text = Text ?? Html;
  if (text !== undefined) {
    const own = mail.texts.find((one) => one.part === part)?.source ?? part.content().toString('utf8');
    return own === text ? [] : ['text'];
  }
  return Buffer.from(Binary ?? InlineBinary ?? []).equals(part.content()) ? [] : ['content'];
}

function compareHeader(answer: MessageAnswer, mail: Message): string[] {
  const fields = answer.parts[0]?.headers ?? [];
  const differences: string[] = [];
  const subjects = fields.filter((field) => field.name === 'subject');
  if (subjects.length === 1 && subjects[0]?.value.Text !== undefined && subjects[0].value.Text !== mail.subject)
    differences.push('subject');
  const from = fields.filter((field) => field.name === 'from');
  const list = from[0]?.value.Address?.List;
  if (from.length === 1 && list !== undefined) {
    const wanted = list.map((one) => [one.name ?? '', one.address ?? '']);
    const own = mail.addresses('from').map((one) => [one.name, one.address]);
    if (JSON.stringify(wanted) !== JSON.stringify(own)) differences.push('from');
  }
  return differences;
}

/** The field of a case: its first line and the continuations, as latin1. */
function fieldOf(header: string): string {
  const lines = header.split('\n');
  let end = 1;
  while (end < lines.length && /^[ \t]/.test(lines[end] as string)) end++;
  return Buffer.from(lines.slice(0, end).join('\n').replace(/\r$/, ''), 'utf8').toString('latin1');
}

describe.skipIf(DATA === null)('another parser’s vectors', () => {
  test('107 messages in LF and CRLF', () => {
    const found: Record<string, string[]> = {};
    let compared = 0;
    for (const folder of ['rfc', 'legacy', 'thirdparty', 'malformed']) {
      for (const file of readdirSync(join(vectors, 'eml', folder)).filter((name) => name.endsWith('.eml'))) {
        const name = file.slice(0, -4);
        const lf = readFileSync(join(vectors, 'eml', folder, file))
          .toString('latin1')
          .replace(/\r\n/g, '\n');
        for (const [text, json] of [
          [lf, `${name}.json`],
          [lf.replace(/\n/g, '\r\n'), `${name}.crlf.json`],
        ] as const) {
          const mail = parseMessage(Buffer.from(text, 'latin1'));
          const answer = readJson('eml', folder, json) as MessageAnswer;
          const differences = [...compareHeader(answer, mail), ...compare(answer, 0, mail, mail.root)];
          compared++;
          if (differences.length > 0) found[`${folder}/${name}`] = differences;
        }
      }
    }
    expect(compared).toBe(214);
    expect(Object.keys(found).sort(), JSON.stringify(found, null, 1)).toEqual(Object.keys(MESSAGE_DEVIATIONS).sort());
  });

  test('address lists', () => {
    const cases = readJson('address.json') as { header: string; expected: AddressAnswer }[];
    const found = cases.flatMap(({ header, expected }, index) => {
      const wanted =
        expected.List?.map((one) => [null, one.name ?? '', one.address ?? '']) ??
        expected.Group?.flatMap((group) =>
          group.addresses.map((one) => [group.name, one.name ?? '', one.address ?? '']),
        );
      const own = parseAddresses(fieldOf(header)).addresses.map((one) => [one.group, one.name, one.address]);
      return JSON.stringify(wanted) === JSON.stringify(own) ? [] : [String(index)];
    });
    expect(cases).toHaveLength(60);
    expect(found).toEqual(Object.keys(ADDRESS_DEVIATIONS));
  });

  test('content types', () => {
    const cases = readJson('content_type.json') as { header: string; expected: TypeAnswer | null }[];
    const found = cases.flatMap(({ header, expected }, index) => {
      const { value, params } = parseParamValue(fieldOf(header));
      // A type without both halves is void to Weir whatever stands there, and a language tag is not kept.
      const whole = (type: string): string | null => (/^[^/]+\/[^/]+/.test(type) ? type : null);
      const wantedType = whole([expected?.c_type, expected?.c_subtype].filter(Boolean).join('/').toLowerCase());
      const wanted = ((expected?.attributes ?? []) as [string, string][])
        .filter(([name]) => !name.endsWith('-language'))
        .sort();
      const own = [...params].filter(() => expected !== null).sort();
      return JSON.stringify([wantedType, wanted]) === JSON.stringify([whole(value), own]) ? [] : [String(index)];
    });
    expect(cases).toHaveLength(103);
    expect(found).toEqual(Object.keys(CONTENT_TYPE_DEVIATIONS));
  });

  test('unstructured text', () => {
    const cases = readJson('unstructured.json') as { header: string; expected: string }[];
    const found = cases.flatMap(({ header, expected }, index) =>
      decodeHeaderText(fieldOf(header)) === expected ? [] : [String(index)],
    );
    expect(cases).toHaveLength(30);
    expect(found).toEqual(Object.keys(UNSTRUCTURED_DEVIATIONS));
  });
});
