// What a content is when it can do harm by being opened: programs, shortcuts, installers, disk images, scripts, told by
// their bytes alone and whatever they are called. Looks at fixed places and bounded stretches; never throws.

/** Kinds told apart. `script` is text that starts like a script of Unix or Windows. */
export const PROGRAM_KINDS = [
  'windows-program',
  'dos-program',
  'elf',
  'mach-o',
  'java-class',
  'java-archive',
  'android-package',
  'dalvik',
  'webassembly',
  'windows-shortcut',
  'windows-installer',
  'windows-help',
  'windows-script',
  'html-application',
  'internet-shortcut',
  'cabinet',
  'disk-image',
  'script',
] as const;
export type ProgramKind = (typeof PROGRAM_KINDS)[number];

/** How far into a content text is looked at, bytes. */
const TEXT_HEAD_BYTES = 4_096;

/** How far into an archive or an OLE file names are looked for, bytes. */
const NAMES_HEAD_BYTES = 1_048_576;

const ISO_DESCRIPTOR_OFFSET = 0x8001;
const DMG_TRAILER_BYTES = 512;

/** The kind of program a content is, or null. */
export function programKind(content: Buffer): ProgramKind | null {
  if (content.length < 4) return null;
  return binaryKind(content) ?? imageKind(content) ?? textKind(content);
}

function binaryKind(content: Buffer): ProgramKind | null {
  switch (content.readUInt32BE(0)) {
    case 0x7f454c46:
      return 'elf';
    case 0xfeedface:
    case 0xfeedfacf:
    case 0xcefaedfe:
    case 0xcffaedfe:
      return 'mach-o';
    case 0xcafebabe:
      return cafeBabeKind(content);
    case 0x6465780a:
      return 'dalvik';
    case 0x0061736d:
      return 'webassembly';
    case 0x4c000000:
      return content.indexOf(SHORTCUT_CLASS, 4) === 4 ? 'windows-shortcut' : null;
    case 0x49545346:
      return 'windows-help';
    case 0x4d534346:
      return 'cabinet';
    case 0xd0cf11e0:
      return head(content).includes(INSTALLER_CLASS) || head(content).includes(PATCH_CLASS)
        ? 'windows-installer'
        : null;
    case 0x504b0304:
      return zipKind(content);
    default:
      return content.readUInt16BE(0) === 0x4d5a ? dosKind(content) : null;
  }
}

/** Class ids as they lie in files: of a shell link, of an installer package and of its patches. */
const SHORTCUT_CLASS = Buffer.from('0114020000000000c000000000000046', 'hex');
const INSTALLER_CLASS = Buffer.from('84100c0000000000c000000000000046', 'hex');
const PATCH_CLASS = Buffer.from('86100c0000000000c000000000000046', 'hex');

const head = (content: Buffer) => content.subarray(0, NAMES_HEAD_BYTES);

/** The same four bytes begin Java classes (version 45 and up) and Mach-O files for several processors (few of them). */
function cafeBabeKind(content: Buffer): ProgramKind | null {
  if (content.length < 8) return null;
  return content.readUInt32BE(4) < 0x2d ? 'mach-o' : 'java-class';
}

function zipKind(content: Buffer): ProgramKind | null {
  const names = head(content);
  if (names.includes('AndroidManifest.xml') && names.includes('classes.dex')) return 'android-package';
  return names.includes('META-INF/MANIFEST.MF') && names.includes('.class') ? 'java-archive' : null;
}

/** `MZ`: with a further header it is a program of Windows; alone, only where it is not text. */
function dosKind(content: Buffer): ProgramKind | null {
  const offset = content.length >= 64 ? content.readUInt32LE(0x3c) : 0;
  const mark = offset + 1 < content.length ? content.toString('latin1', offset, offset + 2) : '';
  if (offset >= 4 && ['PE', 'NE', 'LE', 'LX'].includes(mark)) return 'windows-program';
  return content.subarray(0, 64).includes(0) ? 'dos-program' : null;
}

function imageKind(content: Buffer): ProgramKind | null {
  const startsWith = (text: string) => content.toString('latin1', 0, text.length) === text;
  const isIso = content.toString('latin1', ISO_DESCRIPTOR_OFFSET, ISO_DESCRIPTOR_OFFSET + 5) === 'CD001';
  const trailer = content.subarray(Math.max(0, content.length - DMG_TRAILER_BYTES));
  const isDmg = trailer.length === DMG_TRAILER_BYTES && trailer.toString('latin1', 0, 4) === 'koly';
  const isVhd = startsWith('vhdxfile') || startsWith('conectix') || trailer.toString('latin1', 0, 8) === 'conectix';
  return isIso || isDmg || isVhd ? 'disk-image' : null;
}

function textKind(content: Buffer): ProgramKind | null {
  const text = headText(content);
  if (text.startsWith('#!') && /^#![ \t]?\/[!-~]/.test(text)) return 'script';
  if (text.startsWith('#@~^')) return 'windows-script';
  const lower = text.toLowerCase();
  if (lower.startsWith('@echo off') || lower.startsWith('<job') || lower.startsWith('<package'))
    return 'windows-script';
  if (lower.startsWith('[internetshortcut]')) return 'internet-shortcut';
  if (lower.includes('<hta:application')) return 'html-application';
  return lower.includes('<scriptlet') && lower.startsWith('<') ? 'windows-script' : null;
}

/** Beginning of a text, whichever Unicode form it is in; blanks before it are dropped. */
function headText(content: Buffer): string {
  const start = content.subarray(0, TEXT_HEAD_BYTES);
  if (start[0] === 0xff && start[1] === 0xfe) return start.toString('utf16le', 2).trimStart();
  const bom = start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf ? 3 : 0;
  return start.toString('latin1', bom).trimStart();
}
