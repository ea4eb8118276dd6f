// What bytes are, whatever they are called: file-type's recognition over a bounded prefix, and beside it the kinds that
// matter in mail and that it does not know (scripts, HTML, disk images, shortcuts, OneNote). Never fails on content.

export interface FileKind {
  readonly mediaType: string;
  readonly extension: string;
}

/** Bytes of a file that are looked at from its start, and from its end. */
export const KIND_BYTES_MAX = 1_048_576;
const TEXT_BYTES_MAX = 8_192;
const ISO_MARK_AT = 32_769;

/** Kinds told by bytes at a fixed place (negative: counted from the end). */
const MARKS: readonly (readonly [at: number, hex: string, mediaType: string, extension: string])[] = [
  [0, 'e4525c7b8cd8a74daeb15378d02996d3', 'application/onenote', 'one'],
  [0, 'a12fff43d9ef764c9ee210ea5722765f', 'application/onenote', 'onetoc2'],
  [0, '4c0000000114020000000000c000000000000046', 'application/x-ms-shortcut', 'lnk'],
  [0, '7668647866696c65', 'application/x-vhdx', 'vhdx'],
  [0, '636f6e6563746978', 'application/x-vhd', 'vhd'],
  [-512, '636f6e6563746978', 'application/x-vhd', 'vhd'],
  [ISO_MARK_AT, '4344303031', 'application/x-iso9660-image', 'iso'],
  [ISO_MARK_AT, '4245413031', 'application/x-udf-image', 'udf'],
  [0, '49545346', 'application/vnd.ms-htmlhelp', 'chm'],
  [0, '4d5357494d000000', 'application/x-ms-wim', 'wim'],
  [7, '2a2a4143452a2a', 'application/x-ace-compressed', 'ace'],
  [-512, '6b6f6c79', 'application/x-apple-diskimage', 'dmg'],
  [0, '789f3e22', 'application/vnd.ms-tnef', 'dat'],
];

const EICAR_START = ['X5O', '!P%', '@AP'].join('');

/** Says what `content` is, or null when nothing is recognised. Resolves always. */
export async function fileKind(content: Buffer): Promise<FileKind | null> {
  const marked = byMark(content);
  if (marked !== null) return marked;
  const prefix = content.subarray(0, KIND_BYTES_MAX);
  if (prefix[0] === 0xff && prefix[1] === 0xfe) {
    const wide = byText(prefix.subarray(0, TEXT_BYTES_MAX)); // The library takes this byte order mark for sound.
    if (wide !== null) return wide;
  }
  const known = await byLibrary(prefix);
  if (known !== null && !VAGUE.has(known.extension)) return known;
  return byText(prefix.subarray(0, TEXT_BYTES_MAX)) ?? known ?? looseMark(prefix);
}

/** Answers of the library that text looks can sharpen. */
const VAGUE = new Set(['xml']);

async function byLibrary(prefix: Buffer): Promise<FileKind | null> {
  try {
    const { fileTypeFromBuffer } = await import('file-type');
    const found = await fileTypeFromBuffer(prefix);
    return found === undefined ? null : { mediaType: found.mime, extension: found.ext };
  } catch (error) {
    if (error instanceof Error) return null; // A broken file of a known kind: the library gives up, so it is unrecognised.
    throw error;
  }
}

function byMark(content: Buffer): FileKind | null {
  for (const [at, hex, mediaType, extension] of MARKS) {
    const start = at < 0 ? content.length + at : at;
    if (start < 0 || content.length < start + hex.length / 2) continue;
    if (content.subarray(start, start + hex.length / 2).toString('hex') === hex) return { mediaType, extension };
  }
  if (content.toString('latin1', 0, EICAR_START.length) === EICAR_START)
    return { mediaType: 'application/x-dosexec', extension: 'com' };
  return null;
}

/** Headers that may stand a little way into the file. */
function looseMark(prefix: Buffer): FileKind | null {
  const head = prefix.subarray(0, 1_024);
  if (head.includes('%PDF-')) return { mediaType: 'application/pdf', extension: 'pdf' };
  if (head[0] === 0x4d && head[1] === 0x5a) return { mediaType: 'application/x-msdownload', extension: 'exe' };
  return null;
}

/** Kinds of text, told by how it begins. First fit counts. */
const TEXT_STARTS: readonly (readonly [pattern: RegExp, mediaType: string, extension: string])[] = [
  [/^#!/, 'text/x-shellscript', 'sh'],
  [/^\{\\rtf/, 'application/rtf', 'rtf'],
  [/^\[internetshortcut\]/, 'application/x-mswinurl', 'url'],
  [/^(?:windows registry editor|regedit4)/, 'text/x-ms-regedit', 'reg'],
  [/^web\s{1,2}1\s/, 'text/x-ms-iqy', 'iqy'],
  [/^id;p/, 'text/x-sylk', 'slk'],
  [/^@echo\b|^@?(?:setlocal|cmd \/c|powershell)\b/, 'application/x-bat', 'bat'],
  [/^<\?php/, 'application/x-httpd-php', 'php'],
  [/^<\?xml[^>]{0,200}>\s{0,50}<(?:package|job)\b|^<job\b/, 'text/x-wsf', 'wsf'],
];
const HTML_START =
  /^(?:<!--[^>]{0,500}>|\s){0,3}<(?:!doctype\s{1,5}html|html|head|body|script|iframe|table|div|meta|title|style|font|center|h1|p|a\s|img\s|form|br)\b/;
const SVG = /^(?:<\?xml[^>]{0,200}>\s{0,50})?(?:<!--[^>]{0,500}>\s{0,50})?(?:<!doctype svg[^>]{0,300}>\s{0,50})?<svg\b/;
const SCRIPT_MARKS =
  /\b(?:wscript\.|activexobject|createobject\s?\(|document\.write\s?\(|eval\s?\(|unescape\s?\(|string\.fromcharcode|new function\s?\(|window\.location|new-object |invoke-expression|downloadstring\()/;

/** What readable text is; null when it is no text or nothing of note. */
function byText(prefix: Buffer): FileKind | null {
  const text = readable(prefix);
  if (text === null) return null;
  for (const [pattern, mediaType, extension] of TEXT_STARTS) if (pattern.test(text)) return { mediaType, extension };
  if (SVG.test(text)) return { mediaType: 'image/svg+xml', extension: 'svg' };
  if (text.includes('<hta:application')) return { mediaType: 'application/hta', extension: 'hta' };
  if (HTML_START.test(text) || text.includes('<html')) return { mediaType: 'text/html', extension: 'html' };
  return scriptKind(text);
}

/** Lower-case text of the prefix when it has no control bytes, byte order marks taken into account; else null. */
function readable(prefix: Buffer): string | null {
  let bytes = prefix;
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
  else if (bytes[0] === 0xff && bytes[1] === 0xfe) bytes = Buffer.from(bytes.subarray(2).toString('utf16le'), 'latin1');
  for (const byte of bytes)
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c) return null;
  return bytes.toString('latin1').trimStart().toLowerCase();
}

/** Scripts have no mark; words that no letter uses, at the beginning of something that is laid out as code, tell them. */
function scriptKind(text: string): FileKind | null {
  if (!SCRIPT_MARKS.test(text)) return null;
  if (/^(?:on error resume next|dim |set |sub |option explicit|'|rem )|\bcreateobject\s?\(/.test(text))
    return { mediaType: 'text/vbscript', extension: 'vbs' };
  if (/\b(?:new-object |invoke-expression|downloadstring\()/.test(text))
    return { mediaType: 'text/x-powershell', extension: 'ps1' };
  const code =
    /^(?:var |let |const |function\b|\(function|\/\/|\/\*|try\s?\{|if\s?\(|for\s?\(|eval\s?\(|[\w$.]{1,60}\s?=|this\b|wscript|document\.)/;
  return code.test(text) ? { mediaType: 'text/javascript', extension: 'js' } : null;
}
