// One file of a message, looked at: what it is called in every reading, declared as, and is by its bytes; and the notes
// that follow from these. Pure but for the file type library's promise; never throws on what the mail holds.
import type { Attachment, Message } from '../../message/message.js';
import type { Part } from '../../message/mime.js';
import { showName, showWord } from '../evidence.js';
import { hasMacros, hasScript } from './active-content.js';
import { DOCUMENT_EXTENSIONS, PAGE_EXTENSIONS, REFUSED_EXTENSIONS } from './extensions.js';
import { extensionOf, innerExtensionOf, readFileName } from './file-name.js';
import type { AttachmentFindingId } from './findings.js';
import { familyOfExtension, familyOfType, isTolerated, type Family } from './media-types.js';
import { programKind, type ProgramKind } from './program-magic.js';
import type { Refusals } from './refusals.js';

/** Most names of one file that are read: a part may carry any number of them. */
const NAMES_MAX = 16;

/** What is known of one file, for later stages. */
export interface FileFacts {
  /** Number of the part, as in `Part.path`. */
  readonly part: string;
  readonly name: string;
  /** Extensions by every reading of every name, lower case. */
  readonly extensions: readonly string[];
  readonly declaredType: string;
  /** Media type by content, or null. */
  readonly trueType: string | null;
  readonly program: ProgramKind | null;
  readonly macros: boolean;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** One thing to report of a file, evidence included. */
export interface Note {
  readonly id: AttachmentFindingId;
  readonly evidence: string;
}

/** A program that never was offered as a file: an unnamed text part, or a further reading of the bytes. */
export function lookAtBytes(content: Buffer, where: string, refusals: Refusals): Note | null {
  const kind = programKind(content);
  if (kind === null || kind === 'script' || !refusals.contents.has(kind)) return null;
  return { id: 'ATTACHMENT_TRUE_TYPE', evidence: `${where} is ${kind}` };
}

/** Names of a file, each reading once, with the extensions and tricks they show. */
interface Names {
  readonly extensions: ReadonlySet<string>;
  readonly notes: readonly Note[];
}

/** Looks at one attachment. */
export async function lookAtFile(
  attachment: Attachment,
  refusals: Refusals,
): Promise<{ readonly facts: FileFacts; readonly notes: readonly Note[] }> {
  const names = lookAtNames(attachment, refusals);
  const program = programKind(attachment.content);
  const real = await attachment.trueType();
  const extensions = [...names.extensions];
  const macros = hasMacros(attachment.content);
  const facts: FileFacts = {
    part: attachment.part.path,
    name: attachment.name,
    extensions,
    declaredType: attachment.declaredType,
    trueType: real?.mediaType ?? null,
    program,
    macros,
    sizeBytes: attachment.sizeBytes,
    sha256: attachment.sha256,
  };
  const shown = showFile(attachment);
  const notes = [
    ...names.notes,
    ...typeNotes(facts, shown, refusals),
    ...contentNotes(facts, shown, refusals),
    ...activeNotes(facts, shown, attachment.content, refusals),
    ...mismatchNotes(facts, shown, real),
  ];
  return { facts, notes };
}

/** Every leaf whose content is no attachment; a text with a file within it is one. */
export function bareParts(message: Message): readonly Part[] {
  const files = new Set(
    message.attachments.filter(({ part, content }) => content === part.content()).map(({ part }) => part),
  );
  return message.parts.filter((part) => part.children.length === 0 && !files.has(part));
}

const showFile = ({ name, part }: Attachment) => (name === '' ? `part ${part.path}` : showName(name));

function lookAtNames(attachment: Attachment, refusals: Refusals): Names {
  const extensions = new Set<string>();
  const notes: Note[] = [];
  for (const name of [attachment.name, ...attachment.otherNames].slice(0, NAMES_MAX)) {
    if (name === '') continue;
    const { readings, disguises, hasHidden } = readFileName(name);
    const shown = showName(name);
    for (const reading of readings) {
      const extension = extensionOf(reading);
      // An embedded message goes by its subject, which may well end in a host name.
      if (extension === '' || (extension === 'com' && attachment.declaredType === 'message/rfc822')) continue;
      extensions.add(extension);
      notes.push(...extensionNotes(extension, innerExtensionOf(reading), shown, refusals));
    }
    if (disguises.length > 0 && attachment.declaredType !== 'message/rfc822') {
      notes.push({ id: 'ATTACHMENT_NAME_DISGUISED', evidence: `${shown}: ${disguises.join(', ')}` });
    }
    if (hasHidden) notes.push({ id: 'ATTACHMENT_NAME_HIDDEN_CHARACTERS', evidence: shown });
  }
  return { extensions, notes };
}

const PROGRAM_EXTENSIONS: ReadonlySet<string> = new Set(REFUSED_EXTENSIONS);

function extensionNotes(extension: string, inner: string, shown: string, refusals: Refusals): readonly Note[] {
  const notes: Note[] = [];
  if (refusals.extensions.has(extension))
    notes.push({ id: 'ATTACHMENT_REFUSED_NAME', evidence: `${shown} (.${showWord(extension)})` });
  if (!DOCUMENT_EXTENSIONS.has(inner)) return notes;
  const isProgram = PROGRAM_EXTENSIONS.has(extension) || refusals.extensions.has(extension);
  if (isProgram) notes.push({ id: 'ATTACHMENT_DOUBLE_EXTENSION', evidence: shown });
  else if (PAGE_EXTENSIONS.has(extension) && !PAGE_EXTENSIONS.has(inner))
    notes.push({ id: 'ATTACHMENT_PAGE_AS_DOCUMENT', evidence: shown });
  return notes;
}

function typeNotes({ declaredType }: FileFacts, shown: string, refusals: Refusals): readonly Note[] {
  if (!refusals.refusesType(declaredType)) return [];
  return [{ id: 'ATTACHMENT_REFUSED_TYPE', evidence: `${shown} (${showWord(declaredType)})` }];
}

function contentNotes(facts: FileFacts, shown: string, refusals: Refusals): readonly Note[] {
  const { program } = facts;
  if (program === null) return [];
  const notes: Note[] = [];
  if (refusals.contents.has(program)) notes.push({ id: 'ATTACHMENT_TRUE_TYPE', evidence: `${shown} is ${program}` });
  const claimed = claimedFamilies(facts).find(
    (family) => family !== 'program' && !(program === 'script' && family === 'text'),
  );
  if (claimed !== undefined)
    notes.push({ id: 'ATTACHMENT_PROGRAM_DISGUISED', evidence: `${shown} is ${program}, called ${claimed}` });
  return notes;
}

function activeNotes(facts: FileFacts, shown: string, content: Buffer, refusals: Refusals): readonly Note[] {
  const notes: Note[] = [];
  const macroName = facts.extensions.some((extension) => refusals.macroExtensions.has(extension));
  if (facts.macros || macroName) {
    notes.push({ id: refusals.refuseMacros ? 'ATTACHMENT_MACROS_REFUSED' : 'ATTACHMENT_MACROS', evidence: shown });
  }
  const isPage =
    facts.extensions.some((extension) => PAGE_EXTENSIONS.has(extension)) ||
    isPageType(facts.declaredType) ||
    isPageType(facts.trueType ?? '');
  if (isPage && hasScript(content)) notes.push({ id: 'ATTACHMENT_PAGE_WITH_SCRIPT', evidence: shown });
  return notes;
}

const isPageType = (type: string) =>
  type === 'text/html' || type === 'application/xhtml+xml' || type === 'image/svg+xml';

function mismatchNotes(
  facts: FileFacts,
  shown: string,
  real: { readonly mediaType: string; readonly extension: string } | null,
): readonly Note[] {
  if (real === null || facts.program !== null) return [];
  const family = familyOfType(real.mediaType) ?? familyOfExtension(real.extension);
  const claimed = family && claimedFamilies(facts).find((claim) => !isTolerated(claim, family));
  if (!claimed) return [];
  return [{ id: 'ATTACHMENT_TYPE_MISMATCH', evidence: `${shown} is ${showWord(real.mediaType)}, called ${claimed}` }];
}

/** What a reader expects: by the extension that shows, else by the declared type. */
function claimedFamilies({ extensions, declaredType }: FileFacts): readonly Family[] {
  const byName = extensions.map(familyOfExtension).filter((family) => family !== null);
  if (byName.length > 0) return byName;
  const byType = familyOfType(declaredType);
  return byType === null ? [] : [byType];
}
