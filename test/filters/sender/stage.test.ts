// The sender policy: domains that cannot be answered, and senders that belong to a login.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SenderSettings } from '../../../filters/sender/settings.js';
import { NOTE_WAIT_MS, REFUSE_WAIT_MS } from '../../../filters/restriction.js';
import { senderStage } from '../../../filters/sender/stage.js';
import type { Resolver } from '../../../outside/resolver.js';
import type { Stage, StageReport } from '../../../pipeline/stage.js';
import { makePlace, type Place } from '../../ground/place.js';
import { makeEarlyJob, runEarly, type EarlyFields } from '../early-job.js';
import { shown, startEarlyWorld, type EarlyWorld } from '../early-world.js';

const ZONE = {
  'mx.example': { MX: [[10, 'mail.mx.example']] },
  'a.example': { A: ['192.0.2.1'] },
  'six.example': { AAAA: ['2001:db8::1'] },
  'null.example': { MX: [[0, '.']] },
  'numbers.example': { MX: [[10, '192.0.2.1']] },
  'roots.example': {
    MX: [
      [0, '.'],
      [10, '.'],
    ],
  },
  'one-good.example': {
    MX: [
      [10, '192.0.2.1'],
      [20, 'mail.mx.example'],
    ],
  },
  'empty.example': { TXT: ['nothing else'] },
  'shaky.example': { behaviour: 'servfail' },
  'half.example': { A: ['192.0.2.1'], behaviour: { MX: 'servfail' } },
  'half-gone.example': { TXT: ['x'], behaviour: { MX: 'servfail' } },
  'xn--bcher-kva.example': { A: ['192.0.2.1'] },
} as const;

let world: EarlyWorld;
let place: Place;
beforeAll(async () => {
  world = await startEarlyWorld(ZONE);
  place = makePlace('sender');
  writeFileSync(join(place.directory, 'logins'), 'ann@house.test ann\nteam@house.test ann,bob\n@secret.test eve\n');
});
afterAll(() => place.remove());

const REFUSE = { notFqdn: 'refuse', unknownDomain: 'refuse', malformedMx: 'refuse', nullMx: 'refuse' } as const;

async function mails(stage: Stage, mailFrom: string, fields: EarlyFields = {}) {
  return shown(await runEarly(stage, makeEarlyJob('mail', { mailFrom, ...fields })));
}

describe('the domain of a sender', () => {
  const cases: readonly (readonly [sender: string, found: readonly string[]])[] = [
    ['', []],
    ['x@mx.example', []],
    ['x@MX.Example', []],
    ['x@a.example', []],
    ['x@six.example', []],
    ['x@half.example', []],
    ['x@one-good.example', []],
    ['x@bücher.example', []],
    ['x@house.test', []],
    ['x@[192.0.2.1]', []],
    ['x@[IPv6:2001:db8::1]', []],
    ['"a@b"@a.example', []],
    ['x', ['SENDER_NOT_FQDN']],
    ['x@localhost', ['SENDER_NOT_FQDN']],
    ['x@', ['SENDER_NOT_FQDN']],
    ['x@192.0.2.1', ['SENDER_NOT_FQDN']],
    ['x@[192.0.2]', ['SENDER_NOT_FQDN']],
    ['x@two..dots.example', ['SENDER_NOT_FQDN']],
    [`x@${'y'.repeat(64)}.example`, ['SENDER_NOT_FQDN']],
    ['x@none.example', ['SENDER_DOMAIN_UNKNOWN']],
    ['x@empty.example', ['SENDER_DOMAIN_UNKNOWN']],
    ['x@null.example', ['SENDER_NULL_MX']],
    ['x@numbers.example', ['SENDER_MX_MALFORMED']],
    ['x@roots.example', ['SENDER_MX_MALFORMED']],
    ['x@shaky.example', ['SENDER_DOMAIN_UNSURE']],
    ['x@half-gone.example', ['SENDER_DOMAIN_UNSURE']],
  ];
  it.each(cases)('of %j', async (sender, found) => {
    expect(await mails(await world.make(senderStage, REFUSE), sender)).toEqual(found);
  });

  it('is refused by default only where its owner asks for it; a DNS that fails then stops nobody', async () => {
    const stage = await world.make(senderStage);
    expect(await mails(stage, 'x@null.example')).toEqual(['SENDER_NULL_MX']);
    const noted = ['x@localhost', 'x@none.example', 'x@numbers.example', 'x@shaky.example'];
    const found = await Promise.all(noted.map((sender) => mails(stage, sender)));
    expect(found.flat()).toEqual([
      '(SENDER_NOT_FQDN)',
      '(SENDER_DOMAIN_UNKNOWN)',
      '(SENDER_MX_MALFORMED)',
      '(SENDER_DOMAIN_UNSURE)',
    ]);
  });

  it('keeps mail waiting for a silent DNS only where a refusal hangs on it', async () => {
    const waits: (number | undefined)[] = [];
    const resolver: Resolver = {
      lookup: (_type, _name, options) => {
        waits.push(options?.timeoutMs);
        return Promise.resolve({ status: 'timeout', detail: 'silent' });
      },
    };
    await mails(await world.make(senderStage, {}, { resolver }), 'x@silent.example');
    await mails(await world.make(senderStage, REFUSE, { resolver }), 'x@silent.example');
    expect(waits).toEqual([NOTE_WAIT_MS, REFUSE_WAIT_MS]);
  });

  it('is of no interest in mail from inside and from trusted relays, whose client is not known', async () => {
    const stage = await world.make(senderStage, REFUSE);
    expect(await mails(stage, 'x@none.example', { directions: ['sent', 'internal'] })).toEqual([]);
    expect(await mails(stage, 'x@none.example', { connection: { clientAddress: null } })).toEqual([]);
  });

  it('is not looked up where every check that needs it is off, or nothing may be', async () => {
    world.dns.forget();
    const off = await world.make(senderStage, { ...REFUSE, unknownDomain: 'off', malformedMx: 'off', nullMx: 'off' });
    expect(await mails(off, 'x@none.example')).toEqual([]);
    expect(await mails(await world.make(senderStage, REFUSE, { resolver: null }), 'x@none.example')).toEqual([]);
    expect(world.dns.asked).toEqual([]);
  });

  it('has replies that senders know; what is not known is refused for now', () => {
    const replies = senderStage.spec.findings.map(({ id, reply, action, check }) => [
      id,
      `${reply?.code} ${reply?.enhanced}`,
      action ?? 'reject',
      check ?? '-',
    ]);
    expect(replies).toEqual([
      ['SENDER_NOT_FQDN', '550 5.1.8', 'reject', 'restriction'],
      ['SENDER_DOMAIN_UNKNOWN', '550 5.1.8', 'reject', 'restriction'],
      ['SENDER_MX_MALFORMED', '550 5.1.8', 'reject', 'restriction'],
      ['SENDER_NULL_MX', '550 5.7.27', 'reject', 'restriction'],
      ['SENDER_DOMAIN_UNSURE', '451 4.4.3', 'tempfail', 'restriction'],
      ['SENDER_NOT_OWNED', '553 5.7.1', 'reject', 'ownership'],
      ['SENDER_NEEDS_LOGIN', '553 5.7.1', 'reject', 'ownership'],
      ['SENDER_OWNER_UNSURE', '451 4.3.0', 'tempfail', 'ownership'],
    ]);
  });
});

describe('the owner of a sender', () => {
  const make = (settings: Partial<SenderSettings> = {}) =>
    world.make(senderStage, { loginsFile: join(place.directory, 'logins'), unknownDomain: 'off', ...settings });
  const INSIDE = { directions: ['sent', 'internal'] } as const;

  it('is whoever logged in', async () => {
    const stage = await make();
    const as = (login: string, sender: string) => mails(stage, sender, { login, ...INSIDE });
    expect(await as('ann', 'ann@house.test')).toEqual([]);
    expect(await as('ANN', 'Ann+tag@House.test')).toEqual([]);
    expect(await as('bob', 'team@house.test')).toEqual([]);
    expect(await as('bob', 'ann@house.test')).toEqual(['SENDER_NOT_OWNED']);
    expect(await as('bob', 'stranger@outside.test')).toEqual(['SENDER_NOT_OWNED']);
    expect(await as('eve', 'anybody@secret.test')).toEqual([]);
    expect(await as('bob', '')).toEqual([]);
  });

  it('is the same under every name of a domain', async () => {
    const underMainName = (address: string) => address.replace(/@haus\.test$/i, '@house.test');
    const as = async (login: string | null, sender: string) =>
      mails(await make(), sender, { login, underMainName, ...INSIDE });
    expect(await as('ann', 'ann@haus.test')).toEqual([]);
    expect(await as('ann@house.test', 'ann@haus.test')).toEqual([]);
    expect(await as('bob', 'ann@haus.test')).toEqual(['SENDER_NOT_OWNED']);
    expect(await as(null, 'ann@HAUS.test')).toEqual(['SENDER_NEEDS_LOGIN']);
  });

  it('is a login that is the address, unless that is switched off', async () => {
    const own = { login: 'zoe@house.test', ...INSIDE };
    expect(await mails(await make(), 'Zoe@house.test', own)).toEqual([]);
    expect(await mails(await make({ loginIsAddress: false }), 'zoe@house.test', own)).toEqual(['SENDER_NOT_OWNED']);
  });

  it('must log in: from outside, from own networks, and behind trusted relays, which a switch exempts', async () => {
    const places: readonly EarlyFields[] = [{}, INSIDE, { connection: { clientAddress: null } }];
    const found = async (stage: Stage) => Promise.all(places.map((fields) => mails(stage, 'ann@house.test', fields)));
    expect(await found(await make())).toEqual(Array(3).fill(['SENDER_NEEDS_LOGIN']));
    expect(await found(await make({ exemptOwnNetworks: true }))).toEqual([['SENDER_NEEDS_LOGIN'], [], []]);
    expect(await mails(await make(), 'nobodys@house.test')).toEqual([]);
  });

  it('is not asked for of programs of this machine', async () => {
    const local = { connection: { smtp: false, clientAddress: null }, ...INSIDE };
    expect(await mails(await make(), 'ann@house.test', local)).toEqual([]);
  });

  it('is spared by a rule on the client, never by one on sender, domain or recipient', async () => {
    const stage = await make();
    const rule = { findings: [], exempts: [{ check: 'restriction' as const, rule: 'r' }] };
    const after = async (atConnect: readonly StageReport[], atMail: readonly StageReport[]) => {
      const before = await runEarly(
        stage,
        makeEarlyJob('connect', { results: (one) => (one === 'access' ? atConnect : []) }),
      );
      const results = (one: string) => (one === 'access' ? atMail : one === 'sender' ? [before] : []);
      return mails(stage, 'ann@house.test', { results });
    };
    expect(await after([], [])).toEqual(['SENDER_NEEDS_LOGIN']);
    expect(await after([rule], [])).toEqual([]);
    expect(await after([], [rule])).toEqual(['SENDER_NEEDS_LOGIN']);
  });

  it('is noted or not asked for where so set, and never without a map', async () => {
    expect(await mails(await make({ ownership: 'note' }), 'ann@house.test')).toEqual(['(SENDER_NEEDS_LOGIN)']);
    expect(await mails(await make({ ownership: 'off' }), 'ann@house.test')).toEqual([]);
    expect(await mails(await make({ loginsFile: '' }), 'ann@house.test')).toEqual([]);
  });

  it('that cannot be looked up is refused for now, and told by the health check', async () => {
    const stage = await make({ loginsFile: '', loginTables: ['texthash:/nonexistent/logins'] });
    expect(await mails(stage, 'ann@house.test')).toEqual(['SENDER_OWNER_UNSURE']);
    expect(await stage.check?.(new AbortController().signal)).toMatchObject([{ name: 'map of logins', state: 'fail' }]);
    expect(await (await make()).check?.(new AbortController().signal)).toMatchObject([{ state: 'ok' }]);
  });
});
