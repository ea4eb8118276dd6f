// One release of a channel, from its mirrors to verified rule files in memory: the mirrors are tried one after the other
// until one gives an archive that its checksum and its signature speak for. Nothing is written to disk, and nothing of an
// archive is read before it is verified.
import { createHash } from 'node:crypto';
import { checkSignature, type GoodSignature } from '../../outside/gpgv.js';
import type { HttpAnswer } from '../../outside/http-get.js';
import type { MirrorLists } from './channel.js';
import { ARCHIVE_MAX_BYTES, readArchive, type ReleaseFile } from './archive.js';
import { CHECKSUM_FILE_MAX_BYTES, checksumHolds, CHECKSUMS } from './checksum.js';
import { drawMirrors, MIRROR_LIST_MAX_BYTES, readMirrors, withoutSlashes } from './mirrors.js';
import { ArchiveError } from './tar.js';

/** Largest signature file, bytes. */
const SIGNATURE_MAX_BYTES = 65_536;
/** Hashes that no signature counts with (RFC 4880 §9.4): MD5, RIPEMD-160. */
const HASHES_BROKEN: ReadonlySet<number> = new Set([1, 3]);
const HASH_SHA1 = 2;

/** Who must have signed a channel's archives; null: nobody, and then everything comes by HTTPS. */
export interface Trust {
  /** OpenPGP packets. */
  readonly keyring: Buffer;
  /** Of keys that count, in capitals; none: every key of the keyring. */
  readonly fingerprints: readonly string[];
}

export interface DownloadOptions {
  /** Base addresses in place of the channel's own list; empty: that list. */
  readonly mirrors: readonly string[];
  /** Where lists of mirrors lie, when they are needed. */
  readonly findLists: () => Promise<MirrorLists>;
  /** The list that was good last, for when none can be had; null when there is none. */
  readonly lastList: string | null;
  readonly trust: Trust | null;
  readonly get: (url: string, sizeMaxBytes: number) => Promise<HttpAnswer>;
  /** Numbers from 0 up to 1. */
  readonly random: () => number;
}

/** A release that was verified. */
export interface Release {
  readonly version: number;
  readonly files: readonly ReleaseFile[];
  /** What lay in the archive and is not taken. */
  readonly left: readonly string[];
  readonly mirror: string;
  /** The list that named it; null where settings name mirrors, or none could be had. */
  readonly mirrorList: string | null;
  /** Of the archive. */
  readonly sha256: string;
  /** Null where nobody need have signed. */
  readonly signature: GoodSignature | null;
  readonly notes: readonly string[];
}

/** Every mirror that was tried and what was wrong with it, when none would do. */
export type Downloaded =
  { readonly ok: true; readonly release: Release } | { readonly ok: false; readonly reason: string };

/** An archive or a file beside it that will not do; the message says why. */
class Unfit extends Error {
  override readonly name = 'Unfit';
}

/** Fetches and verifies one version. Never rejects for what mirrors hold. */
export async function downloadRelease(version: number, options: DownloadOptions): Promise<Downloaded> {
  const order = await findMirrors(options);
  if ('reason' in order) return { ok: false, reason: order.reason };
  const faults: string[] = [];
  for (const mirror of order.mirrors) {
    try {
      return { ok: true, release: await fetchFrom(mirror, order.list, version, options) };
    } catch (error) {
      if (!(error instanceof Unfit) && !(error instanceof ArchiveError)) throw error;
      const what = error instanceof ArchiveError ? `the archive is not taken: ${error.message}` : error.message;
      faults.push(`${mirror}: ${what}`);
    }
  }
  return { ok: false, reason: faults.join('; ') };
}

/** The mirrors to try in their order, and the list they come from. */
interface Mirrors {
  readonly mirrors: readonly string[];
  readonly list: string | null;
}

async function findMirrors(options: DownloadOptions): Promise<Mirrors | { readonly reason: string }> {
  const { mirrors, random, get, lastList } = options;
  const draw = (urls: readonly string[]): readonly string[] =>
    drawMirrors(
      urls.map((url) => ({ url: withoutSlashes(url), weight: 1 })),
      random,
    );
  if (mirrors.length > 0) return { mirrors: draw(mirrors), list: null };
  const { addresses, trouble } = await options.findLists();
  const faults = trouble === '' ? [] : [trouble];
  for (const address of draw(addresses)) {
    const answer = await get(address, MIRROR_LIST_MAX_BYTES);
    const list = answer.ok ? answer.body.toString('latin1') : '';
    const found = readMirrors(list);
    if (found.length > 0) return { mirrors: drawMirrors(found, random), list };
    faults.push(`${address}: ${answer.ok ? 'no mirror in it' : answer.reason}`);
  }
  if (lastList !== null) return { mirrors: drawMirrors(readMirrors(lastList), random), list: null };
  return { reason: `no list of mirrors: ${faults.join('; ')}` };
}

async function fetchFrom(
  mirror: string,
  mirrorList: string | null,
  version: number,
  options: DownloadOptions,
): Promise<Release> {
  const { get, trust } = options;
  const url = `${mirror}/${version}.tar.gz`;
  const archive = await mustGet(get, url, ARCHIVE_MAX_BYTES);
  const notes = [...(await checkChecksum(url, archive, options))];
  const signature = trust === null ? null : await checkTrust(url, archive, trust, get);
  if (signature?.hash === HASH_SHA1) notes.push('the signature is made over SHA-1, which is weak');
  const { files, left } = await readArchive(archive);
  const sha256 = createHash('sha256').update(archive).digest('hex');
  return { version, files, left, mirror, mirrorList, sha256, signature, notes };
}

async function mustGet(get: DownloadOptions['get'], url: string, sizeMaxBytes: number): Promise<Buffer> {
  const answer = await get(url, sizeMaxBytes);
  if (!answer.ok) throw new Unfit(answer.reason);
  return answer.body;
}

/** The best checksum that is there. Without one a signature will do; without either nothing will. */
async function checkChecksum(
  url: string,
  archive: Buffer,
  { get, trust }: DownloadOptions,
): Promise<readonly string[]> {
  for (const kind of CHECKSUMS) {
    const answer = await get(`${url}.${kind}`, CHECKSUM_FILE_MAX_BYTES);
    if (answer.ok) {
      if (checksumHolds(kind, answer.body.toString('latin1'), archive)) return [];
      throw new Unfit(`the archive does not fit its ${kind} checksum`);
    }
    if (answer.kind !== 'absent') throw new Unfit(answer.reason);
  }
  const none = 'there is no .sha512 or .sha256 beside the archive (a .sha1 would be too weak)';
  if (trust === null) throw new Unfit(none);
  return [none];
}

async function checkTrust(
  url: string,
  archive: Buffer,
  { keyring, fingerprints }: Trust,
  get: DownloadOptions['get'],
): Promise<GoodSignature> {
  const answer = await get(`${url}.asc`, SIGNATURE_MAX_BYTES);
  if (!answer.ok)
    throw new Unfit(answer.kind === 'absent' ? 'there is no signature (.asc) beside the archive' : answer.reason);
  const check = await checkSignature(archive, answer.body, keyring);
  if (!check.ok) throw new Unfit(check.reason);
  const { fingerprint, primary, hash } = check.signature;
  if (HASHES_BROKEN.has(hash)) throw new Unfit('the signature is made over a hash that is broken');
  if (fingerprints.length > 0 && !fingerprints.includes(fingerprint) && !fingerprints.includes(primary))
    throw new Unfit(`signed by ${fingerprint}, whose signature does not count for this channel`);
  return check.signature;
}
