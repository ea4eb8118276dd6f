// Releases on disk: staged for nobody, in force by a link, back again, and tidied up; damaged facts are none.
import { existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FILES_ON_DISK } from '../../../config/attached.js';
import { ChannelReleases, releaseDirectory, type ReleaseFacts } from '../../../rules/channel/releases.js';
import { makeDir } from '../../logs/fixtures.js';

const CHANNEL = 'rules.example.org';

function factsOf(version: number): ReleaseFacts {
  const source = { mirror: 'http://m.example', sha256: 'ab', signer: null, signedAt: null };
  return { version, installedAt: Date.now(), files: 1, rules: 1, leftOut: 0, ...source };
}

async function open(): Promise<{ dir: string; releases: ChannelReleases; install: (version: number) => () => void }> {
  const dir = await makeDir();
  const releases = new ChannelReleases(dir, CHANNEL);
  const install = (version: number): (() => void) =>
    releases.swap(releases.stage([{ name: '1.cf', text: `# ${version}` }], factsOf(version)));
  return { dir, releases, install };
}

const versions = ({ releases }: { releases: ChannelReleases }): readonly (number | undefined)[] => [
  releases.current()?.version,
  releases.previous()?.version,
];

describe('releases of a channel', () => {
  it('are none at first', async () => {
    const { dir, releases } = await open();
    expect([releases.current(), releases.previous(), releases.mirrorList(), releases.swapBack()]).toEqual(
      Array(4).fill(null),
    );
    expect(releases.fileNames()).toEqual([]);
    expect(releases.state()).toEqual({ lookedAt: null, succeededAt: null, failure: '', passedOver: null });
    releases.tidy();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('are in force when swapped and not before, and the one before is kept', async () => {
    const place = await open();
    place.releases.stage([{ name: '1.cf', text: '# 1' }], factsOf(1));
    expect(versions(place)).toEqual([undefined, undefined]);
    for (const version of [1, 2, 3]) place.install(version);
    expect(versions(place)).toEqual([3, 2]);
    expect(place.releases.fileNames()).toEqual(['1.cf']);
    expect(readdirSync(place.releases.directory)).toHaveLength(6);
    place.releases.note({ failure: 'x' });
    place.releases.keepMirrorList('http://m.example');
    place.releases.tidy();
    const left = readdirSync(place.releases.directory).map((name) => name.replace(/^(\d)-.*/, '$1'));
    expect(left.sort()).toEqual(['2', '3', 'current', 'mirrors.txt', 'previous', 'state.json']);
    expect(versions(place)).toEqual([3, 2]);
  });

  it('change places, and what is undone was never there', async () => {
    const place = await open();
    place.install(1)();
    expect(versions(place)).toEqual([undefined, undefined]);
    place.install(1);
    const undo = place.install(2);
    expect(versions(place)).toEqual([2, 1]);
    place.releases.swapBack();
    expect(versions(place)).toEqual([1, 2]);
    place.releases.swapBack()?.();
    expect(versions(place)).toEqual([1, 2]);
    undo();
    expect(versions(place)).toEqual([1, undefined]);
  });

  it('with damaged facts or state are none', async () => {
    const place = await open();
    place.install(1);
    place.releases.note({ failure: 'x'.repeat(9_999) });
    expect(place.releases.state().failure).toHaveLength(4_000);
    for (const text of ['', '{', 'null', '{"version":"1"}']) {
      writeFileSync(join(place.releases.directory, 'current', 'release.json'), text);
      writeFileSync(join(place.releases.directory, 'state.json'), text);
      expect(place.releases.current()).toBeNull();
      expect(place.releases.currentVersion()).toBe(1);
      expect(place.releases.state().failure).toBe('');
    }
  });

  it('are read as one, though the link leads elsewhere meanwhile', async () => {
    const { dir, releases, install } = await open();
    install(1);
    const path = releaseDirectory(dir, CHANNEL);
    expect(existsSync(path)).toBe(true);
    const [file] = FILES_ON_DISK.read({ path, suffix: '.cf' });
    expect(file).toEqual({ file: join(path, '1.cf'), text: '# 1' });
    expect(readlinkSync(path)).toMatch(/^1-/);
    expect(releases.directory).toBe(join(dir, 'channels', CHANNEL));
  });
});
