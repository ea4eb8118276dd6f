// Bytes gathered piece by piece and joined once. Small pieces are copied into blocks, so that a peer that sends one byte at
// a time cannot make us keep a million small objects; large ones are kept by reference. Never copies what it holds twice.

/** Pieces from this size on that fill half of the memory they pin are kept as they are; others are copied. */
export const REFERENCE_MIN_BYTES = 4_096;
const LOOPED_MAX_BYTES = 128;
const FIRST_BLOCK_BYTES = 4_096;
const SECOND_BLOCK_BYTES = 16_384;
const LATER_BLOCK_BYTES = 65_536;

/** A list of bytes that only grows until it is taken. */
export class ByteList {
  #length = 0;
  #full: Buffer[] = [];
  #block: Buffer | null = null;
  #used = 0;
  #blocks = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes. `piece` may be kept by reference when it is large: its memory must not be written again. */
  append(piece: Buffer): void {
    if (piece.length >= REFERENCE_MIN_BYTES && piece.length * 2 >= piece.buffer.byteLength) {
      this.#seal();
      this.#full.push(piece);
      this.#length += piece.length;
      return;
    }
    this.#copy(piece);
  }

  /** Adds `piece` from offset `from` up to, not including, `to`. */
  appendSlice(piece: Buffer, from: number, to: number): void {
    const block = this.#block;
    const size = to - from;
    if (size > LOOPED_MAX_BYTES || block === null || block.length - this.#used < size) {
      this.append(piece.subarray(from, to));
      return;
    }
    // For a short field a loop is faster than a copy with its views.
    let at = this.#used;
    for (let i = from; i < to; i += 1) block[at++] = piece[i] ?? 0;
    this.#used = at;
    this.#length += size;
  }

  /** Everything held, in one buffer that the caller owns; the list is empty afterwards. */
  take(): Buffer {
    const taken = this.#join();
    this.clear();
    return taken;
  }

  /** Drops everything. */
  clear(): void {
    this.#length = 0;
    this.#full = [];
    this.#block = null;
    this.#used = 0;
    this.#blocks = 0;
  }

  #join(): Buffer {
    const block = this.#block;
    if (this.#full.length === 0) return block === null ? Buffer.alloc(0) : block.subarray(0, this.#used);
    if (block !== null && this.#used > 0) this.#full.push(block.subarray(0, this.#used));
    const only = this.#full[0];
    return this.#full.length === 1 && only !== undefined ? only : Buffer.concat(this.#full, this.#length);
  }

  #copy(piece: Buffer): void {
    let from = 0;
    while (from < piece.length) {
      const block = this.#room();
      const copied = piece.copy(block, this.#used, from);
      this.#used += copied;
      from += copied;
    }
    this.#length += piece.length;
  }

  /** The open block, with at least one byte free. */
  #room(): Buffer {
    if (this.#block !== null && this.#used < this.#block.length) return this.#block;
    this.#seal();
    const size = [FIRST_BLOCK_BYTES, SECOND_BLOCK_BYTES][this.#blocks] ?? LATER_BLOCK_BYTES;
    this.#blocks += 1;
    this.#block = Buffer.allocUnsafeSlow(size);
    this.#used = 0;
    return this.#block;
  }

  /** Ends what is in the open block; what is free of it stays open. */
  #seal(): void {
    const block = this.#block;
    if (block === null || this.#used === 0) return;
    this.#full.push(block.subarray(0, this.#used));
    this.#block = this.#used < block.length ? block.subarray(this.#used) : null;
    this.#used = 0;
  }
}
