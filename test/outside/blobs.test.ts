// Contents as files: exact, private, shared, and removed only when nobody needs them, even against a put at that moment.
import { createHash } from 'node:crypto';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BLOB_GRACE_MS, openBlobs } from '../../outside/blobs.js';
import { makeDir } from '../logs/fixtures.js';

class MovedClock {
  aheadMs = 0;
  now = (): number => Date.now() + this.aheadMs;
  monotonicMs = (): number => performance.now() + this.aheadMs;
}

const CONTENT = Buffer.from('Subject: x\r\n\r\nbody\u0000\xff', 'latin1');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const unused = async (): Promise<boolean> => false;

async function open() {
  const dir = await makeDir();
  const clock = new MovedClock();
  return {
    dir,
    clock,
    blobs: await openBlobs(join(dir, 'content'), clock),
    path: join(dir, 'content', SHA256.slice(0, 2), SHA256),
  };
}

test('keeps exact bytes under their hash, once, privately', async () => {
  const { dir, blobs, path } = await open();
  expect(await Promise.all([blobs.put(CONTENT), blobs.put(CONTENT), blobs.put(CONTENT)])).toEqual([
    SHA256,
    SHA256,
    SHA256,
  ]);
  expect(await blobs.get(SHA256)).toEqual(CONTENT);
  expect(await readdir(join(path, '..'))).toEqual([SHA256]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(dir, 'content'))).mode & 0o777).toBe(0o700);
  expect(await blobs.get('0'.repeat(64))).toBeNull();
  expect(await blobs.get('../../../etc/passwd')).toBeNull();
});

test('says when stored bytes were changed', async () => {
  const { blobs, path } = await open();
  await blobs.put(CONTENT);
  await writeFile(path, 'something else');
  await expect(blobs.get(SHA256)).rejects.toMatchObject({ sha256: SHA256 });
  await blobs.put(CONTENT);
  expect(await blobs.get(SHA256)).toEqual(CONTENT);
});

test('removes neither what is young nor what is referred to', async () => {
  const { blobs, clock } = await open();
  await blobs.put(CONTENT);
  expect(await blobs.removeUnused(SHA256, unused)).toBe(false);
  clock.aheadMs = BLOB_GRACE_MS + 60_000;
  expect(await blobs.removeUnused(SHA256, async () => true)).toBe(false);
  expect(await blobs.get(SHA256)).toEqual(CONTENT);
  expect(await blobs.removeUnused(SHA256, unused)).toBe(true);
  expect(await blobs.get(SHA256)).toBeNull();
});

test('a put while a removal decides keeps the content', async () => {
  const { blobs, clock } = await open();
  await blobs.put(CONTENT);
  for (const putAtLook of [1, 2]) {
    clock.aheadMs += BLOB_GRACE_MS + 60_000;
    let looks = 0;
    await blobs.removeUnused(SHA256, async () => {
      looks += 1;
      if (looks === putAtLook) await blobs.put(CONTENT);
      return looks > putAtLook;
    });
    expect(await blobs.get(SHA256), `put at look ${String(putAtLook)}`).toEqual(CONTENT);
  }
});

test('many puts against many removals: every content put last is there', async () => {
  const { blobs, clock } = await open();
  for (let round = 0; round < 40; round += 1) {
    clock.aheadMs += BLOB_GRACE_MS + 60_000;
    await Promise.all([blobs.removeUnused(SHA256, unused), blobs.put(CONTENT), blobs.removeUnused(SHA256, unused)]);
    expect(await blobs.get(SHA256)).toEqual(CONTENT);
  }
});

test('a sweep clears what crashes left behind and restores what was moved aside', async () => {
  const { blobs, clock, path } = await open();
  const other = await blobs.put(Buffer.from('other'));
  await blobs.put(CONTENT);
  await writeFile(`${path}.abc.part`, 'half');
  await writeFile(join(path, '..', `${'ab'.repeat(32)}.gone`), 'unused');
  clock.aheadMs = BLOB_GRACE_MS + 60_000;
  expect(await blobs.sweep(async (sha256) => sha256 === other)).toBe(3);
  expect(await blobs.get(other)).toEqual(Buffer.from('other'));
  expect(await readdir(join(path, '..'))).toEqual([]);
  const { rename } = await import('node:fs/promises');
  const otherPath = join(path, '..', '..', other.slice(0, 2), other);
  await rename(otherPath, `${otherPath}.gone`);
  await blobs.sweep(async () => true);
  expect(await blobs.get(other)).toEqual(Buffer.from('other'));
});
