// Message bodies as files named by their SHA-256, written once and shared by whoever refers to them. A put is on disk when
// it resolves; a file goes only when nobody refers to it, safely against puts of the same content in other processes.
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from './clock.js';

/** A file younger than this is never removed: its row may be about to be written. ms. */
export const BLOB_GRACE_MS = 10 * 60_000;
/** Folders the files are spread over: the first two hex digits. */
const SHARDS = 256;
const GONE = '.gone';
const PART = '.part';

/** The stored bytes do not have the hash they are named by. */
export class BlobDamagedError extends Error {
  constructor(readonly sha256: string) {
    super(`stored content ${sha256} is damaged`);
    this.name = 'BlobDamagedError';
  }
}

/** Whether some row still refers to a content. */
export type IsReferenced = (sha256: string) => Promise<boolean>;

export interface Blobs {
  /** Durable when it resolves; gives the hex SHA-256. */
  put(content: Buffer): Promise<string>;
  /** Null when there is none. Rejects with BlobDamagedError when the bytes changed on disk. */
  get(sha256: string): Promise<Buffer | null>;
  /** Removes one content unless it is referred to or younger than the grace; true when it went. */
  removeUnused(sha256: string, isReferenced: IsReferenced): Promise<boolean>;
  /** Looks at every file: removes the unused and what crashes left behind. Returns how many went. */
  sweep(isReferenced: IsReferenced): Promise<number>;
}

/** Makes the folders (0700) where missing. Files are 0600. */
export async function openBlobs(dir: string, clock: Clock): Promise<Blobs> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await Promise.all(
    Array.from({ length: SHARDS }, (_, shard) => mkdir(join(dir, shardName(shard)), { recursive: true, mode: 0o700 })),
  );
  await syncDir(dir);
  return new FileBlobs(dir, clock);
}

class FileBlobs implements Blobs {
  constructor(
    private readonly dir: string,
    private readonly clock: Clock,
  ) {}

  async put(content: Buffer): Promise<string> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    const path = this.path(sha256);
    if (!(await this.refresh(path, content.length))) await this.write(path, content);
    await syncDir(join(path, '..'));
    return sha256;
  }

  async get(sha256: string): Promise<Buffer | null> {
    if (!isSha256(sha256)) return null;
    const content = await readIfThere(this.path(sha256));
    if (content === null) return null;
    if (createHash('sha256').update(content).digest('hex') !== sha256) throw new BlobDamagedError(sha256);
    return content;
  }

  /**
   * A put of the same content either touches the file before it is moved aside (then its time is fresh and it is moved
   * back) or finds none and writes it anew. So no row can come to refer to a content that is being removed.
   */
  async removeUnused(sha256: string, isReferenced: IsReferenced): Promise<boolean> {
    const path = this.path(sha256);
    if (!(await this.isOld(path)) || (await isReferenced(sha256))) return false;
    if (!(await moved(path, path + GONE))) return false;
    if (!(await this.isOld(path + GONE)) || (await isReferenced(sha256))) {
      await moved(path + GONE, path);
      return false;
    }
    await unlink(path + GONE);
    return true;
  }

  async sweep(isReferenced: IsReferenced): Promise<number> {
    let removed = 0;
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const folder = join(this.dir, shardName(shard));
      for (const name of await readdir(folder)) {
        if (await this.sweepFile(folder, name, isReferenced)) removed += 1;
      }
    }
    return removed;
  }

  private async sweepFile(folder: string, name: string, isReferenced: IsReferenced): Promise<boolean> {
    if (isSha256(name)) return this.removeUnused(name, isReferenced);
    const path = join(folder, name);
    if (!(await this.isOld(path))) return false;
    if (name.endsWith(GONE) && (await isReferenced(name.slice(0, -GONE.length)))) {
      await moved(path, path.slice(0, -GONE.length));
      return false;
    }
    if (!name.endsWith(GONE) && !name.endsWith(PART)) return false;
    await unlink(path);
    return true;
  }

  private path(sha256: string): string {
    return join(this.dir, sha256.slice(0, 2), sha256);
  }

  /** True when the content is there already; its time is then fresh. */
  private async refresh(path: string, sizeBytes: number): Promise<boolean> {
    const now = this.clock.now() / 1_000;
    try {
      await utimes(path, now, now);
      return (await stat(path)).size === sizeBytes;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  private async write(path: string, content: Buffer): Promise<void> {
    const part = `${path}.${randomBytes(6).toString('hex')}${PART}`;
    try {
      await this.writeSynced(part, content);
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  private async writeSynced(path: string, content: Buffer): Promise<void> {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(content);
      const now = this.clock.now() / 1_000;
      await file.utimes(now, now);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  private async isOld(path: string): Promise<boolean> {
    try {
      return this.clock.now() - (await stat(path)).mtimeMs > BLOB_GRACE_MS;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }
}

function shardName(shard: number): string {
  return shard.toString(16).padStart(2, '0');
}

function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** False when there was nothing to move. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Makes names in a folder durable (fsync of the folder). */
export async function syncDir(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
