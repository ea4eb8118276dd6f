// `weir rules update` against a channel on loopback, with DNS, HTTP, tar and signatures as they are in life: what is good
// is in force, what is bad in any way leaves everything as it was.
import { chownSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CHANNEL, startChannel, type Channel } from '../ground/channel.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { makeTar, type TarEntry } from '../ground/tar.js';
import { makeRulesPlace, type RulesPlace } from './rules-command.js';

const RULES = 'body CHANNEL_WORD /xylophone/\nscore CHANNEL_WORD 3\n';
const RULES_LATER = 'body CHANNEL_WORD /zither/\nscore CHANNEL_WORD 4\nbody CHANNEL_OTHER /lute/\n';

let channel: Channel;
let place: RulesPlace;

/** Kept beside the releases. */
const BOOKS = ['state.json', 'mirrors.txt'];

/** Every file of the channel's directory but its books, with what it holds or leads to. */
function snapshot(): Record<string, string> {
  const directory = join(place.kept, 'channels', CHANNEL);
  if (!existsSync(directory)) return {};
  const all = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    all
      .filter((entry) => !entry.isDirectory() && !BOOKS.includes(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path, statSync(path).isDirectory() ? readlinkSync(path) : readFileSync(path, 'latin1')]),
  );
}

interface Told {
  readonly code: number;
  readonly err: string;
  readonly report: Record<string, unknown>;
}

async function update(...flags: readonly string[]): Promise<Told> {
  const ran = await place.run('update', '--json', ...flags);
  const line = ran.out.split('\n').find((text) => text.startsWith('{'));
  return { code: ran.code, err: ran.err, report: JSON.parse(line ?? '{}') as Record<string, unknown> };
}

async function ruleNames(): Promise<readonly string[]> {
  const { out } = await place.run('list', '--json', 'CHANNEL_*');
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { name: string }).name);
}

/** Version 1 is installed. */
async function installFirst(settings = channel.settings()): Promise<void> {
  place = await makeRulesPlace(settings);
  await channel.publish(1, await channel.pack({ '10_one.cf': RULES }));
  expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', version: 1 } });
}

const describeChannel = describe.skipIf(!requirePackage('gpgv', 'gpg', 'gpg-agent'));

describeChannel('weir rules update', () => {
  beforeAll(async () => {
    channel = await startChannel();
  }, 60_000);
  afterAll(() => channel?.stop());
  beforeEach(() => channel.asked.splice(0));

  it('takes the first release, then nothing, then the next; shows and takes it back', async () => {
    await installFirst();
    expect(await ruleNames()).toEqual(['CHANNEL_WORD']);
    expect(channel.asked).toEqual(['/MIRRORED.BY', '/pub/1.tar.gz', '/pub/1.tar.gz.sha512', '/pub/1.tar.gz.asc']);
    channel.asked.splice(0);
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'newest', version: 1 } });
    expect(channel.asked).toEqual([]);
    await channel.publish(2, await channel.pack({ '20_two.cf': RULES_LATER, 'user.pre': 'loadplugin X\n' }));
    const second = await update();
    expect(second).toMatchObject({
      code: 0,
      report: { outcome: 'taken', version: 2, before: 1, running: false, release: { rules: 2, files: 1, leftOut: 0 } },
    });
    expect(second.report['release']).toMatchObject({ signer: channel.fingerprint, mirror: `${channel.mirror}/pub` });
    expect(await ruleNames()).toEqual(['CHANNEL_OTHER', 'CHANNEL_WORD']);
    const status = await place.run('update', '--status');
    expect(status.out).toMatch(/^rules\.weir\.test: version 2, 2 rules, installed \d{4}-.*; last looked for \d{4}-/);
    expect(await update('--back')).toMatchObject({ code: 0, report: { outcome: 'taken', version: 1, before: 2 } });
    expect(await ruleNames()).toEqual(['CHANNEL_WORD']);
    // What was taken back is not taken again, something newer is.
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'newest', version: 2 } });
    await channel.publish(3, await channel.pack({ '20_two.cf': RULES_LATER }));
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', version: 3, before: 1 } });
    expect(await ruleNames()).toEqual(['CHANNEL_OTHER', 'CHANNEL_WORD']);
  });

  it('with --dry-run does everything but put it in force', async () => {
    await installFirst();
    const before = snapshot();
    await channel.publish(2, await channel.pack({ '20_two.cf': RULES_LATER }));
    expect(await update('--dry-run')).toMatchObject({ code: 0, report: { outcome: 'checked', version: 2 } });
    expect(snapshot()).toEqual(before);
  });

  it('refuses a version that is older than the one installed', async () => {
    await installFirst();
    await channel.publish(5, await channel.pack({ '20_two.cf': RULES_LATER }));
    await update();
    const before = snapshot();
    channel.tell(4);
    const told = await update();
    expect(told).toMatchObject({ code: 1, report: { outcome: 'refused', version: 4, before: 5 } });
    expect(told.report['reason']).toContain('older');
    expect(snapshot()).toEqual(before);
  });

  it('can leave a number that went astray: what is newer than the release before is taken again', async () => {
    await installFirst();
    await channel.publish(999_999, await channel.pack({ '20_two.cf': RULES_LATER }));
    await update();
    await channel.publish(2, await channel.pack({ '20_two.cf': RULES_LATER }));
    expect(await update()).toMatchObject({ code: 1, report: { outcome: 'refused', version: 2 } });
    await update('--back');
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', version: 2, before: 1 } });
  });

  it('refuses an old archive under a new number', async () => {
    const old = await channel.pack({ '10_one.cf': RULES });
    const signature = await channel.keys.sign('channel', old);
    await new Promise((done) => setTimeout(done, 1_100));
    await installFirst();
    const before = snapshot();
    await channel.publish(2, old, { signature });
    const told = await update();
    expect(told).toMatchObject({ code: 1, report: { outcome: 'refused' } });
    expect(told.report['reason']).toContain('signed before');
    expect(snapshot()).toEqual(before);
  });

  it('lets the next mirror stand in for one that is down, broken or bad', async () => {
    await installFirst();
    const archive = await channel.pack({ '20_two.cf': RULES_LATER });
    await channel.publish(2, archive);
    const { mirror, files } = channel;
    const list = files.get('/MIRRORED.BY') ?? Buffer.alloc(0);
    files.set('/bad/2.tar.gz', Buffer.from('<html>sorry</html>'));
    files.set('/broken/2.tar.gz', (_request, response) => response.writeHead(500).end());
    const lines = ['http://127.0.0.1:1/ weight=9000', `${mirror}/bad weight=8000`, `${mirror}/broken weight=7000`];
    files.set('/MIRRORED.BY', Buffer.from(`${lines.join('\n')}\nftp://x.test/\n${mirror}/pub weight=1 # last\n`));
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', version: 2 } });
    files.set('/MIRRORED.BY', list);
  });

  it('asks the mirrors it knows when the list of mirrors cannot be had', async () => {
    await installFirst();
    const list = channel.files.get('/MIRRORED.BY') ?? Buffer.alloc(0);
    channel.files.delete('/MIRRORED.BY');
    await channel.publish(2, await channel.pack({ '20_two.cf': RULES_LATER }));
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', version: 2 } });
    place = await makeRulesPlace(channel.settings());
    expect((await update()).report['reason']).toMatch(/^no list of mirrors: http:.*MIRRORED\.BY: .* 404$/);
    channel.files.set('/MIRRORED.BY', list);
  });

  it('needs no checksum beside a signature, and says so; SHA-1 is looked at by nobody', async () => {
    await installFirst();
    channel.asked.splice(0);
    await channel.publish(2, await channel.pack({ '20_two.cf': RULES_LATER }), { checksums: ['sha1'] });
    const told = await update();
    expect(told).toMatchObject({ code: 0, report: { outcome: 'taken', version: 2 } });
    expect(told.report['notes']).toEqual([expect.stringContaining('a .sha1 would be too weak')]);
    expect(channel.asked).not.toContain('/pub/2.tar.gz.sha1');
  });

  it('takes a signature over SHA-1, and says so', async () => {
    await installFirst();
    const archive = await channel.pack({ '20_two.cf': RULES_LATER });
    await channel.publish(2, archive, { signature: await channel.keys.sign('channel', archive, { digest: 'SHA1' }) });
    const told = await update();
    expect(told.report['notes'] ?? [], JSON.stringify(told.report)).toEqual([expect.stringContaining('SHA-1')]);
  });

  it('can be given mirrors in place of those of the channel', async () => {
    await channel.publish(1, await channel.pack({ '10_one.cf': RULES }));
    channel.asked.splice(0);
    place = await makeRulesPlace(channel.settings(`, mirrors: ['http://127.0.0.1:${channel.port}/pub/']`));
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', version: 1 } });
    expect(channel.asked[0]).toBe('/pub/1.tar.gz');
  });

  it('goes to no private address that the settings do not name, by no way', async () => {
    await channel.publish(1, await channel.pack({ '10_one.cf': RULES }));
    channel.asked.splice(0);
    place = await makeRulesPlace(channel.settings().replace("allowPrivate: ['127.0.0.1']", 'allowPrivate: []'));
    expect((await update()).report['reason']).toContain('127.0.0.1, which is not a public address');
    expect(channel.asked).toEqual([]);
    place = await makeRulesPlace(channel.settings());
    const archive = channel.files.get('/pub/1.tar.gz') ?? Buffer.alloc(0);
    channel.files.set('/pub/1.tar.gz', (_request, response) =>
      response.writeHead(302, { location: `http://127.0.0.2:${channel.port}/pub/1.tar.gz` }).end(),
    );
    expect(await update()).toMatchObject({ code: 1, report: { outcome: 'failed' } });
    expect((await update()).report['reason']).toContain('127.0.0.2, which is not a public address');
    channel.files.set('/pub/1.tar.gz', archive);
  });

  it('says what is wrong with DNS', async () => {
    await installFirst();
    const before = snapshot();
    for (const [behaviour, reason] of [
      ['servfail', 'servfail'],
      ['silent', 'timeout'],
      ['nxdomain', ''],
    ] as const) {
      channel.dns.set(`1.0.4.${CHANNEL}`, { behaviour });
      const told = await update();
      expect(told.report['outcome']).toBe(reason === '' ? 'none' : 'failed');
      expect(told.report['reason']).toContain(reason);
    }
    channel.dns.set(`1.0.4.${CHANNEL}`, { TXT: ['not a number'] });
    expect((await update()).report['outcome']).toBe('none');
    expect(snapshot()).toEqual(before);
  });

  it('without a signature comes by HTTPS or not at all', async () => {
    await channel.publish(1, await channel.pack({ '10_one.cf': RULES }));
    const settings = channel.settings().replace(/keyring: [^ ]+/, 'signature: none');
    place = await makeRulesPlace(settings);
    const told = await update();
    expect(told).toMatchObject({ code: 1, report: { outcome: 'failed' } });
    expect(told.report['reason']).toContain('only HTTPS will do');
  });

  it.skipIf(!requireRoot())('belongs to the owner of the storage directory when root fetches it', async () => {
    place = await makeRulesPlace(channel.settings());
    chownSync(place.storage, 12_345, 12_346);
    await channel.publish(1, await channel.pack({ '10_one.cf': RULES }));
    await update();
    await channel.publish(2, await channel.pack({ '10_one.cf': RULES }));
    await update();
    const all = readdirSync(place.storage, { recursive: true, withFileTypes: true });
    const owners = all.map((entry) => lstatSync(join(entry.parentPath, entry.name)));
    expect(owners.length).toBeGreaterThan(10);
    expect(new Set(owners.map(({ uid, gid }) => `${uid} ${gid}`))).toEqual(new Set(['12345 12346']));
    expect(owners.filter((one) => !one.isSymbolicLink() && (one.mode & 0o077) !== 0)).toEqual([]);
  });

  it('takes a release without its wrong lines only when told to', async () => {
    await installFirst();
    const before = snapshot();
    await channel.publish(2, await channel.pack({ '10_one.cf': `${RULES_LATER}body BAD /(a/\nnonsense here\n` }));
    const told = await update();
    expect(told).toMatchObject({ code: 1, report: { outcome: 'refused', version: 2 } });
    expect(told.report['wrong']).toHaveLength(2);
    expect(snapshot()).toEqual(before);
    expect(await update('--partly')).toMatchObject({
      code: 0,
      report: { outcome: 'taken', version: 2, release: { leftOut: 2, rules: 2 } },
    });
    expect((await place.run('lint', '--no-core')).code).toBe(0);
  });

  it('makes lines that load or name programs comments, and replaces the macros', async () => {
    await installFirst();
    const text = `require_version @@VERSION@@\nloadplugin Evil evil.pm\n  dns_server 10.0.0.1\n${RULES}`;
    await channel.publish(2, await channel.pack({ '10_one.cf': text }));
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', wrong: [] } });
    const [installed = ''] = Object.entries(snapshot()).flatMap(([path, content]) =>
      path.includes('/2-') && path.endsWith('10_one.cf') ? [content] : [],
    );
    expect(installed.split('\n').slice(0, 3)).toEqual([
      'require_version 4.000001',
      '# not taken from a channel: loadplugin Evil evil.pm',
      '# not taken from a channel:   dns_server 10.0.0.1',
    ]);
  });
});

/** A bad archive of version 2 that is signed and summed as a good one would be; more of them in test/rules/channel. */
const ARCHIVES: readonly (readonly [string, () => Promise<Buffer> | Buffer, string])[] = [
  ['no archive', () => Buffer.from('this is no archive'), 'cannot be unpacked'],
  ['a cut one', async () => (await channel.pack({ '1.cf': RULES.repeat(500) })).subarray(0, 150), 'cannot be unpacked'],
  ['one that ends in the middle', () => pack([{ name: '1.cf', content: RULES, size: 9_999 }]), 'ends in the middle'],
  ['a name that leads out', () => pack([{ name: '../1.cf', content: RULES }]), 'a file called'],
  ['a symbolic link', () => pack([{ name: '1.cf', type: '2', link: '/etc/passwd' }]), 'a link'],
  ['a bomb', () => gzipSync(Buffer.alloc(60_000_000)), 'unpacked'],
  ['no rule file', () => pack([{ name: 'README', content: 'nothing' }]), 'no .cf file'],
  ['no rule', () => pack([{ name: '1.cf', content: '# nothing\n' }]), 'no rule'],
  ['wrong lines', () => pack([{ name: '1.cf', content: `${RULES}body BAD /(a/\n` }]), 'lines are wrong'],
];

const pack = (entries: readonly TarEntry[]): Buffer => gzipSync(makeTar(entries));

describeChannel('a bad archive, signed as a good one, changes nothing', () => {
  beforeAll(async () => {
    channel = await startChannel();
  }, 60_000);
  afterAll(() => channel?.stop());

  it.each(ARCHIVES)('%s', async (_name, make, reason) => {
    await installFirst();
    const before = snapshot();
    await channel.publish(2, await make());
    const told = await update();
    expect(told.code, told.err).toBe(1);
    expect(told.report['reason']).toContain(reason);
    expect(snapshot()).toEqual(before);
  });
});

describeChannel('a release that nobody vouches for changes nothing', () => {
  let good: Buffer;
  beforeAll(async () => {
    channel = await startChannel();
    good = await channel.pack({ '20_two.cf': RULES_LATER });
    await channel.publish(1, await channel.pack({ '10_one.cf': RULES }));
  }, 60_000);
  afterAll(() => channel?.stop());

  /** Version 2 of the mirror, over version 1 that is installed. */
  const refuses = async (reason: string): Promise<void> => {
    channel.tell(1);
    place = await makeRulesPlace(channel.settings());
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', version: 1 } });
    channel.tell(2);
    const before = snapshot();
    const told = await update();
    expect(told.code, told.err).toBe(1);
    expect(told.report).toMatchObject({ outcome: 'failed', version: 2 });
    expect(told.report['reason']).toContain(reason);
    expect(snapshot()).toEqual(before);
  };

  it('without a signature', async () => {
    await channel.publish(2, good, { signature: null });
    await refuses('no signature');
  });

  it('with a checksum of another archive', async () => {
    await channel.publish(2, good);
    channel.files.set('/pub/2.tar.gz.sha512', Buffer.from(`${'0'.repeat(128)}  2.tar.gz\n`));
    await refuses('sha512');
  });

  it('with half a checksum', async () => {
    await channel.publish(2, good, { checksums: ['sha256'] });
    channel.files.set('/pub/2.tar.gz.sha256', Buffer.from('abcd'));
    await refuses('sha256');
  });

  it('with a signature over another archive', async () => {
    await channel.publish(2, good, { signature: await channel.keys.sign('channel', Buffer.from('other')) });
    await refuses('does not fit');
  });

  it('signed by a key that is not in the keyring', async () => {
    await channel.keys.make('stranger');
    await channel.publish(2, good, { signature: await channel.keys.sign('stranger', good) });
    await refuses('not in the keyring');
  });

  it('with something that is no signature', async () => {
    await channel.publish(2, good, { signature: Buffer.from('-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END') });
    await refuses('is none');
  });

  it('with a clear text message in place of a signature', async () => {
    await channel.publish(2, good, { signature: Buffer.from('[GNUPG:] VALIDSIG 0 0 0\n') });
    await refuses('is none');
  });

  it('with two signatures, one of them a stranger’s', async () => {
    const signature = await channel.keys.sign('channel', good, { also: 'stranger' });
    await channel.publish(2, good, { signature });
    await refuses('not in the keyring');
  });
});

describeChannel('keys that are no longer good', () => {
  beforeAll(async () => {
    channel = await startChannel();
  }, 60_000);
  afterAll(() => channel?.stop());

  const withKeyring = async (keyring: string, more = ''): Promise<void> => {
    place = await makeRulesPlace(channel.settings(more).replace(channel.keyring, keyring));
  };

  it('an expired one does not count', async () => {
    await channel.keys.make('expired', true);
    await withKeyring(await channel.keys.export('expired.asc', ['expired']));
    const archive = await channel.pack({ '1.cf': RULES });
    const signature = await channel.keys.sign('expired', archive, { expired: true });
    await channel.publish(1, archive, { signature });
    const told = await update();
    expect(told).toMatchObject({ code: 1, report: { outcome: 'failed' } });
    expect(told.report['reason']).toContain('expired');
  });

  it('a revoked one does not count', async () => {
    const fingerprint = await channel.keys.make('revoked');
    const archive = await channel.pack({ '1.cf': RULES });
    const signature = await channel.keys.sign('revoked', archive);
    await channel.keys.revoke(fingerprint);
    await withKeyring(await channel.keys.export('revoked.asc', ['revoked']));
    await channel.publish(1, archive, { signature });
    const told = await update();
    expect(told).toMatchObject({ code: 1, report: { outcome: 'failed' } });
    expect(told.report['reason']).toContain('revoked');
  });

  it('one of several counts only when its fingerprint is listed', async () => {
    const other = await channel.keys.make('other');
    const both = await channel.keys.export('both.gpg', ['channel', 'other'], false);
    const archive = await channel.pack({ '1.cf': RULES });
    await channel.publish(1, archive, { signature: await channel.keys.sign('other', archive) });
    await withKeyring(both, `, fingerprints: [${channel.fingerprint}]`);
    const told = await update();
    expect(told).toMatchObject({ code: 1, report: { outcome: 'failed' } });
    expect(told.report['reason']).toContain('does not count');
    await withKeyring(both, `, fingerprints: [${other.toLowerCase()}]`);
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken', release: { signer: other } } });
  });

  it('count from a keybox too', async () => {
    await withKeyring(join(channel.place.directory, 'gnupg', 'pubring.kbx'));
    await channel.publish(1, await channel.pack({ '1.cf': RULES }));
    expect(await update()).toMatchObject({ code: 0, report: { outcome: 'taken' } });
  });

  it('a keyring that is none, or is not there, is told', async () => {
    for (const [file, reason] of [
      ['missing.asc', 'ENOENT'],
      ['gnupg/openpgp-revocs.d', 'EISDIR'],
    ] as const) {
      await withKeyring(join(channel.place.directory, file));
      const told = await update();
      expect(told).toMatchObject({ code: 1, report: { outcome: 'failed' } });
      expect(told.report['reason']).toContain(reason);
    }
  });
});
