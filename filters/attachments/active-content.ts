// Active content in files that are documents otherwise: macros in office files, script in pages and drawings. Looks for
// names and marks in bounded stretches of the bytes; a full reading of archives and OLE files is another stage's work.

/** How far into a content is looked, bytes, from its start and from its end. */
export const ACTIVE_SEARCH_MAX_BYTES = 8 * 1024 * 1024;

const ZIP = Buffer.from('PK\x03\x04', 'latin1');
const OLE = Buffer.from('d0cf11e0a1b11ae1', 'hex');
/** Stream of the project in an OLE file's directory. */
const OLE_PROJECT = Buffer.from('_VBA_PROJECT', 'utf16le');
/** Part of an OOXML package; the name stands uncompressed in its local header and in the central directory. */
const OOXML_PROJECT = 'vbaProject.bin';
const EXCEL4_SHEET = 'xl/macrosheets/';

/** Whether an office file (OLE or OOXML) holds macros. */
export function hasMacros(content: Buffer): boolean {
  if (content.subarray(0, ZIP.length).equals(ZIP)) {
    return ends(content).some((bytes) => bytes.includes(OOXML_PROJECT) || bytes.includes(EXCEL4_SHEET));
  }
  if (content.subarray(0, OLE.length).equals(OLE)) return ends(content).some((bytes) => bytes.includes(OLE_PROJECT));
  return false;
}

/** Marks of script in HTML and SVG, lower case. */
const SCRIPT_MARKS = ['<script', 'javascript:', 'vbscript:', ' onload=', ' onerror='];

/** Whether a page or drawing holds script. */
export function hasScript(content: Buffer): boolean {
  const bytes = content.subarray(0, ACTIVE_SEARCH_MAX_BYTES);
  // A page in UTF-16 has a NUL in every other byte of its tags.
  const text = bytes.toString('latin1').replaceAll('\0', '').toLowerCase();
  return SCRIPT_MARKS.some((mark) => text.includes(mark));
}

function ends(content: Buffer): readonly Buffer[] {
  if (content.length <= 2 * ACTIVE_SEARCH_MAX_BYTES) return [content];
  return [content.subarray(0, ACTIVE_SEARCH_MAX_BYTES), content.subarray(-ACTIVE_SEARCH_MAX_BYTES)];
}
