// `weir postfix` and its check, against real Postfix instances: one built from the very lines that are printed, and one
// spoilt in every way the check speaks of. The lines themselves are run by the journeys.
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPostfix, namesToRead, type CheckLine } from '../../programs/postfix-check.js';
import { mainLines, nameMilter, type PostfixSite } from '../../programs/postfix-lines.js';
import { releaseOptions } from '../../programs/postfix-listener.js';
import { printLines } from '../../programs/postfix-print.js';
import { checkReach } from '../../programs/postfix-reach.js';
import { readPostfix } from '../../programs/postfix-read.js';
import { isLoopbackList, readSeconds, splitList } from '../../programs/postfix-values.js';
import { requirePackage, requireRoot } from '../ground/packages.js';
import { findPorts, makePlace, mustRun, type Place } from '../ground/place.js';
import { startPostfix, type Postfix } from '../ground/postfix.js';
import { makeSite, siteListener, siteMain } from '../ground/site.js';

const SITE = makeSite('unix:/var/spool/postfix/weir/milter.sock', 10026, '/var/spool/postfix');

describe('values of Postfix', () => {
  it('splits lists, braces whole', () => {
    expect(splitList('a, b  c,{ unix:x, default_action=accept }')).toEqual([
      'a',
      'b',
      'c',
      '{ unix:x, default_action=accept }',
    ]);
    expect(splitList('')).toEqual([]);
  });

  it('reads times', () => {
    expect(['30', '30s', '5m', '1h', '2d', '1w', 'soon', ''].map(readSeconds)).toEqual([
      30,
      30,
      300,
      3600,
      172_800,
      604_800,
      null,
      null,
    ]);
  });

  it('tells loopback from other networks', () => {
    expect(isLoopbackList('127.0.0.0/8 [::1]/128')).toBe(true);
    expect(isLoopbackList('127.0.0.0/8 10.0.0.0/8')).toBe(false);
    expect(isLoopbackList('')).toBe(false);
  });
});

describe('lines', () => {
  it('names a socket below the queue directory from there, and another one whole', () => {
    expect(nameMilter(SITE)).toBe('unix:weir/milter.sock');
    expect(nameMilter({ ...SITE, milter: 'unix:/run/weir.sock' })).toBe('unix:/run/weir.sock');
    expect(nameMilter({ ...SITE, milter: 'inet:127.0.0.1:11332' })).toBe('inet:127.0.0.1:11332');
  });

  it('prints every setting under its reason', () => {
    const text = printLines(SITE);
    for (const line of mainLines(SITE)) expect(text).toContain(`\n${line.name} = ${line.value}\n`);
    for (const option of releaseOptions()) expect(text).toContain(`\n  -o ${option.name}=${option.value}\n`);
    expect(text).toContain('\n127.0.0.1:10026 inet n - y - - smtpd\n');
    expect(text).toContain('install -d -o USER -g postfix -m 2710 /var/spool/postfix/weir');
  });

  it('warns of a socket that the chroot hides', () => {
    expect(printLines({ ...SITE, milter: 'unix:/run/weir.sock' })).toContain('WARNING');
  });

  it('shows the way to a UNIX socket where Weir listens on TCP', () => {
    const text = printLines({ ...SITE, milter: 'inet:127.0.0.1:11332' });
    expect(text).toContain('\nsmtpd_milters = inet:127.0.0.1:11332\n');
    expect(text).toContain('listen: ["unix:/var/spool/postfix/weir/milter.sock"]');
    expect(text).toContain('socketGroup: postfix');
  });

  it.each([
    ['unix:weir/milter.sock', true],
    ['inet:localhost:8891, unix:weir/milter.sock', true],
    ['unix:/var/spool/postfix/weir/milter.sock', true],
    ['{ unix:weir/milter.sock, connect_timeout=5s }', true],
    ['{ unix:weir/milter.sock, default_action=accept }', false],
    ['{ unix:weir/milter.sock, default_action = accept }', false],
    ['unix:other/milter.sock', false],
    ['', false],
  ])('smtpd_milters = %s serves: %s', (value, serves) => {
    expect(mainLines(SITE)[0]?.accepts(value)).toBe(serves);
  });
});

const ready = requirePackage('postfix') && requireRoot();

/** The states of all lines about that subject. */
function linesAbout(lines: readonly CheckLine[], subject: string): readonly CheckLine[] {
  return lines.filter((line) => line.subject.trim().replace(/^-o /, '').startsWith(subject));
}

describe.skipIf(!ready)('check of a Postfix built from the printed lines', () => {
  let place: Place;
  let postfix: Postfix;
  let site: PostfixSite;
  let milter: Server;
  beforeAll(async () => {
    place = makePlace('postfix-good');
    const [port = 0, releasePort = 0] = await findPorts(2);
    const queue = join(place.directory, 'good', 'queue');
    // No client comes: the policy server need not be there.
    site = {
      ...makeSite(`unix:${join(queue, 'weir', 'milter.sock')}`, releasePort, queue),
      policy: 'inet:127.0.0.1:1',
    };
    postfix = await startPostfix({
      name: 'good',
      directory: place.directory,
      listeners: [{ address: `127.0.0.1:${port}` }, siteListener(site)],
      main: siteMain(site),
    });
    mkdirSync(join(queue, 'weir'));
    milter = createServer();
    await new Promise<void>((done) => milter.listen(site.milter.slice('unix:'.length), done));
    chmodSync(site.milter.slice('unix:'.length), 0o666);
  });
  afterAll(async () => {
    await new Promise((done) => milter.close(done));
    await postfix.stop();
    place.remove();
  });

  it('finds nothing amiss', async () => {
    const facts = await readPostfix(postfix.configDirectory, namesToRead(site));
    const lines = [...checkPostfix(site, facts), ...(await checkReach(site, facts))];
    expect(lines.filter((line) => line.state !== 'ok')).toEqual([]);
    expect(linesAbout(lines, 'Postfix 3.')).toHaveLength(1);
    for (const line of mainLines(site)) expect(linesAbout(lines, `${line.name} `)).not.toHaveLength(0);
    for (const option of releaseOptions()) expect(linesAbout(lines, option.name)).not.toHaveLength(0);
  });

  it('sees every setting that is spoilt, says what it costs, and sees it mended', async () => {
    const spoilt: readonly [string, string][] = [
      ['smtpd_milters', ''],
      ['non_smtpd_milters', ''],
      ['milter_protocol', '2'],
      ['milter_default_action', 'accept'],
      ['milter_connect_timeout', '3s'],
      ['milter_command_timeout', '3s'],
      ['milter_content_timeout', '1m'],
      ['smtpd_forbid_bare_newline', 'no'],
      ['smtpd_forbid_unauth_pipelining', 'no'],
      ['smtpd_recipient_restrictions', 'reject_unauth_destination'],
      ['message_size_limit', '0'],
      ['default_process_limit', '20000'],
    ];
    const right = { ...siteMain(site), message_size_limit: '10240000', default_process_limit: '100' };
    const check = async (settings: readonly (readonly [string, string])[]): Promise<readonly CheckLine[]> => {
      const lines = settings.map(([name, value]) => `${name} = ${value}`);
      await mustRun('postconf', ['-c', postfix.configDirectory, '-e', ...lines]);
      return checkPostfix(site, await readPostfix(postfix.configDirectory, namesToRead(site)));
    };
    const wrong = await check(spoilt);
    for (const [name] of spoilt) {
      const found = linesAbout(wrong, `${name} =`).filter((line) => line.state !== 'ok');
      expect(found.map((line) => line.state)).toEqual(['differs']);
      expect(found[0]?.cost).not.toBe('');
    }
    const early = await check([['smtpd_recipient_restrictions', 'check_policy_service inet:127.0.0.1:1']]);
    expect(linesAbout(early, 'smtpd_recipient_restrictions: ').map((line) => [line.state, line.subject])).toEqual([
      ['differs', 'smtpd_recipient_restrictions: check_policy_service not behind reject_unlisted_recipient'],
      // This Postfix's compatibility_level puts its default smtpd_relay_restrictions first.
      ['ok', 'smtpd_recipient_restrictions: check_policy_service behind reject_unauth_destination'],
    ]);
    expect((await check(Object.entries(right))).filter((line) => line.state !== 'ok')).toEqual([]);
  });

  it('sees a socket that Postfix cannot use, and one that is not there', async () => {
    const facts = await readPostfix(postfix.configDirectory, namesToRead(site));
    const path = site.milter.slice('unix:'.length);
    chmodSync(path, 0o600);
    expect(linesAbout(await checkReach(site, facts), 'socket')[0]).toMatchObject({ state: 'differs' });
    chmodSync(path, 0o666);
    const elsewhere = { ...site, milter: `unix:${path}.gone` };
    expect(linesAbout(await checkReach(elsewhere, facts), 'socket')[0]).toMatchObject({ state: 'missing' });
    const tcp = { ...site, milter: 'inet:127.0.0.1:1' };
    expect(linesAbout(await checkReach(tcp, facts), 'milter')[0]).toMatchObject({ state: 'missing' });
  });
});

describe.skipIf(!ready)('check of a Postfix that nobody prepared', () => {
  let place: Place;
  let postfix: Postfix;
  let site: PostfixSite;
  beforeAll(async () => {
    place = makePlace('postfix-bare');
    const [port = 0, open = 0, releasePort = 0] = await findPorts(3);
    site = makeSite('unix:/run/weir-nowhere/milter.sock', releasePort, join(place.directory, 'bare', 'queue'));
    postfix = await startPostfix({
      name: 'bare',
      directory: place.directory,
      listeners: [
        { address: `127.0.0.1:${port}` },
        { address: `0.0.0.0:${open}`, options: { receive_override_options: 'no_milters' } },
        { address: `0.0.0.0:${releasePort}` },
      ],
    });
  });
  afterAll(async () => {
    await postfix.stop();
    rmSync(place.directory, { recursive: true, force: true });
  });

  it('says what is missing and what is open', async () => {
    const facts = await readPostfix(postfix.configDirectory, namesToRead(site));
    const lines = [...checkPostfix(site, facts), ...(await checkReach(site, facts))];
    const states = (subject: string): string[] => linesAbout(lines, subject).map((line) => line.state);
    expect(states('smtpd_milters =')).toEqual(['missing', 'ok']);
    expect(states('milter_default_action =')).toEqual(['ok']);
    expect(states('smtpd_forbid_bare_newline =')).toEqual(['missing', 'missing']);
    expect(states(`master.cf 0.0.0.0:${site.releasePort}`)).toEqual(['differs']);
    expect(states('mynetworks =')).toEqual(['ok']);
    expect(states('smtpd_client_restrictions =')).toEqual(['missing']);
    expect(states('receive_override_options =')).toEqual(['missing']);
    const bypass = lines.filter((line) => line.cost.includes('not shown to Weir'));
    expect(bypass).toHaveLength(1);
    expect(bypass[0]?.cost).toContain('reached from other machines');
    expect(states('socket')).toEqual(['missing']);
  });

  it('says that the listener is missing where there is none', async () => {
    const facts = await readPostfix(postfix.configDirectory, namesToRead(site));
    const lines = checkPostfix({ ...site, releasePort: 1 }, facts);
    expect(linesAbout(lines, 'master.cf 127.0.0.1:1 ').map((line) => line.state)).toEqual(['missing']);
  });

  it('rejects with a plain word where there is no such Postfix', async () => {
    await expect(readPostfix(join(place.directory, 'nothing'), ['myhostname'])).rejects.toThrow(/postconf/);
  });
});
