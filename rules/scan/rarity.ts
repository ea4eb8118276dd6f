// How rare bytes are in mail: to choose, of what could be looked for, that which is seldom found.

/** Bits of surprise of a byte, roughly, in mail of all kinds; letters count in lower case. */
export const SURPRISE: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte).toLowerCase();
  if (' etaoinsr'.includes(char)) return 3;
  if ('hldcumpgw.\n'.includes(char)) return 5;
  if ('bfyvk/-=,":<>0123'.includes(char)) return 6;
  return /[a-z0-9]/.test(char) ? 8 : 7;
});

/** Bits of surprise of a whole text. */
export function surpriseOf(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum += SURPRISE[text.charCodeAt(at) & 0xff]!;
  return sum;
}

/** Where the rarest `width` bytes of `bytes` begin. */
export function rarestWindow(bytes: Uint8Array, width: number): number {
  let best = 0;
  let most = -1;
  for (let at = 0; at + width <= bytes.length; at++) {
    let sum = 0;
    for (let index = at; index < at + width; index++) sum += SURPRISE[bytes[index]!]!;
    if (sum <= most) continue;
    most = sum;
    best = at;
  }
  return best;
}

/** How common each byte is, as a share of all; they sum to 1. */
const CHANCE = chances();

function chances(): Float64Array {
  const raw = Float64Array.from(SURPRISE, (bits) => 2 ** -bits);
  const sum = raw.reduce((total, chance) => total + chance, 0);
  return raw.map((chance) => chance / sum);
}

/** The chance that bytes of these sets stand one after another at any place of a text. */
export function chanceOfSets(sets: readonly Uint8Array[]): number {
  return sets.reduce((chance, set) => chance * set.reduce((share, value, byte) => share + value * CHANCE[byte]!, 0), 1);
}

/** Texts that stand in nearly every message, in a link or header field if not elsewhere, whatever their letters say. */
const EVERYWHERE: readonly string[] = [
  ...['http://', 'https://', 'href="http', 'www.', '.com/', '<html', '<body', '<img ', 'charset=', '<a href='],
  ...['\nfrom: ', '\nto: ', '\nsubject: ', '\ndate: ', '\nreceived: from ', '\nmessage-id: <', '\ncontent-type: text/'],
  ...[' rdns=', ' helo=', ' by=', ' ident=', ' envfrom=', ' intl=', ' id=', ' auth=', ' msa=', '[ ip='],
];
const EVERYWHERE_CHANCE = 2 ** -8;

/** The chance that one of these texts stands at any place, its letters in either case. */
export function chanceOfLiterals(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + chanceOf(text), 0);
}

function chanceOf(text: string): number {
  return EVERYWHERE.some((known) => known.includes(text)) ? EVERYWHERE_CHANCE : 2 ** -surpriseOf(text);
}
