// What a search of the backtracking matcher has tried in vain: one bit for each place where ways part and each position of
// the text. All searches share the room, one at a time; it is asked for only when a search grows long.

/** Most memory, bytes; where more would be needed nothing is remembered and steps alone bound a search. */
const MEMORY_BYTES_MAX = 16 * 1_048_576;
/** Room at first, 32 bits each; grows. */
const WORDS = 4_096;
const BITS_PER_BYTE = 8;

let room = new Uint32Array(WORDS);

/** Whether so many places and positions can be remembered. */
export function canRemember(places: number, positions: number): boolean {
  return (places * positions) / BITS_PER_BYTE <= MEMORY_BYTES_MAX;
}

/** Forgets what an earlier search tried. */
export function forget(places: number, positions: number): void {
  const words = ((places * positions) >>> 5) + 1;
  if (words > room.length) room = new Uint32Array(Math.max(words, 2 * room.length));
  else room.fill(0, 0, words);
}

/** Whether this was tried before; notes it when not. */
export function wasTried(bit: number): boolean {
  const word = bit >>> 5;
  const mask = 1 << (bit & 31);
  const bits = room[word]!;
  if ((bits & mask) !== 0) return true;
  room[word] = bits | mask;
  return false;
}
