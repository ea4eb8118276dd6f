// Rules of conduct: HELO names, and clients that try out recipients.
import { beforeAll, describe, expect, it } from 'vitest';
import { conductStage, isAddressLiteral } from '../../../filters/conduct/stage.js';
import { completeConduct, type ConductSettings } from '../../../filters/conduct/settings.js';
import { Value } from 'typebox/value';
import type { Stage, StageReport } from '../../../pipeline/stage.js';
import { StateUnavailable } from '../../../state/state.js';
import { makeEarlyJob, makeRefused, runEarly, type EarlyFields } from '../early-job.js';
import { shown, startEarlyWorld, type EarlyWorld } from '../early-world.js';

const ZONE = {
  'mail.example': { A: ['192.0.2.1'] },
  'six.example': { AAAA: ['2001:db8::1'] },
  'mx-only.example': { MX: [[10, 'mail.example']] },
  'empty.example': { TXT: ['nothing else'] },
  'shaky.example': { behaviour: 'servfail' },
  'half.example': { A: ['192.0.2.1'], behaviour: { AAAA: 'servfail' } },
  '20.113.0.203.allow.example': { A: ['127.0.5.1'] },
  '21.113.0.203.allow.example': { A: ['127.0.9.1'] },
  '22.113.0.203.allow.example': { A: ['127.255.255.254'] },
} as const;

let world: EarlyWorld;
beforeAll(async () => {
  world = await startEarlyWorld(ZONE);
});

const REFUSE = { heloNotFqdn: 'refuse', heloUnresolved: 'refuse' } as const;

describe('HELO', () => {
  const cases: readonly (readonly [helo: string, found: readonly string[]])[] = [
    ['mail.example', []],
    ['MAIL.Example.', []],
    ['six.example', []],
    ['mx-only.example', []],
    ['half.example', []],
    ['[192.0.2.1]', []],
    ['[IPv6:2001:db8::1]', []],
    ['[ipv6:2001:db8::1]', []],
    ['localhost', ['HELO_NOT_FQDN']],
    ['192.0.2.1', ['HELO_NOT_FQDN']],
    ['[192.0.2]', ['HELO_NOT_FQDN']],
    ['[192.0.2.256]', ['HELO_NOT_FQDN']],
    ['[2001:db8::1]', ['HELO_NOT_FQDN']],
    ['[IPv6:2001:db8::g]', ['HELO_NOT_FQDN']],
    ['[]', ['HELO_NOT_FQDN']],
    ['two..dots', ['HELO_NOT_FQDN']],
    ['"><script>.example', ['HELO_NOT_FQDN']],
    ['', ['HELO_NOT_FQDN']],
    [`${'x'.repeat(64)}.example`, ['HELO_NOT_FQDN']],
    ['none.example', ['HELO_UNRESOLVED']],
    ['empty.example', ['HELO_UNRESOLVED']],
    ['shaky.example', ['HELO_UNSURE']],
  ];
  it.each(cases)('%j', async (helo, found) => {
    const stage = await world.make(conductStage, REFUSE);
    expect(shown(await runEarly(stage, makeEarlyJob('helo', { connection: { helo } })))).toEqual(found);
  });

  const helo = async (stage: Stage, name: string) =>
    shown(await runEarly(stage, makeEarlyJob('helo', { connection: { helo: name } })));

  it('is noted by default, and left alone where it is off or the network exempt', async () => {
    const stage = await world.make(conductStage);
    expect(await helo(stage, 'localhost')).toEqual(['(HELO_NOT_FQDN)']);
    expect(await helo(stage, 'none.example')).toEqual(['(HELO_UNRESOLVED)']);
    expect(await helo(stage, 'shaky.example')).toEqual(['(HELO_UNSURE)']);
    const off = await world.make(conductStage, { heloNotFqdn: 'off', heloUnresolved: 'off' });
    expect(off.onHelo).toBeUndefined();
    const exempt = await world.make(conductStage, { ...REFUSE, exemptNetworks: ['203.0.113.0/24'] });
    expect(await helo(exempt, 'localhost')).toEqual([]);
  });

  it('is judged by its form alone where nothing may be looked up', async () => {
    const stage = await world.make(conductStage, REFUSE, { resolver: null });
    expect(await helo(stage, 'none.example')).toEqual([]);
    expect(await helo(stage, 'localhost')).toEqual(['HELO_NOT_FQDN']);
  });

  it('has literals as RFC 5321 writes them', () => {
    expect(isAddressLiteral('[127.0.0.1]')).toBe(true);
    for (const text of ['127.0.0.1', '[1.2.3.4', '[IPv6:]', '[IPv6:1.2.3.4.5]', '[::1]', '[1]'])
      expect(isAddressLiteral(text), text).toBe(false);
  });
});

describe('a directory harvest', () => {
  const CAP: Partial<ConductSettings> = { unknownRecipientsPerDay: 2 };

  async function name(
    stage: Stage,
    clientAddress: string,
    recipients: readonly string[],
    fields: EarlyFields & { readonly status?: string } = {},
  ) {
    for (const rcptTo of recipients)
      await stage.onRefusedRcpt?.(makeRefused({ ...fields, rcptTo, connection: { clientAddress } }));
  }

  /** What the client is answered at every moment of a new session. */
  async function answers(stage: Stage, clientAddress: string, results: EarlyFields['results'] = () => []) {
    const reports: StageReport[] = [];
    for (const moment of ['connect', 'mail', 'rcpt'] as const) {
      const own = (stageName: string) => (stageName === 'conduct' ? reports : results(stageName));
      reports.push(await runEarly(stage, makeEarlyJob(moment, { connection: { clientAddress }, results: own })));
    }
    return reports.map(shown);
  }

  const BLOCKED = [['HARVEST_BLOCKED'], ['HARVEST_BLOCKED'], ['HARVEST_BLOCKED']];
  const FREE = [[], [], []];
  const STRANGERS = ['ann@house.test', 'bob@house.test', 'eve@house.test'];

  it('is blocked at once, for a day', async () => {
    const stage = await world.make(conductStage, CAP);
    await name(stage, '203.0.113.10', STRANGERS.slice(0, 2));
    expect(await answers(stage, '203.0.113.10')).toEqual(FREE);
    await name(stage, '203.0.113.10', STRANGERS);
    expect(await answers(stage, '203.0.113.10')).toEqual(BLOCKED);
    expect(await answers(await world.make(conductStage, CAP), '203.0.113.10')).toEqual(BLOCKED);
    expect(await answers(stage, '203.0.113.11')).toEqual(FREE);
    world.clock.pass(86_400_000);
    expect(await answers(stage, '203.0.113.10')).toEqual(FREE);
  });

  it('is counted over an IPv6 /64', async () => {
    const stage = await world.make(conductStage, CAP);
    for (const [index, recipient] of STRANGERS.entries()) await name(stage, `2001:db8:7::${index + 1}`, [recipient]);
    expect(await answers(stage, '2001:db8:7::ffff')).toEqual(BLOCKED);
  });

  it('is made of refusals as unknown only, and never of users', async () => {
    const stage = await world.make(conductStage, CAP);
    for (const status of ['5.7.1', '4.1.1', '5.1.10', '5.2.1', ''])
      await name(stage, '203.0.113.12', STRANGERS, { status });
    await name(stage, '203.0.113.12', STRANGERS, { login: 'ann' });
    expect(await answers(stage, '203.0.113.12')).toEqual(FREE);
  });

  it('does not block clients of a rule or an allow list, or of exempt networks', async () => {
    const stage = await world.make(conductStage, { ...CAP, exemptLists: ['allow.example=127.0.5.[0..255]'] });
    for (const address of ['203.0.113.20', '203.0.113.21', '203.0.113.22', '203.0.113.23'])
      await name(stage, address, STRANGERS);
    expect(await answers(stage, '203.0.113.20')).toEqual(FREE);
    // Another code, an error code of the list, and no entry vouch for nobody.
    for (const address of ['203.0.113.21', '203.0.113.22', '203.0.113.23'])
      expect(await answers(stage, address)).toEqual(BLOCKED);
    const spared = {
      findings: [],
      exempts: [{ check: 'restriction', rule: 'ip 203.0.113.23' }],
      moment: 'connect',
    } as const;
    expect(await answers(stage, '203.0.113.23', (one) => (one === 'access' ? [spared] : []))).toEqual(FREE);
    const exempt = await world.make(conductStage, { ...CAP, exemptNetworks: ['203.0.113.0/24'] });
    expect(await answers(exempt, '203.0.113.23')).toEqual(FREE);
  });

  it('is blocked whatever a rule on the sender spares', async () => {
    const stage = await world.make(conductStage, CAP);
    await name(stage, '203.0.113.24', STRANGERS);
    const spared = { findings: [], exempts: [{ check: 'restriction', rule: 'sender x' }] } as const;
    const results = (one: string) => (one === 'access' ? [spared] : []);
    const job = makeEarlyJob('mail', { connection: { clientAddress: '203.0.113.24' }, results });
    expect(shown(await runEarly(stage, job))).toEqual(['HARVEST_BLOCKED']);
  });

  it('is not looked for by default nor without a store; a store that fails breaks the stage', async () => {
    expect((await world.make(conductStage)).onRefusedRcpt).toBeUndefined();
    expect((await world.make(conductStage, CAP, { state: null })).onRefusedRcpt).toBeUndefined();
    const stage = await world.make(conductStage, CAP);
    world.state.fail(true);
    await expect(name(stage, '203.0.113.30', ['x@house.test'])).rejects.toBeInstanceOf(StateUnavailable);
    world.state.fail(false);
  });

  it('answers for now, and no rule on senders spares it', () => {
    const spec = conductStage.spec.findings.find(({ id }) => id === 'HARVEST_BLOCKED');
    expect(spec).toMatchObject({ action: 'tempfail', reply: { code: 421, enhanced: '4.7.1' } });
    expect(spec?.check).toBeUndefined();
  });
});

describe('settings', () => {
  const defaults = Value.Create(conductStage.spec.settings);

  it('trust the allow lists of `lists`, those with a key left out', () => {
    const sites = [
      { list: 'list.dnswl.example*-2', ask: ['client'] },
      { list: 'bl.example*3', ask: ['client'] },
      { list: 'names.example*-1', ask: ['sender'] },
      { list: '{key}.paid.example*-1', ask: ['client'], keyFile: '/k' },
    ];
    const complete = (lists: Record<string, unknown>) => completeConduct(defaults, { lists }).exemptLists;
    expect(complete({ enabled: true, sites })).toEqual(['list.dnswl.example*-2']);
    expect(complete({ enabled: false, sites })).toEqual([]);
    expect(completeConduct(defaults, {}).exemptLists).toEqual([]);
  });

  it('name the list that is none', () => {
    const objections = conductStage.spec.check?.(
      { ...defaults, exemptLists: ['ok.example', 'no list'] },
      undefined as never,
    );
    expect(objections).toHaveLength(1);
    expect(objections?.[0]).toMatchObject({ path: ['exemptLists', '2'] });
  });
});
