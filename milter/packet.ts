// Packets of the milter wire: `uint32 length`, one command byte, data. Reads them out of a stream of buffers without
// joining per chunk, and makes those we send. No length is believed before it is checked, nothing is allocated for one.
import { ByteList } from './byte-list.js';

/** The first packet (OPTNEG) holds 13 bytes; this leaves room for a peer that appends something. */
export const FIRST_PACKET_MAX_BYTES = 128;
/** Most data in one packet of ours: what every MTA takes (64K-1). */
export const REPLY_DATA_MAX_BYTES = 65_535;

const NO_DATA = Buffer.alloc(0);

/** Splits a byte stream into packets. After `next()` gave true, `command` and `data` hold the packet until the next call. */
export class PacketReader {
  command = 0;
  /** Valid until the next `next()`; copy what must live longer. */
  data: Buffer = NO_DATA;
  /** Why the stream cannot be read on, or null. Once set it stays. */
  fault: string | null = null;

  #queue: Buffer[] = [];
  #at = 0;
  #queuedBytes = 0;
  #limit = FIRST_PACKET_MAX_BYTES;
  #lengthRead = 0;
  #lengthBytes = 0;
  #partial = new ByteList();

  /** Largest `length` accepted from now on, command byte included. */
  limitTo(sizeMaxBytes: number): void {
    this.#limit = sizeMaxBytes;
  }

  /** Bytes taken in and not yet given out as packets. */
  get bufferedBytes(): number {
    return this.#queuedBytes + this.#partial.length;
  }

  /** Chunks waiting to be looked at. */
  get queuedChunks(): number {
    return this.#queue.length;
  }

  /** True when a packet has begun and is not complete. */
  get midPacket(): boolean {
    return this.#lengthBytes > 0 || this.#queuedBytes > 0;
  }

  /** Takes in what the socket gave. Ignored after a fault. */
  push(chunk: Buffer): void {
    if (this.fault !== null || chunk.length === 0) return;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
  }

  /** Moves to the next complete packet; false when there is none yet, or after a fault. */
  next(): boolean {
    while (this.fault === null) {
      const chunk = this.#queue[0];
      if (chunk === undefined) return false;
      if (this.#lengthBytes === 0 && chunk.length - this.#at >= 4) {
        const length = chunk.readUInt32BE(this.#at);
        if (!this.#accepts(length)) return false;
        const end = this.#at + 4 + length;
        if (end <= chunk.length) {
          this.command = chunk[this.#at + 4] ?? 0;
          this.data = chunk.subarray(this.#at + 5, end);
          this.#advance(chunk, 4 + length);
          return true;
        }
      }
      if (this.#gather(chunk)) return true;
    }
    return false;
  }

  /** Forgets everything held, so that memory goes at once. */
  clear(): void {
    this.#queue = [];
    this.#at = 0;
    this.#queuedBytes = 0;
    this.#partial.clear();
    this.data = NO_DATA;
  }

  /** The slow way: a packet that lies in several chunks. True when it became complete. */
  #gather(chunk: Buffer): boolean {
    while (this.#lengthBytes < 4 && this.#at < chunk.length) {
      this.#lengthRead = this.#lengthRead * 256 + (chunk[this.#at] ?? 0);
      this.#lengthBytes += 1;
      this.#at += 1;
      this.#queuedBytes -= 1;
    }
    if (this.#lengthBytes === 4) {
      if (!this.#accepts(this.#lengthRead)) return false;
      const wanted = Math.min(this.#lengthRead - this.#partial.length, chunk.length - this.#at);
      this.#partial.append(chunk.subarray(this.#at, this.#at + wanted));
      this.#advance(chunk, wanted);
      return this.#partial.length === this.#lengthRead && this.#complete();
    }
    this.#advance(chunk, 0);
    return false;
  }

  #complete(): boolean {
    const packet = this.#partial.take();
    this.command = packet[0] ?? 0;
    this.data = packet.subarray(1);
    this.#lengthBytes = 0;
    this.#lengthRead = 0;
    return true;
  }

  #accepts(length: number): boolean {
    if (length >= 1 && length <= this.#limit) return true;
    this.fault = length === 0 ? 'packet of length 0' : `packet of ${length} bytes, over the limit of ${this.#limit}`;
    this.clear();
    return false;
  }

  #advance(chunk: Buffer, bytes: number): void {
    this.#at += bytes;
    this.#queuedBytes -= bytes;
    if (this.#at < chunk.length) return;
    this.#queue.shift();
    this.#at = 0;
  }
}

/** One packet of ours: length, code, then the parts in order. */
export function packet(code: number, ...parts: readonly Buffer[]): Buffer {
  let dataBytes = 0;
  for (const part of parts) dataBytes += part.length;
  const bytes = Buffer.allocUnsafe(5 + dataBytes);
  bytes.writeUInt32BE(1 + dataBytes, 0);
  bytes[4] = code;
  let at = 5;
  for (const part of parts) at += part.copy(bytes, at);
  return bytes;
}

/** Length and code of a packet whose data follows as a buffer of its own (long bodies are not copied). */
export function packetHead(code: number, dataBytes: number): Buffer {
  const head = Buffer.allocUnsafe(5);
  head.writeUInt32BE(1 + dataBytes, 0);
  head[4] = code;
  return head;
}

/** The NUL-terminated strings of a packet. A missing last NUL is tolerated; at most `countMax` are given. */
export function strings(data: Buffer, countMax: number): Buffer[] {
  const found: Buffer[] = [];
  let from = 0;
  while (from < data.length && found.length < countMax) {
    const nul = data.indexOf(0, from);
    const end = nul < 0 ? data.length : nul;
    found.push(data.subarray(from, end));
    from = end + 1;
  }
  return found;
}
