// Names of charsets as Perl's Encode knows them, so that text is decoded, or left to a guess, where SpamAssassin would.
// Takes any name from a mail, gives the name of the encoding to read it by, or null where Perl knows none.

const NAME_LENGTH_MAX = 64;
/** Most names that lead from one to the next. */
const STEPS_MAX = 6;

/** Encodings that are read here: Perl's name for each (lower case), and the library's. */
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ...['ascii', 'koi8-r', 'koi8-u', 'euc-jp', 'euc-kr', 'big5-hkscs', 'viscii', 'utf-7'].map(same),
  ...numbered('iso-8859-', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16]),
  ...numbered('cp', [437, 737, 775, 850, 852, 855, 856, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874]),
  ...numbered('cp', [932, 936, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258]),
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['utf-16be', 'utf-16be'],
  ['utf-16le', 'utf-16le'],
  ['ucs-2be', 'utf-16be'],
  ['ucs-2le', 'utf-16le'],
  ['utf-32be', 'utf-32be'],
  ['utf-32le', 'utf-32le'],
  ['shiftjis', 'shift_jis'],
  ['euc-cn', 'gb2312'],
  ['big5-eten', 'big5'],
  ['iso-2022-jp', 'iso-2022-jp'],
  ['iso-2022-jp-1', 'iso-2022-jp'],
  ['7bit-jis', 'iso-2022-jp'],
  ['macroman', 'macroman'],
  ['maccyrillic', 'maccyrillic'],
  ['macgreek', 'macgreek'],
  ['macturkish', 'macturkish'],
  ['maccroatian', 'maccroatian'],
  ['macthai', 'macthai'],
  ['hp-roman8', 'hproman8'],
]);

function same(name: string): [string, string] {
  return [name, name];
}

function numbered(prefix: string, numbers: readonly number[]): [string, string][] {
  return numbers.map((number) => same(`${prefix}${number}`));
}

/** Number of Latin-N as a part of ISO 8859. */
const LATIN_PARTS = [0, 1, 2, 3, 4, 9, 10, 13, 14, 15, 16];
const WINDOWS_PAGES: Readonly<Record<string, number>> = {
  latin1: 1252,
  latin2: 1250,
  cyrillic: 1251,
  greek: 1253,
  turkish: 1254,
  hebrew: 1255,
  arabic: 1256,
  baltic: 1257,
  vietnamese: 1258,
};

/** Other names and what each leads to, the first that fits and leads to an encoding counts. */
const ALIASES: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/^([^\s_]+)_([^\s_]*)$/, (_, left, right) => `${left}-${right}`],
  [/\butf-8$/, () => 'utf-8'],
  [/cp65001/, () => 'utf-8'],
  [/cp65000/, () => 'utf-7'],
  [/\bhk(?:scs)?[-_]?big5$|\bbig5-?hk(?:scs)?$/, () => 'big5-hkscs'],
  [/\btca[-_]?big5$|\bbig5-?et(?:en)?$|\bbig-?5$/, () => 'big5-eten'],
  [/\bks_c_5601-1987$|windows-949$|uhc$/, () => 'cp949'],
  [/\bkr.*euc$|\beuc.*kr$/, () => 'euc-kr'],
  [/\bwindows-31j$/, () => 'cp932'],
  [/\bsjis$|\bshift.*jis$/, () => 'shiftjis'],
  [/\bujis$|\bjp.*euc$|\beuc.*jp$/, () => 'euc-jp'],
  [/\bjis$/, () => '7bit-jis'],
  [/\bgb[-_ ]?2312(?!-?raw)/, () => 'euc-cn'],
  [/^gbk$/, () => 'cp936'],
  [/\bcn.*euc$|\beuc.*cn$/, () => 'euc-cn'],
  [/\bkoi8[-_]*([ru])$/, (_, letter) => `koi8-${letter}`],
  [/^macintosh$/, () => 'macroman'],
  [/^(?:x[_-])?mac[_-](.*)$/, (_, name) => `mac${name}`],
  [/\b(?:cp|ibm|ms|windows)[-_ ]?(\d{2,4})$/, (_, page) => `cp${page}`],
  [/\btis-?620\b|^thai$/, () => 'iso-8859-11'],
  [/^hebrew$/, () => 'iso-8859-8'],
  [/^greek$/, () => 'iso-8859-7'],
  [/^arabic$/, () => 'iso-8859-6'],
  [/^cyrillic$/, () => 'iso-8859-5'],
  [
    /\bwin(latin[12]|cyrillic|baltic|greek|turkish|hebrew|arabic|vietnamese)$/,
    (_, name) => `cp${WINDOWS_PAGES[name ?? '']}`,
  ],
  [/\b(?:iso[-_]?)?latin[-_]?(\d+)$/, (_, number) => `iso-8859-${LATIN_PARTS[Number(number)]}`],
  [/\bansi[-_]?x3\.4[-_]?1968$/, () => 'ascii'],
  [/\b(?:hp-)?roman8$/, () => 'hp-roman8'],
  [/\biso8859(\d+)$/, (_, part) => `iso-8859-${part}`],
  [/\biso[-_]?(\d+)[-_](\d+)$/, (_, standard, part) => `iso-${standard}-${part}`],
  [/\b(?:iso[-_]?)?646(?:[-_]?us)?$|^us-?ascii$|^c$/, () => 'ascii'],
  [/^utf-?(16|32)-?([bl]e)$/, (_, width, order) => `utf-${width}${order}`],
  [/^ucs-?2-?le$/, () => 'ucs-2le'],
  [/^ucs-?2-?(?:be)?$|^iso-10646-1$/, () => 'ucs-2be'],
  [/^ucs-?4-?([bl]e)$/, (_, order) => `utf-32${order}`],
  [/^(?:unicode-1-1-)?utf-?7$/, () => 'utf-7'],
];

/** The library's name of the encoding, or null. */
export function encodingNamed(declared: string): string | null {
  if (declared.length > NAME_LENGTH_MAX) return null;
  const name = declared.replace(/\s+/g, '').toLowerCase();
  return lookUp(name, STEPS_MAX);
}

function lookUp(name: string, steps: number): string | null {
  const known = ENCODINGS.get(name);
  if (known !== undefined || steps === 0) return known ?? null;
  for (const [pattern, lead] of ALIASES) {
    const found = pattern.exec(name);
    const next = found === null ? name : lead(...found);
    const reached = next === name ? null : lookUp(next, steps - 1);
    if (reached !== null) return reached;
  }
  return null;
}
