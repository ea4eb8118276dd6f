// Charsets of East Asia as bytes: which bytes stand alone, which begin a character of two or three. Perl's tables are
// narrower than the library's for some, and a character that the text ends within is dropped without a word. Linear.

/** A table of 256: 1 where the byte is meant. */
type Bytes = Uint8Array;

/** How characters of one charset are made of bytes. */
export interface ByteShape {
  readonly single: Bytes;
  readonly lead: Bytes;
  readonly trail: Bytes;
  /** A first byte that two others follow, or -1. */
  readonly leadOfThree: number;
}

/** A text cut at bytes that are no part of a character. */
export interface Cut {
  /** Runs of whole characters; between each two stands one such byte. */
  readonly runs: readonly string[];
  /** Whether the text ended within a character; what there was of it is in no run. */
  readonly torn: boolean;
}

type Range = readonly [number, number];

function bytesOf(...ranges: readonly Range[]): Bytes {
  const bytes = new Uint8Array(256);
  for (const [from, to] of ranges) bytes.fill(1, from, to + 1);
  return bytes;
}

function others(bytes: Bytes): Bytes {
  return bytes.map((value) => 1 - value);
}

const ASCII: Range = [0x00, 0x7f];
const UPPER_HALF: Range = [0xa1, 0xfe];
const NONE = -1;

/** By the library's name of the charset. */
export const BYTE_SHAPES: ReadonlyMap<string, ByteShape> = new Map([
  [
    'shift_jis',
    shape(
      bytesOf(ASCII, [0xa1, 0xdf]),
      [
        [0x81, 0x86],
        [0x88, 0x9f],
        [0xe0, 0xec],
      ],
      [
        [0x40, 0x7e],
        [0x80, 0xfc],
      ],
    ),
  ],
  ['euc-kr', shape(bytesOf(ASCII), [UPPER_HALF], [UPPER_HALF])],
  ['gb2312', shape(bytesOf(ASCII), [[0xa1, 0xf7]], [UPPER_HALF])],
  ['big5', shape(bytesOf(ASCII), [[0xa1, 0xf9]], [[0x40, 0x7e], UPPER_HALF])],
  ['big5-hkscs', shape(bytesOf(ASCII), [[0x88, 0xfe]], [[0x40, 0x7e], UPPER_HALF])],
  ['euc-jp', shape(null, [[0x8e, 0x8e], UPPER_HALF], [UPPER_HALF], 0x8f)],
  [
    'cp932',
    shape(
      null,
      [
        [0x81, 0x9f],
        [0xe0, 0xfc],
      ],
      [
        [0x40, 0x7e],
        [0x80, 0xfc],
      ],
    ),
  ],
  [
    'cp936',
    shape(
      null,
      [[0x81, 0xfe]],
      [
        [0x40, 0x7e],
        [0x80, 0xfe],
      ],
    ),
  ],
  [
    'cp949',
    shape(
      null,
      [[0x81, 0xfe]],
      [
        [0x41, 0x5a],
        [0x61, 0x7a],
        [0x81, 0xfe],
      ],
    ),
  ],
  ['cp950', shape(null, [[0x81, 0xfe]], [[0x40, 0x7e], UPPER_HALF])],
]);

/** `single` null: every byte that begins nothing. */
function shape(
  single: Bytes | null,
  leads: readonly Range[],
  trails: readonly Range[],
  leadOfThree: number = NONE,
): ByteShape {
  const lead = bytesOf(...leads);
  const alone = single ?? others(lead);
  if (leadOfThree !== NONE) alone[leadOfThree] = 0;
  return { single: alone, lead, trail: bytesOf(...trails), leadOfThree };
}

/** Cuts a byte string into characters and what is none. */
export function cutCharacters(bytes: string, shape: ByteShape): Cut {
  const runs: string[] = [];
  let from = 0;
  let at = 0;
  while (at < bytes.length) {
    const size = characterSize(bytes, at, shape);
    if (size > bytes.length - at) break;
    if (size === 0) {
      runs.push(bytes.slice(from, at));
      from = at + 1;
    }
    at += Math.max(1, size);
  }
  runs.push(bytes.slice(from, at));
  return { runs, torn: at < bytes.length };
}

/** Bytes of the character there, which may be more than are left; 0 where none is. */
function characterSize(bytes: string, at: number, { single, lead, trail, leadOfThree }: ByteShape): number {
  const first = bytes.charCodeAt(at);
  if (single[first] === 1) return 1;
  const size = first === leadOfThree ? 3 : lead[first] === 1 ? 2 : 0;
  for (let next = at + 1; next < at + size && next < bytes.length; next++)
    if (trail[bytes.charCodeAt(next)] !== 1) return 0;
  return size;
}
