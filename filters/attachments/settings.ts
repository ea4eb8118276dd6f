// The settings of the attachment stage: what is refused by name, by declared type and by content.
import { Type, type Static } from 'typebox';
import { MACRO_EXTENSIONS, REFUSED_EXTENSIONS } from './extensions.js';
import { REFUSED_TYPES } from './media-types.js';
import { PROGRAM_KINDS, type ProgramKind } from './program-magic.js';

const LIST_MAX = 5_000;

/** Kinds that only count when the file is called something harmless: pages of developers' lists hold many. */
const KINDS_NOT_REFUSED: readonly ProgramKind[] = ['script', 'webassembly', 'java-class'];

const extensions = (value: readonly string[], description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 32, pattern: '^[^./\\\\ A-Z]+$' }), {
    default: [...value],
    maxItems: LIST_MAX,
    description,
  });

const mediaTypes = (value: readonly string[], description: string) =>
  Type.Array(Type.String({ minLength: 3, maxLength: 128, pattern: '^[^/ A-Z]+/[^/ A-Z]+$' }), {
    default: [...value],
    maxItems: LIST_MAX,
    description,
  });

export const attachmentSettings = Type.Object({
  extensions: extensions(
    REFUSED_EXTENSIONS,
    'File name extensions that are held against a message, lower case, no dot; setting this replaces the whole list.',
  ),
  refuseExtensions: extensions([], 'Extensions added to the list.'),
  allowExtensions: extensions([], 'Extensions taken off the list; content is still judged by what it is.'),
  mediaTypes: mediaTypes(
    REFUSED_TYPES,
    'Declared media types that are held against a message, lower case, `image/*` for a whole kind; setting this replaces the whole list.',
  ),
  refuseMediaTypes: mediaTypes([], 'Media types added to the list.'),
  allowMediaTypes: mediaTypes([], 'Media types taken off the list.'),
  contents: Type.Array(Type.Union(PROGRAM_KINDS.map((kind) => Type.Literal(kind))), {
    default: PROGRAM_KINDS.filter((kind) => !KINDS_NOT_REFUSED.includes(kind)),
    maxItems: PROGRAM_KINDS.length,
    description: 'What is held against a message by its bytes, whatever it is called.',
  }),
  macroExtensions: extensions(MACRO_EXTENSIONS, 'Extensions of office files that exist to carry macros.'),
  refuseMacros: Type.Boolean({
    default: false,
    description:
      'Whether office files with macros, by name or by content, are held against a message; otherwise they add to the spam score.',
  }),
  refusePartialMessages: Type.Boolean({
    default: true,
    description: 'Whether message/partial is held against a message: a file sent in pieces passes every scanner.',
  }),
  refuseExternalBodies: Type.Boolean({
    default: true,
    description:
      'Whether message/external-body is held against a message: its content is fetched from elsewhere, after the scan.',
  }),
  filesMax: Type.Integer({
    default: 500,
    minimum: 1,
    maximum: 10_000,
    description: 'Most files of one message that are looked at; more are held against the message.',
  }),
});

export type AttachmentSettings = Static<typeof attachmentSettings>;
