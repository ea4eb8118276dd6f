// A file name of an attachment, read in every way a mail program or Windows would: bidi tricks, invisible characters,
// trailing dots and blanks, NTFS streams, device paths, full-width letters, percent escapes. Linear in the name; names
// longer than the limit are read at both ends.

/** Longest name read, UTF-16 units; from a longer one the beginning and the end are read. */
export const NAME_MAX_CHARS = 1_024;

/** Most ways one name is read. */
export const NAME_READINGS_MAX = 16;

/** Blanks in a row that push the extension out of sight. */
const PADDING_MIN_CHARS = 6;

export interface FileName {
  /** Lower-case base names as readers may take them, the plain one first; at most `NAME_READINGS_MAX`. */
  readonly readings: readonly string[];
  /** Tricks that hide the extension, in words fit for evidence. */
  readonly disguises: readonly string[];
  /** Whether it holds characters that cannot be seen: odd, but honest programs leave some. */
  readonly hasHidden: boolean;
}

/** Turns the text that follows around: no honest file name needs one. */
const BIDI_OVERRIDE = /[\u202d\u202e]/;
/** What has no form of its own; the joiners U+200C and U+200D are honest in several scripts. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
/**
 * Invisible and more often a trick than not: not the joiners and direction marks that several scripts need, nor what
 * picks the form of an emoji. Tabs and line ends are what folded headers leave.
 */
const HIDDEN_IN_NAME =
  /(?!\p{Variation_Selector}|[\u200c-\u200f\u061c])\p{Default_Ignorable_Code_Point}|[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/u;
const BLANK = /\s/u;
const CLASS_ID = /\.\{[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}/i;
const PERCENT = /%[0-9a-f]{2}/i;

/** Reads one name. Never throws. */
export function readFileName(name: string): FileName {
  const raw =
    name.length <= NAME_MAX_CHARS ? name : name.slice(0, NAME_MAX_CHARS / 2) + name.slice(-NAME_MAX_CHARS / 2);
  const readings = new Set<string>();
  for (const form of forms(raw)) {
    for (const base of baseNames(form)) {
      if (readings.size < NAME_READINGS_MAX && base !== '') readings.add(base);
    }
  }
  return { readings: [...readings], disguises: disguisesOf(raw), hasHidden: HIDDEN_IN_NAME.test(raw) };
}

/** Extension of a base name: what follows the last dot, or '' where there is none. */
export function extensionOf(baseName: string): string {
  const dot = baseName.lastIndexOf('.');
  return dot < 0 ? '' : baseName.slice(dot + 1).trim();
}

/** The extension before the last one, or ''. */
export function innerExtensionOf(baseName: string): string {
  const dot = baseName.lastIndexOf('.');
  return dot <= 0 ? '' : extensionOf(baseName.slice(0, dot).trimEnd());
}

/** The name as given, without what cannot be seen, in compatibility form, cut at NUL, and with percent escapes undone. */
function* forms(name: string): Generator<string> {
  yield name;
  const seen = name.replace(INVISIBLE, '').replace(/\p{Cc}/gu, '');
  yield seen;
  yield compatible(seen);
  const nul = name.indexOf('\0');
  if (nul >= 0) yield name.slice(0, nul);
  if (PERCENT.test(name)) yield percentDecoded(seen);
}

/** NFKC, and the dots that it leaves alone made plain: full-width and small forms become ASCII as they do on Windows. */
const compatible = (name: string) => name.normalize('NFKC').replace(/[\u3002\uff61\u2024\u00b7]/g, '.');

function percentDecoded(name: string): string {
  const bytes = name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  const decoded = Buffer.from(bytes, 'latin1').toString('utf8');
  return decoded.includes('\ufffd') ? bytes : decoded;
}

/** Last component of the path, in lower case, and the pieces a colon parts it into (NTFS streams, drive letters). */
function* baseNames(name: string): Generator<string> {
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1).toLowerCase();
  yield trimEnd(base);
  if (!base.includes(':')) return;
  for (const piece of base.split(':', 4)) yield trimEnd(piece);
}

/** Windows drops dots and blanks at the end; broken encoders leave quotes there. */
function trimEnd(name: string): string {
  let end = name.length;
  while (end > 0 && isDroppedAtEnd(name[end - 1] ?? '')) end -= 1;
  return name.slice(0, end).trimStart();
}

const isDroppedAtEnd = (character: string) =>
  character === '.' || character === '"' || character === "'" || BLANK.test(character);

function disguisesOf(name: string): readonly string[] {
  const disguises: string[] = [];
  if (BIDI_OVERRIDE.test(name)) disguises.push('direction override');
  if (CLASS_ID.test(name)) disguises.push('class id for an extension');
  if (hasStream(name)) disguises.push('NTFS stream');
  if (hasPadding(name)) disguises.push('blanks before the extension');
  if (hasForeignExtension(name)) disguises.push('extension in look-alike characters');
  return disguises;
}

/** `name:stream` or `name::$DATA`: a colon after an extension, as no title has it. */
const hasStream = (name: string) => /\.[A-Za-z0-9]{1,8}:{1,2}[$A-Za-z0-9][^ ]*$/.test(name);

function hasPadding(name: string): boolean {
  const dot = name.lastIndexOf('.');
  if (dot < PADDING_MIN_CHARS) return false;
  return name.slice(dot - PADDING_MIN_CHARS, dot).trim() === '';
}

/** The name as given ends in no ASCII extension, its compatibility form does. */
function hasForeignExtension(name: string): boolean {
  const plain = trimEnd(name.replace(INVISIBLE, ''));
  return !/\.[\x20-\x7e]{1,10}$/.test(plain) && /\.[a-z][a-z0-9]{1,5}$/i.test(compatible(plain.slice(-16)));
}
