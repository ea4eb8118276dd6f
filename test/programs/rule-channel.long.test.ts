// Rule channels and a running server, and what kills them: what is fetched is in force in every process, what is not good
// never is, and whenever a process is killed the old release or the new one is there, whole.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ChannelReleases, releaseDirectory } from '../../rules/channel/releases.js';
import { CHANNEL, startChannel, type Channel } from '../ground/channel.js';
import { requirePackage } from '../ground/packages.js';
import { waitUntil } from '../ground/place.js';
import { childrenOf, WEIR_PROGRAM } from '../ground/weir.js';
import { openHouse, type House } from './house-of-processes.js';
import { makeRulesPlace, type Ran } from './rules-command.js';

const WAIT_MS = 30_000;
const KILLS = 20;
const rulesFor = (word: string): string => `body CHANNEL_WORD /${word}/\nscore CHANNEL_WORD 100\n`;
const canRun = requirePackage('gpgv', 'gpg', 'gpg-agent');

describe.skipIf(!canRun)('a channel of a running server', () => {
  let channel: Channel;
  let house: House;

  beforeAll(async () => {
    channel = await startChannel();
    house = await openHouse({ more: channel.settings() });
  }, 90_000);
  afterAll(async () => {
    await house?.end();
    await channel?.stop();
  });

  /** How many of six mails with that word are refused. */
  const refused = async (word: string): Promise<number> => {
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => house.submit(`a ${word} indeed`)));
    return outcomes.filter(({ reply }) => reply === 'SMFIR_REPLYCODE').length;
  };
  const publish = async (version: number, word: string): Promise<Buffer> => {
    const archive = await channel.pack({ '1.cf': rulesFor(word) });
    await channel.publish(version, archive);
    return archive;
  };
  const kept = (): string => join(house.directory, 'store', 'rules');
  /** A mirror that sends a little of every archive and then nothing. */
  const stall = (path: string): void =>
    void channel.files.set(path, (_request, response) => {
      response.writeHead(200, { 'content-length': '100000' });
      response.write('some');
    });

  it('is in force in every process when the command returns, and audited', async () => {
    await publish(1, 'xylophone');
    expect(await refused('xylophone')).toBe(0);
    const ran = await house.weir.run(['rules', 'update']);
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    expect(ran.stdout).toMatch(
      /^rules\.weir\.test: version 1 \(1 files, 1 rules, signed by [0-9A-F]{40}\); in force\n$/,
    );
    expect(await refused('xylophone')).toBe(6);
    await waitUntil('the audit', WAIT_MS, () => house.weir.log().includes('"audit":"rules.update.fetch"'));
    await publish(2, 'zither');
    expect((await house.weir.run(['rules', 'update'])).stdout).toContain('in place of 1; in force');
    expect([await refused('xylophone'), await refused('zither')]).toEqual([0, 6]);
  });

  it('stays as it was when a release is signed by nobody known', async () => {
    const archive = await publish(3, 'lute');
    await channel.publish(3, archive, { signature: await channel.keys.sign('channel', Buffer.from('x')) });
    const ran = await house.weir.run(['rules', 'update']);
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toContain('does not fit');
    expect([await refused('zither'), await refused('lute')]).toEqual([6, 0]);
  });

  it('goes back and forth, and says so in list and doctor', async () => {
    channel.tell(2);
    expect((await house.weir.run(['rules', 'update', '--back'])).status).toBe(0);
    expect([await refused('xylophone'), await refused('zither')]).toEqual([6, 0]);
    expect((await house.weir.run(['rules', 'update', '--back'])).status).toBe(0);
    expect([await refused('xylophone'), await refused('zither')]).toEqual([0, 6]);
    const listed = await house.weir.run(['rules', 'list', '--channels']);
    expect(listed.stdout).toMatch(/^rules\.weir\.test +2 +\d{4}-\d\d-\d\d /m);
    expect((await house.weir.run(['doctor'])).stdout).toMatch(/! rule updates: .*does not fit/);
    expect((await house.weir.run(['rules', 'update'])).stdout).toContain('version 2 is the newest');
    expect((await house.weir.run(['doctor'])).stdout).toMatch(/✓ rule updates: +rules\.weir\.test: version 2, 1 rules/);
  });

  it('refuses nothing because its directory is looked at while it changes', async () => {
    expect(house.weir.log()).not.toContain('new settings refused');
    expect((await house.status()).crashes).toBe(0);
  });

  it('outlives the death of the process that updates, in the middle of a fetch', async () => {
    await publish(4, 'lute');
    stall('/pub/4.tar.gz');
    channel.asked.length = 0;
    const call = house.weir.run(['rules', 'update']);
    await waitUntil('the fetch', WAIT_MS, () => channel.asked.includes('/pub/4.tar.gz'));
    const admin = (await house.status()).processes.find(({ role }) => role === 'admin');
    process.kill(admin?.pid ?? 0, 'SIGKILL');
    expect((await call).status).toBe(70);
    expect([await refused('zither'), await refused('lute')]).toEqual([6, 0]);
    await house.whole();
    await publish(4, 'lute');
    expect((await house.weir.run(['rules', 'update'])).status).toBe(0);
    expect([await refused('zither'), await refused('lute')]).toEqual([0, 6]);
  });

  it('is updated by one at a time', async () => {
    await publish(5, 'harp');
    stall('/pub/5.tar.gz');
    channel.asked.length = 0;
    const first = house.weir.run(['rules', 'update']);
    await waitUntil('the fetch', WAIT_MS, () => channel.asked.includes('/pub/5.tar.gz'));
    const second = await house.weir.run(['rules', 'update']);
    expect(second).toMatchObject({ status: 70 });
    expect(second.stderr).toContain('another update of rules is under way');
    const admin = (await house.status()).processes.find(({ role }) => role === 'admin');
    const [child = 0] = childrenOf(admin?.pid ?? 0);
    process.kill(child, 'SIGKILL');
    const killed = await first;
    expect(killed).toMatchObject({ status: 70 });
    expect(killed.stderr).toContain('the process that updates rules ended (SIGKILL)');
    await publish(5, 'harp');
    expect((await house.weir.run(['rules', 'update'])).status).toBe(0);
  });

  it('is updated without a server too, whatever is killed, and in force when it starts', async () => {
    await publish(6, 'viola');
    house.weir.signal('SIGKILL');
    await waitUntil('the server to end', WAIT_MS, () => house.weir.stop().then(() => true));
    stall('/pub/6.tar.gz.asc');
    channel.asked.length = 0;
    const child = spawn(process.execPath, [WEIR_PROGRAM, '-c', join(house.directory, 'weir.yaml'), 'rules', 'update']);
    await waitUntil('the fetch', WAIT_MS, () => channel.asked.includes('/pub/6.tar.gz.asc'));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(new ChannelReleases(kept(), CHANNEL).current()?.version).toBe(5);
    await publish(6, 'viola');
    const ran = await house.weir.run(['rules', 'update']);
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    expect(ran.stdout).toContain('in force when the server starts');
    expect(readFileSync(join(releaseDirectory(kept(), CHANNEL), '1.cf'), 'latin1')).toBe(rulesFor('viola'));
    await house.reopen();
    expect(await refused('viola')).toBe(6);
  });
});

describe.skipIf(!canRun || !requirePackage('spamassassin'))('the stock set', () => {
  const STOCK = '/usr/share/spamassassin';

  it('comes whole through a channel, and names the same hits as in place', async () => {
    const channel = await startChannel();
    onTestFinished(() => channel.stop());
    const names = readdirSync(STOCK).filter((name) => name.endsWith('.cf'));
    const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(STOCK, name), 'latin1')]));
    await channel.publish(1, await channel.pack(files));
    const place = await makeRulesPlace(channel.settings());
    const ran = await place.run('update', '--json');
    expect(ran.code, ran.out).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ outcome: 'taken', wrong: [], release: { files: names.length } });
    const installed = releaseDirectory(place.kept, CHANNEL);
    const examples = resolve('rules', 'core', 'examples');
    const hits = (rules: string): Promise<Ran> => place.run('hits', '--rules', rules, examples);
    const [ours, theirs] = [await hits(installed), await hits(STOCK)];
    expect(ours.out.split('\n').length).toBeGreaterThan(5);
    expect(ours.out).toBe(theirs.out);
  });
});

describe('a release', () => {
  const CHILD = fileURLToPath(new URL('./releases-child.mjs', import.meta.url));
  const MODULE = resolve('dist', 'rules', 'channel', 'releases.js');

  it('is the old one or the new one, whole, whenever the process that installs it is killed', async () => {
    expect(existsSync(MODULE), 'npm run build').toBe(true);
    const directory = mkdtempSync(join(tmpdir(), 'weir-releases-'));
    const releases = new ChannelReleases(directory, CHANNEL);
    let version = 0;
    for (let round = 0; round < KILLS; round++) {
      const child = spawn(process.execPath, [CHILD, MODULE, directory, CHANNEL, String(version + 1)]);
      let told = '';
      child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
      await once(child.stdout, 'data');
      await new Promise((done) => setTimeout(done, Math.random() * 100));
      child.kill('SIGKILL');
      await once(child, 'close');
      const facts = releases.current();
      const last = Number(told.trimEnd().split('\n').at(-1));
      expect(facts?.version).toBeGreaterThanOrEqual(last);
      version = facts?.version ?? 0;
      expect(releases.fileNames()).toHaveLength(facts?.files ?? 0);
      for (const name of releases.fileNames())
        expect(readFileSync(join(releaseDirectory(directory, CHANNEL), name), 'latin1')).toBe(
          `# ${version}\n`.repeat(50),
        );
      expect(releases.previous()?.version ?? 0).toBeLessThan(version);
    }
    releases.tidy();
    rmSync(directory, { recursive: true });
  });
});
