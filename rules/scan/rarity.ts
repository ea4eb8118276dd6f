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
