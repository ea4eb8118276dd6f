// The connection policy: whose reverse name is missing, leads nowhere or elsewhere, and who comes too often.
import { beforeAll, describe, expect, it } from 'vitest';
import { clientStage } from '../../../filters/client/stage.js';
import type { ClientSettings } from '../../../filters/client/settings.js';
import type { Connection } from '../../../message/envelope.js';
import type { Outside, Stage } from '../../../pipeline/stage.js';
import { StateUnavailable } from '../../../state/state.js';
import { makeEarlyJob, runEarly } from '../early-job.js';
import { shown, startEarlyWorld, type EarlyWorld } from '../early-world.js';

const ZONE = {
  '1.2.0.192.in-addr.arpa': { PTR: ['good.example'] },
  'good.example': { A: ['192.0.2.1'] },
  '3.2.0.192.in-addr.arpa': { PTR: ['nowhere.example'] },
  '4.2.0.192.in-addr.arpa': { PTR: ['good.example'] },
  '5.2.0.192.in-addr.arpa': { behaviour: 'servfail' },
  '6.2.0.192.in-addr.arpa': { PTR: ['shaky.example'] },
  'shaky.example': { behaviour: 'servfail' },
  '7.2.0.192.in-addr.arpa': { PTR: ['six.example'] },
  'six.example': { AAAA: ['2001:db8:2::6'] },
  '8.2.0.192.in-addr.arpa': { PTR: ['localhost'] },
  '9.2.0.192.in-addr.arpa': { PTR: ['nowhere.example', 'two.example'] },
  'two.example': { A: ['198.51.100.1', '192.0.2.9'] },
  [`${'1.0.0.0.'.padEnd(48, '0.')}8.b.d.0.1.0.0.2.ip6.arpa`]: { PTR: ['v6.example'] },
  'v6.example': { AAAA: ['2001:db8::1'] },
} as const;

const REFUSE: Partial<ClientSettings> = { noReverseName: 'refuse', nameUnresolved: 'refuse', nameMismatch: 'refuse' };

let world: EarlyWorld;
beforeAll(async () => {
  world = await startEarlyWorld(ZONE);
});

const from = (clientAddress: string, fields: Partial<Connection> = {}) => ({
  connection: { clientAddress, clientName: null, clientPtr: null, clientResolve: 'fail' as const, ...fields },
});

async function connects(stage: Stage, clientAddress: string, fields: Partial<Connection> = {}) {
  return shown(await runEarly(stage, makeEarlyJob('connect', from(clientAddress, fields))));
}

async function mails(stage: Stage, clientAddress: string) {
  return shown(await runEarly(stage, makeEarlyJob('mail', from(clientAddress))));
}

describe('the reverse name of a client', () => {
  const cases: readonly (readonly [what: string, address: string, found: readonly string[]])[] = [
    ['leads back', '192.0.2.1', []],
    ['is missing', '192.0.2.2', ['CLIENT_NO_REVERSE_NAME']],
    ['has no address', '192.0.2.3', ['CLIENT_NAME_UNRESOLVED']],
    ['leads to another address', '192.0.2.4', ['CLIENT_NAME_MISMATCH']],
    ['cannot be looked up', '192.0.2.5', ['CLIENT_NAME_UNSURE']],
    ['has addresses that cannot be looked up', '192.0.2.6', ['CLIENT_NAME_UNSURE']],
    ['has addresses of the other family only', '192.0.2.7', ['CLIENT_NAME_MISMATCH']],
    ['is no full name', '192.0.2.8', ['CLIENT_NAME_UNRESOLVED']],
    ['is one of two, of which one leads back', '192.0.2.9', []],
    ['leads back over IPv6', '2001:db8::1', []],
    ['is missing over IPv6', '2001:db8::2', ['CLIENT_NO_REVERSE_NAME']],
    ['is not asked about in a private network', '10.1.2.3', []],
    ['is not asked about on this machine', '127.0.0.9', []],
  ];
  it.each(cases)('%s (%s)', async (_, address, found) => {
    expect(await connects(await world.make(clientStage, REFUSE), address)).toEqual(found);
  });

  it('is noted by default, and left alone where every check is off', async () => {
    expect(await connects(await world.make(clientStage), '192.0.2.2')).toEqual(['(CLIENT_NO_REVERSE_NAME)']);
    const off = await world.make(clientStage, { noReverseName: 'off', nameUnresolved: 'off', nameMismatch: 'off' });
    world.dns.forget();
    expect(await connects(off, '192.0.2.111')).toEqual([]);
    expect(world.dns.asked).toEqual([]);
  });

  it('is taken from the MTA where it found it good, and nothing is asked', async () => {
    world.dns.forget();
    expect(await connects(await world.make(clientStage, REFUSE), '192.0.2.77', { clientResolve: 'ok' })).toEqual([]);
    expect(world.dns.asked).toEqual([]);
  });

  it('is taken from the words of the MTA where nothing may be looked up', async () => {
    const stage = await world.make(clientStage, REFUSE, { resolver: null });
    const words = async (fields: Partial<Connection>) => connects(stage, '192.0.2.2', fields);
    expect(await words({ clientResolve: 'fail' })).toEqual(['CLIENT_NO_REVERSE_NAME']);
    expect(await words({ clientResolve: 'fail', clientPtr: 'x.example' })).toEqual(['CLIENT_NAME_UNRESOLVED']);
    expect(await words({ clientResolve: 'forged', clientPtr: 'x.example' })).toEqual(['CLIENT_NAME_MISMATCH']);
    expect(await words({ clientResolve: 'temp' })).toEqual(['CLIENT_NAME_UNSURE']);
    expect(await words({ clientResolve: 'unknown' })).toEqual([]);
  });

  it('is spared for exempt networks', async () => {
    const stage = await world.make(clientStage, { ...REFUSE, exemptNetworks: ['192.0.2.0/24'] });
    expect(await connects(stage, '192.0.2.2')).toEqual([]);
  });

  it('refuses with RFC 7372, and for now where nothing is known; rules may spare it', () => {
    const restrictions = clientStage.spec.findings.filter(({ check }) => check === 'restriction');
    expect(restrictions.map(({ id, reply, action }) => [id, reply?.code, reply?.enhanced, action])).toEqual([
      ['CLIENT_NO_REVERSE_NAME', 550, '5.7.25', undefined],
      ['CLIENT_NAME_UNRESOLVED', 550, '5.7.25', undefined],
      ['CLIENT_NAME_MISMATCH', 550, '5.7.25', undefined],
      ['CLIENT_NAME_UNSURE', 450, '4.7.25', 'tempfail'],
    ]);
  });
});

describe('caps of a client', () => {
  const CAPS = { connectionsPerMinute: 2, messagesPerMinute: 3, noReverseName: 'off' } as const;

  it('block connections for one minute, and then no more', async () => {
    const stage = await world.make(clientStage, CAPS);
    expect(await connects(stage, '198.51.100.1')).toEqual([]);
    expect(await connects(stage, '198.51.100.1')).toEqual([]);
    for (let more = 0; more < 3; more += 1)
      expect(await connects(stage, '198.51.100.1')).toEqual(['CLIENT_CONNECTIONS_OVER_CAP']);
    expect(await connects(stage, '198.51.100.2')).toEqual([]);
    world.clock.pass(59_999);
    expect(await connects(stage, '198.51.100.1')).toEqual(['CLIENT_CONNECTIONS_OVER_CAP']);
    world.clock.pass(1);
    expect(await connects(stage, '198.51.100.1')).toEqual([]);
  });

  it('block messages for one minute, apart from connections', async () => {
    const stage = await world.make(clientStage, CAPS);
    for (let more = 0; more < 3; more += 1) expect(await mails(stage, '198.51.100.3')).toEqual([]);
    expect(await mails(stage, '198.51.100.3')).toEqual(['CLIENT_MESSAGES_OVER_CAP']);
    expect(await connects(stage, '198.51.100.3')).toEqual([]);
    world.clock.pass(60_000);
    expect(await mails(stage, '198.51.100.3')).toEqual([]);
  });

  it('count an IPv6 /64 as one, and all workers together', async () => {
    const workers = [await world.make(clientStage, CAPS), await world.make(clientStage, CAPS)];
    const found = await Promise.all(
      ['2001:db8:9::1', '2001:db8:9::2', '2001:db8:9:0:ffff::', '2001:db8:9:1::1'].map((address, index) =>
        connects(workers[index % 2] as Stage, address),
      ),
    );
    expect(found.slice(0, 3).flat()).toEqual(['CLIENT_CONNECTIONS_OVER_CAP']);
    expect(found[3]).toEqual([]);
  });

  it('count what Postfix tells by milter and by policy protocol once each', async () => {
    const stage = await world.make(clientStage, CAPS);
    const milter = { macros: new Map([['j', 'mx.house.test']]) };
    for (let more = 0; more < 2; more += 1) {
      expect(await connects(stage, '198.51.100.9', milter)).toEqual([]);
      expect(await connects(stage, '198.51.100.9')).toEqual([]);
    }
    expect(await connects(stage, '198.51.100.9', milter)).toEqual(['CLIENT_CONNECTIONS_OVER_CAP']);
    expect(await connects(stage, '198.51.100.9')).toEqual(['CLIENT_CONNECTIONS_OVER_CAP']);
  });

  it('are none by default, for exempt networks, without a store, and for a client nobody knows', async () => {
    const five = async (stage: Stage, address: string | null) => {
      const all: string[] = [];
      for (let more = 0; more < 5; more += 1)
        all.push(...shown(await runEarly(stage, makeEarlyJob('mail', { connection: { clientAddress: address } }))));
      return all;
    };
    expect(await five(await world.make(clientStage), '198.51.100.4')).toEqual([]);
    const exempt = await world.make(clientStage, { ...CAPS, exemptNetworks: ['198.51.100.0/24'] });
    expect(await five(exempt, '198.51.100.4')).toEqual([]);
    const without: Partial<Outside> = { state: null };
    expect(await five(await world.make(clientStage, CAPS, without), '198.51.100.4')).toEqual([]);
    expect(await five(await world.make(clientStage, CAPS), null)).toEqual([]);
  });

  it('answer for now, and no rule spares them', () => {
    const caps = clientStage.spec.findings.filter(({ id }) => id.endsWith('_OVER_CAP'));
    expect(caps.map(({ reply, action, check }) => [reply?.code, reply?.enhanced, action, check])).toEqual([
      [421, '4.7.0', 'tempfail', undefined],
      [450, '4.7.1', 'tempfail', undefined],
    ]);
  });

  it('leave a store that fails to the policy of the stage', async () => {
    const stage = await world.make(clientStage, CAPS);
    world.state.fail(true);
    await expect(mails(stage, '198.51.100.5')).rejects.toBeInstanceOf(StateUnavailable);
    world.state.fail(false);
    expect(clientStage.spec.onBreak).toBe('continue');
  });
});

describe('settings', () => {
  it('name the entry that is no network', () => {
    const settings = { exemptNetworks: ['192.0.2.0/24', '192.0.2.0/33'] } as unknown as ClientSettings;
    expect(clientStage.spec.check?.(settings, undefined as never)).toEqual([
      { path: ['exemptNetworks', '2'], expected: 'an address or a network such as 192.0.2.0/24' },
    ]);
  });
});
