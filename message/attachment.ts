// Attachments: parts that are offered as files, and files uuencoded within texts, with every name some reader could take.
import { createHash } from 'node:crypto';
import { decode8bit, decodeHeaderText } from './encoded-word.js';
import { fileKind, type FileKind } from './file-kind.js';
import { parseParamValue } from './parameter.js';
import type { Part } from './mime.js';
import type { OdditySink } from './oddity.js';
import { textKind } from './text.js';
import { findUuencoded } from './uuencode.js';

/** A part that is offered as a file: named, disposed as attachment, or neither text nor multipart. */
export interface Attachment {
  readonly part: Part;
  /** File name decoded (RFC 2231, 2047, raw 8-bit), without any path; '' when it has none. */
  readonly name: string;
  /** Every other name some reader could take: Content-Type name, undecoded forms, each distinct. */
  readonly otherNames: readonly string[];
  /** `type/subtype` in lower case as declared; `application/x-uuencode` for a file within a text. */
  readonly declaredType: string;
  /** Content with the transfer encoding undone. */
  readonly content: Buffer;
  readonly sizeBytes: number;
  /** Hex SHA-256 of `content`. */
  readonly sha256: string;
  /** What the bytes are, whatever they are called: media type and usual extension, or null when nothing is recognised. */
  trueType(): Promise<FileKind | null>;
}

/** Attachments of one message; other names of one attachment; characters of one name. */
export const ATTACHMENTS_MAX = 2_000;
export const OTHER_NAMES_MAX = 20;
export const NAME_LENGTH_MAX = 1_024;

const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const CONTROL = /[\x00-\x1f\x7f]/;

/** The attachments of a tree, in order. */
export function findAttachments(parts: readonly Part[], oddities: OdditySink): Attachment[] {
  const found: Attachment[] = [];
  for (const part of parts) {
    if (found.length >= ATTACHMENTS_MAX) {
      oddities.add('ATTACHMENTS_LIMIT');
      return found;
    }
    if (isAttachment(part)) found.push(partAttachment(part, oddities));
    if (textKind(part) === 'plain') found.push(...uuencodedIn(part, oddities));
  }
  return found;
}

function isAttachment(part: Part): boolean {
  if (part.type.startsWith('multipart/')) return false;
  if (part.name !== '' || part.disposition === 'attachment') return true;
  return !part.type.startsWith('text/');
}

function partAttachment(part: Part, oddities: OdditySink): Attachment {
  const names = namesOf(part);
  const name = baseName(names[0] ?? '');
  const others = new Set<string>();
  for (const other of names) {
    for (const form of [other, baseName(other)])
      if (form !== '' && form !== name && others.size < OTHER_NAMES_MAX) others.add(form);
  }
  noteName(part, names, name, oddities);
  return new FileView(part, name, [...others], part.type, () => part.content());
}

/** Every name, the one that counts first: filename, name, then the forms a less careful reader takes. */
function namesOf(part: Part): string[] {
  const names = [
    part.name,
    part.dispositionParams.get('filename'),
    part.typeParams.get('name'),
    part.dispositionParams.get('name'),
  ];
  for (const field of part.headers) {
    if (field.key !== 'content-type' && field.key !== 'content-disposition') continue;
    for (const param of parseParamValue(field.rawValue).raw) {
      if (!/^(?:file)?name(?:\*|$)/.test(param.name)) continue;
      names.push(decodeHeaderText(param.value), decode8bit(param.value), decode8bit(param.literal.replaceAll('"', '')));
    }
  }
  const known = names.filter((name): name is string => name !== undefined && name !== '');
  return [...new Set(known.map((name) => name.slice(0, NAME_LENGTH_MAX)))].slice(0, OTHER_NAMES_MAX * 2);
}

/** The last component of a path of either kind; `.` and `..` are no names. */
function baseName(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1).trim();
  return base === '.' || base === '..' ? '' : base;
}

function noteName(part: Part, names: readonly string[], name: string, oddities: OdditySink): void {
  const filename = part.dispositionParams.get('filename');
  const typeName = part.typeParams.get('name');
  if (filename && typeName && filename !== typeName) oddities.add('NAME_DIFFERS', undefined, part.path);
  if (names.some((one) => BIDI.test(one))) oddities.add('NAME_BIDI', undefined, part.path);
  if (names.some((one) => CONTROL.test(one))) oddities.add('NAME_CONTROL', undefined, part.path);
  if (names[0] !== undefined && names[0].trim() !== name) oddities.add('NAME_PATH', undefined, part.path);
}

function uuencodedIn(part: Part, oddities: OdditySink): Attachment[] {
  const files = findUuencoded(part.content());
  if (files.length > 0) oddities.add('UUENCODE_IN_TEXT', undefined, part.path);
  return files.map((file) => {
    const written = decode8bit(file.name).slice(0, NAME_LENGTH_MAX);
    const name = baseName(written);
    return new FileView(part, name, written === name ? [] : [written], 'application/x-uuencode', () => file.content);
  });
}

/** An attachment whose content, hash and kind are worked out when asked for. */
class FileView implements Attachment {
  #sha256: string | undefined;
  #kind: Promise<FileKind | null> | undefined;
  constructor(
    readonly part: Part,
    readonly name: string,
    readonly otherNames: readonly string[],
    readonly declaredType: string,
    private readonly load: () => Buffer,
  ) {}

  get content(): Buffer {
    return this.load();
  }

  get sizeBytes(): number {
    return this.content.length;
  }

  get sha256(): string {
    return (this.#sha256 ??= createHash('sha256').update(this.content).digest('hex'));
  }

  trueType(): Promise<FileKind | null> {
    return (this.#kind ??= fileKind(this.content));
  }
}
