// Character references in HTML as Perl's HTML::Parser decodes them: the 253 names of HTML 4, numbers in decimal and hex.
// Names of Latin-1 characters need no semicolon, in text not even an end; the others do.
import type { DecodedText } from './charset.js';

/** Names of the characters 160 to 255, in order. */
const LATIN1 = (
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro ' +
  'para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil ' +
  'Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave ' +
  'Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml ' +
  'igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute ' +
  'thorn yuml'
).split(' ');

/** Names beyond Latin-1: the first character's code in hex, then names of characters in a row (`.` skips one). */
const OTHERS: readonly (readonly [number, string])[] = [
  [0x152, 'OElig oelig'],
  [0x160, 'Scaron scaron'],
  [0x178, 'Yuml'],
  [0x192, 'fnof'],
  [0x2c6, 'circ'],
  [0x2dc, 'tilde'],
  [0x391, 'Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho . Sigma Tau'],
  [0x3a5, 'Upsilon Phi Chi Psi Omega'],
  [0x3b1, 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau'],
  [0x3c5, 'upsilon phi chi psi omega'],
  [0x3d1, 'thetasym upsih'],
  [0x3d6, 'piv'],
  [0x2002, 'ensp emsp . . . . . thinsp'],
  [0x200c, 'zwnj zwj lrm rlm . . . ndash mdash . . . lsquo rsquo sbquo . ldquo rdquo bdquo . dagger Dagger bull'],
  [0x2026, 'hellip'],
  [0x2030, 'permil . prime Prime'],
  [0x2039, 'lsaquo rsaquo . . . oline'],
  [0x2044, 'frasl'],
  [0x20ac, 'euro'],
  [0x2111, 'image'],
  [0x2118, 'weierp . . . real'],
  [0x2122, 'trade'],
  [0x2135, 'alefsym'],
  [0x2190, 'larr uarr rarr darr harr'],
  [0x21b5, 'crarr'],
  [0x21d0, 'lArr uArr rArr dArr hArr'],
  [
    0x2200,
    'forall . part exist . empty . nabla isin notin . ni . . . prod . sum minus . . . . lowast . . radic . . prop',
  ],
  [0x221e, 'infin . ang . . . . . . and or cap cup int'],
  [0x2234, 'there4 . . . . . . . sim'],
  [0x2245, 'cong . . asymp'],
  [0x2260, 'ne equiv . . le ge'],
  [0x2282, 'sub sup nsub . sube supe'],
  [0x2295, 'oplus . otimes'],
  [0x22a5, 'perp'],
  [0x22c5, 'sdot'],
  [0x2308, 'lceil rceil lfloor rfloor'],
  [0x2329, 'lang rang'],
  [0x25ca, 'loz'],
  [0x2660, 'spades . . clubs . hearts diams'],
];

/** Name, with a semicolon where one is needed, to character. */
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ...([
    ['amp', '&'],
    ['lt', '<'],
    ['gt', '>'],
    ['quot', '"'],
    ['apos', "'"],
  ] as const),
  ...LATIN1.map((name, index) => [name, String.fromCharCode(160 + index)] as const),
  ...OTHERS.flatMap(([first, names]) =>
    names
      .split(' ')
      .flatMap((name, index) => (name === '.' ? [] : [[`${name};`, String.fromCharCode(first + index)] as const])),
  ),
]);

const NAME_MAX = Math.max(...[...ENTITIES.keys()].map((name) => name.length));
const CODE_MAX = 0x10ffff;

/** Decodes references; `prefixes` takes a name off the front of a longer word, as is done in text and not in attributes. */
export function decodeEntities(source: string, sourceWide: boolean, prefixes: boolean): DecodedText {
  let at = source.indexOf('&');
  if (at < 0) return { text: source, wide: sourceWide };
  let text = '';
  let from = 0;
  let wide = sourceWide;
  /** A high surrogate that the next reference may complete. */
  let high = 0;
  while (at >= 0) {
    const found = source.charCodeAt(at + 1) === 0x23 ? readNumber(source, at + 2) : readName(source, at + 1, prefixes);
    if (found === null) {
      high = 0;
      at = source.indexOf('&', at + 1);
      continue;
    }
    let char = found.char;
    text += source.slice(from, at);
    if (char === null) {
      const { code } = found;
      if (code >= 0xdc00 && code <= 0xdfff) {
        if (high !== 0) text = text.slice(0, -1);
        char = high !== 0 ? String.fromCharCode(high, code) : '\ufffd';
        high = 0;
      } else if (code >= 0xd800 && code <= 0xdbff) {
        high = code;
        char = '\ufffd';
      } else {
        high = 0;
        char = isNoncharacter(code) ? '\ufffd' : String.fromCodePoint(code);
      }
    } else high = 0;
    if (char.charCodeAt(0) > 0xff) wide = true;
    text += char;
    from = source.charCodeAt(found.end) === 0x3b ? found.end + 1 : found.end;
    if (source.charCodeAt(from) !== 0x26) high = 0;
    at = source.indexOf('&', from);
  }
  return { text: text + source.slice(from), wide };
}

interface Reference {
  readonly char: string | null;
  readonly code: number;
  readonly end: number;
}

function isNoncharacter(code: number): boolean {
  return (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
}

function readNumber(source: string, from: number): Reference | null {
  const hex = (source.charCodeAt(from) | 0x20) === 0x78;
  const radix = hex ? 16 : 10;
  let end = hex ? from + 1 : from;
  const start = end;
  let code = 0;
  for (; end < source.length; end++) {
    const digit = digitValue(source.charCodeAt(end), hex);
    if (digit < 0) break;
    code = code * radix + digit;
    if (code > CODE_MAX) return null;
  }
  // The last two of the basic plane are refused, not replaced.
  if (end === start || code === 0 || code === 0xfffe || code === 0xffff) return null;
  return { char: null, code, end };
}

function digitValue(code: number, hex: boolean): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return hex && lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isWord(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x7a) || code === 0x5f;
}

function readName(source: string, from: number, prefixes: boolean): Reference | null {
  let end = from;
  // One more than any name has, so that longer words are told from names.
  while (end < source.length && end - from <= NAME_MAX && isWord(source.charCodeAt(end))) end++;
  if (end === from) return null;
  const word = source.slice(from, end);
  const char = ENTITIES.get(word) ?? (source.charCodeAt(end) === 0x3b ? ENTITIES.get(`${word};`) : undefined);
  if (char !== undefined) return { char, code: 0, end };
  if (!prefixes) return null;
  for (let length = word.length - 1; length >= 1; length--) {
    const known = ENTITIES.get(word.slice(0, length));
    if (known !== undefined) return { char: known, code: 0, end: from + length };
  }
  return null;
}
