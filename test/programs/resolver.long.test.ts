// The resolver in the programs: a running server asks the servers of its settings, takes others at a reload, raises and
// clears the alert; `weir scan` asks the server it is given and nobody without; `weir doctor` asks each.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERTS } from '../../logs/alerts.js';
import { submitMessage } from '../../milter/client.js';
import type { DoctorLine } from '../../programs/doctor-checks.js';
import { waitUntil } from '../ground/place.js';
import { startScriptedDns, type ScriptedDns } from '../ground/scripted-dns.js';
import { openHouse, type House } from './house-of-processes.js';

const WAIT_MS = 20_000;
const ZONE = {
  '': { NS: ['ns.test'] },
  'example.org': { TXT: ['v=spf1 ip4:192.0.2.1 -all'], A: ['192.0.2.1'], MX: [[0, 'example.org']] as const },
  'example.com': { TXT: ['v=spf1 -all'] },
};

describe('the resolver', () => {
  let first: ScriptedDns;
  let second: ScriptedDns;
  let house: House;

  const section = (server: ScriptedDns): string =>
    `resolver: { servers: ['${server.address}'], timeoutMs: 600, failureTtlS: 1, ttlMinS: 0 }\n`;

  beforeAll(async () => {
    [first, second] = [await startScriptedDns(ZONE), await startScriptedDns(ZONE)];
    house = await openHouse({ workers: 1, more: section(first) });
  }, 60_000);
  afterAll(async () => {
    await house.end();
    await Promise.all([first.stop(), second.stop()]);
  });

  const examine = async (): Promise<readonly DoctorLine[]> => {
    const { stdout } = await house.weir.run(['doctor', '--json']);
    return (JSON.parse(stdout) as { lines: readonly DoctorLine[] }).lines;
  };
  const isAlerted = async (): Promise<boolean> =>
    (await examine()).some(({ advice }) => advice === ALERTS['resolver-failing'].action);
  const count = (server: ScriptedDns): number => server.count('example.org', 'TXT');

  it('asks the servers of the settings, and others after a reload', async () => {
    await house.submit('one');
    expect([count(first) > 0, count(second)]).toEqual([true, 0]);
    const { version } = await house.status();
    house.rewrite(house.config.replace(first.address, second.address));
    house.weir.signal('SIGHUP');
    await waitUntil('the reload', WAIT_MS, async () => (await house.status()).version !== version);
    const before = count(first);
    await house.submit('two');
    expect([count(first), count(second) > 0]).toEqual([before, true]);
  });

  it('raises the alert when all servers are silent, and clears it when one answers', async () => {
    second.setAll({ behaviour: 'silent' });
    let sent = 0;
    await waitUntil('the alert', WAIT_MS, async () => {
      sent += 1;
      // A sender that no cache knows.
      const mail = { ...house.mailOf('silent', 'silent'), mailFrom: `alice@n${String(sent)}.test` };
      await submitMessage({ path: house.socket }, mail);
      return isAlerted();
    });
    second.setAll(null);
    await waitUntil('the end of the alert', WAIT_MS, async () => !(await isAlerted()));
  }, 60_000);

  it('is asked by the doctor: each server with its time', async () => {
    const lines = (await examine()).filter(({ area }) => area === 'resolver');
    expect(lines).toMatchObject([{ state: 'ok' }]);
    expect(lines[0]?.detail).toMatch(new RegExp(`^${second.address} answers in [0-9]+ ms$`));
    second.setAll({ behaviour: 'refused' });
    const refused = (await examine()).filter(({ area }) => area === 'resolver');
    expect(refused).toMatchObject([{ state: 'warn' }]);
    expect(refused[0]?.detail).toContain('but the server said REFUSED');
    second.setAll({ behaviour: 'silent' });
    expect((await examine()).filter(({ area }) => area === 'resolver')).toMatchObject([{ state: 'fail' }]);
    second.setAll(null);
  });

  it('of `weir scan` is the one it is given, and none without', async () => {
    const file = join(house.directory, 'mail.eml');
    writeFileSync(file, house.mailOf('scan', 'scan').content);
    const scan = async (...more: string[]): Promise<string> => {
      const given = ['--json', '--ip', '192.0.2.9', '--mail-from', 'alice@example.com', '--rcpt-to', 'bob@house.test'];
      const { stdout } = await house.weir.run(['scan', ...given, ...more, file]);
      return stdout;
    };
    first.forget();
    second.forget();
    expect(await scan()).not.toContain('SPF_FAIL');
    expect([first.asked, second.asked]).toEqual([[], []]);
    expect(await scan('--resolver', first.address)).toContain('SPF_FAIL');
    expect(first.count('example.com', 'TXT')).toBe(1);
    expect(second.asked).toEqual([]);
    const { status, stderr } = await house.weir.run(['scan', '--resolver', 'ns.example', file]);
    expect([status, stderr]).toEqual([64, expect.stringContaining('--resolver takes address')]);
  });
});
