// The checksum beside an archive: hexadecimal digits at the beginning of a small file. Takes its text and the archive.
import { createHash, timingSafeEqual } from 'node:crypto';

/** The kinds that count, best first. SHA-1 (`.sha1`) is too weak to be looked at. */
export const CHECKSUMS = ['sha512', 'sha256'] as const;
export type ChecksumKind = (typeof CHECKSUMS)[number];
/** Largest file that holds one, bytes. */
export const CHECKSUM_FILE_MAX_BYTES = 4_096;

/** Whether the archive is the one that the text speaks of. */
export function checksumHolds(kind: ChecksumKind, text: string, archive: Buffer): boolean {
  const digest = createHash(kind).update(archive).digest();
  const [digits = ''] = /^[0-9A-Fa-f]*/.exec(text) ?? [];
  const wanted = Buffer.from(digits, 'hex');
  return digits.length === digest.length * 2 && timingSafeEqual(wanted, digest);
}
