// Media types: the list the attachment stage refuses from the start, and which families types and extensions belong to,
// so that a name, a declaration and a content can be compared. Data and look-ups only.

/** Declared types of programs, scripts, shortcuts and disk images. */
export const REFUSED_TYPES: readonly string[] = [
  'application/dos-exe',
  'application/exe',
  'application/hta',
  'application/java-archive',
  'application/javascript',
  'application/msdos-windows',
  'application/vnd.android.package-archive',
  'application/vnd.microsoft.portable-executable',
  'application/vnd.ms-cab-compressed',
  'application/vnd.ms-htmlhelp',
  'application/x-apple-diskimage',
  'application/x-bat',
  'application/x-chm',
  'application/x-dosexec',
  'application/x-elf',
  'application/x-exe',
  'application/x-executable',
  'application/x-iso9660-image',
  'application/x-java-archive',
  'application/x-java-jnlp-file',
  'application/x-javascript',
  'application/x-mach-binary',
  'application/x-ms-dos-executable',
  'application/x-ms-installer',
  'application/x-ms-shortcut',
  'application/x-msdos-program',
  'application/x-msdownload',
  'application/x-msi',
  'application/x-sharedlib',
  'application/x-vbs',
  'application/x-winexe',
  'text/javascript',
  'text/jscript',
  'text/scriptlet',
  'text/vbs',
  'text/vbscript',
  'text/x-javascript',
];

/** What a file is for, coarsely enough that honest senders agree with themselves. */
export type Family = 'image' | 'audio' | 'video' | 'pdf' | 'office' | 'archive' | 'text' | 'page' | 'program';

const EXTENSIONS: Readonly<Record<Family, string>> = {
  image: 'jpg jpeg jpe jfif png apng gif bmp tif tiff webp heic heif avif ico jxl jp2 psd',
  audio: 'mp3 wav ogg oga flac m4a aac wma mid midi opus amr aif aiff',
  video: 'mp4 m4v mov avi mkv webm mpg mpeg wmv flv 3gp',
  pdf: 'pdf',
  office:
    'doc docx dot dotx docm xls xlsx xlt xltx xlsm xlsb ppt pptx pps ppsx pptm odt ods odp odg rtf cfb msg mpp vsd vsdx pub',
  archive: 'zip rar 7z gz tgz bz2 xz tar zst lz cab arj lzh ace z',
  text: 'txt csv log md patch diff ics vcf json ini conf yml yaml',
  page: 'htm html xhtml shtml mht mhtml',
  program: 'exe dll scr com sys ocx elf lnk msi jar class dex macho chm hta',
};

const TYPES: Readonly<Record<Family, string>> = {
  image: 'image/*',
  audio: 'audio/*',
  video: 'video/*',
  pdf: 'application/pdf application/x-pdf',
  office:
    'application/msword application/vnd.ms-excel application/vnd.ms-powerpoint application/rtf text/rtf application/x-cfb ' +
    'application/vnd.openxmlformats-officedocument.* application/vnd.oasis.opendocument.* application/vnd.ms-word.* ' +
    'application/vnd.ms-excel.* application/vnd.ms-powerpoint.* application/vnd.ms-outlook application/vnd.visio',
  archive:
    'application/zip application/x-zip-compressed application/x-rar-compressed application/vnd.rar application/x-7z-compressed ' +
    'application/gzip application/x-gzip application/x-bzip2 application/x-xz application/x-tar application/zstd',
  text: 'text/plain text/csv text/calendar text/vcard text/x-patch text/x-diff application/json',
  page: 'text/html application/xhtml+xml',
  program:
    'application/x-msdownload application/vnd.microsoft.portable-executable application/x-elf application/x-mach-binary application/x-msi application/x-ms-shortcut application/java-vm application/vnd.ms-htmlhelp',
};

const byExtension = new Map<string, Family>();
const byType = new Map<string, Family>();
const byTypePrefix: (readonly [string, Family])[] = [];
for (const [family, list] of Object.entries(EXTENSIONS) as [Family, string][]) {
  for (const extension of list.split(' ')) byExtension.set(extension, family);
}
for (const [family, list] of Object.entries(TYPES) as [Family, string][]) {
  for (const type of list.split(' ')) {
    if (type.endsWith('*')) byTypePrefix.push([type.slice(0, -1), family]);
    else byType.set(type, family);
  }
}

/** Family of an extension (lower case, no dot), or null where it says nothing. */
export function familyOfExtension(extension: string): Family | null {
  return byExtension.get(extension) ?? null;
}

/** Family of a media type (lower case), or null where it says nothing (`application/octet-stream`). */
export function familyOfType(type: string): Family | null {
  return byType.get(type) ?? byTypePrefix.find(([prefix]) => type.startsWith(prefix))?.[1] ?? null;
}

/** Pairs of claimed and real family that honest programs mix up. */
const TOLERATED: ReadonlySet<string> = new Set([
  // Spreadsheets and letters exported as HTML, RTF, CSV or MHTML under the old office names; office files are ZIP archives.
  'office/page',
  'office/text',
  'office/archive',
  'archive/office',
  'text/page',
  'page/text',
  'text/office',
  // One container format for both.
  'audio/video',
  'video/audio',
  // SVG is an image and a page.
  'image/page',
]);

/** Whether a content of one family under the claim of another is something honest programs do. */
export function isTolerated(claimed: Family, real: Family): boolean {
  return claimed === real || TOLERATED.has(`${claimed}/${real}`);
}
