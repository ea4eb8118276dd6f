// The stage as a whole over a zone in memory: what runs for whom, the header it writes, the time it keeps, what a seal is
// given, and when the operator is told of DNS.
import { describe, expect, it } from 'vitest';
import type { AuthenticationFacts } from '../../../filters/authentication/facts.js';
import { createSealer } from '../../../filters/authentication/seal.js';
import type { AuthenticationSettings } from '../../../filters/authentication/settings.js';
import { authenticationStage } from '../../../filters/authentication/stage.js';
import type { Resolver } from '../../../outside/resolver.js';
import { applyEdits } from '../../../pipeline/edits.js';
import type { Edit } from '../../../pipeline/answer.js';
import type { SealBasis, StageReport } from '../../../pipeline/stage.js';
import type { Zone } from '../../ground/scripted-zone.js';
import { makeConnection } from '../../ground/transaction.js';
import { idsOf, makeJob, makeOutside, makeStage, runStage } from '../message-job.js';
import { settingsWith } from './facts-made.js';
import { RSA, signed } from './signing.js';
import { zoneResolver } from './zone-resolver.js';

const CLIENT = '203.0.113.5';
const ZONE: Zone = {
  'outside.test': { TXT: [`v=spf1 ip4:${CLIENT} -all`] },
  '_dmarc.outside.test': { TXT: ['v=DMARC1; p=reject'] },
  's1._domainkey.outside.test': { TXT: [RSA.record] },
  'strange.test': { TXT: ['v=spf1 -all'] },
  '_dmarc.strange.test': { TXT: ['v=DMARC1; p=reject'] },
  'seal._domainkey.list.test': { TXT: [RSA.record] },
};
const MAIL =
  'From: Anna <a@outside.test>\r\nTo: b@house.test\r\nSubject: x\r\nDate: Fri, 1 May 2026 00:00:00 +0000\r\nMessage-ID: <1@outside.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhello\r\n';
const SIGNED = signed(MAIL, { tags: { d: 'outside.test', s: 's1' } });

interface RunOptions {
  readonly settings?: AuthenticationSettings;
  readonly resolver?: Resolver | null;
  readonly job?: Parameters<typeof makeJob>[1];
}

async function run(raw: string | Buffer, { settings = settingsWith({}), resolver, job }: RunOptions = {}) {
  const outside = { ...makeOutside(), resolver: resolver === undefined ? zoneResolver(ZONE) : resolver };
  const stage = await makeStage(authenticationStage, settings, outside);
  return runStage(stage, makeJob(raw, job));
}

const factsOf = (report: StageReport) => report.facts as AuthenticationFacts;
const headerOf = ({ edits = [] }: StageReport) =>
  edits.flatMap((edit) => (edit.kind === 'prepend-header' ? [`${edit.name}: ${edit.value}`] : []));

describe('what runs', () => {
  it('all methods for received mail, with a header on top', async () => {
    const report = await run(SIGNED);
    expect(factsOf(report)).toMatchObject({
      spf: { result: 'pass' },
      dkim: [{ result: 'pass' }],
      dmarc: { result: 'pass', alignedSpf: true, alignedDkim: true },
      arc: { result: 'none' },
    });
    expect(headerOf(report)).toHaveLength(1);
    expect(headerOf(report)[0]).toMatch(
      /^Authentication-Results: mx\.house\.test;\n\tiprev=pass .*spf=pass.*dkim=pass.*dmarc=pass/s,
    );
    expect(idsOf(report)).toEqual(['AUTH_SPF_PASS', 'AUTH_DKIM_PASS', 'AUTH_DMARC_PASS']);
    expect(report.findings.every(({ score }) => score === 0)).toBe(true);
  });

  it('nothing at all without a resolver', async () => {
    expect(await run(`Authentication-Results: mx.house.test; spf=pass\r\n${MAIL}`, { resolver: null })).toEqual({
      findings: [],
    });
  });

  it.each(['sent', 'internal'] as const)('for %s mail nothing but that forgeries go', async (direction) => {
    const resolver = zoneResolver(ZONE);
    const report = await run(`Authentication-Results: mx.house.test; spf=pass\r\n${MAIL}`, {
      resolver,
      job: { directions: [direction] },
    });
    expect(report).toEqual({
      findings: [],
      edits: [{ kind: 'delete-header', name: 'Authentication-Results', occurrence: 1 }],
    });
    expect(resolver.asked).toEqual([]);
  });

  it('only what is on; SPF and DKIM for DMARC all the same', async () => {
    const off = { enabled: false };
    const forDmarc = await run(SIGNED, { settings: settingsWith({ spf: off, dkim: off, arc: off }) });
    expect(idsOf(forDmarc)).toEqual(['AUTH_DMARC_PASS']);
    expect(factsOf(forDmarc)).toMatchObject({ spf: { result: 'pass' }, spfHelo: null, arc: null });
    expect(forDmarc.sealBasis).toBeUndefined();
    const resolver = zoneResolver(ZONE);
    const nothing = await run(SIGNED, {
      resolver,
      settings: settingsWith({ spf: off, dkim: off, dmarc: off, arc: off }),
    });
    expect(nothing.findings).toEqual([]);
    expect(resolver.asked).toEqual([]);
    expect(headerOf(nothing)[0]).toContain('iprev=pass');
  });

  it('no SPF for a client without an address', async () => {
    const report = await run(MAIL, { job: { transaction: { connection: { clientAddress: null } } } });
    expect(factsOf(report)).toMatchObject({ spf: null, spfHelo: null, dmarc: { result: 'fail' } });
  });
});

describe('whose name the results carry', () => {
  it.each([
    ['results.house.test', 'mx.house.test', 'results.house.test'],
    ['', 'mx.house.test', 'mx.house.test'],
    ['', null, 'localhost'],
    ['', 'bad name; spf=pass', 'localhost'],
  ])('set %j, the MTA says %j: %s', async (authservId, mtaName, expected) => {
    const report = await run(MAIL, {
      settings: settingsWith({ authservId }),
      job: { transaction: { connection: { mtaName } } },
    });
    expect(headerOf(report)[0]?.startsWith(`Authentication-Results: ${expected};\n`)).toBe(true);
  });

  it('other names of the site are removed too', async () => {
    const report = await run(`Authentication-Results: old.house.test; spf=pass\r\n${MAIL}`, {
      settings: settingsWith({ ownAuthservIds: ['old.house.test'] }),
    });
    expect(report.edits?.[0]).toMatchObject({ kind: 'delete-header', occurrence: 1 });
  });
});

describe('exemptions', () => {
  const refused = (report: StageReport) => idsOf(report).includes('AUTH_SPF_FAIL_REFUSED');
  const strange = { transaction: { mailFrom: 'a@strange.test' } };

  it('forwarders by network, and by a name that is confirmed', async () => {
    expect(refused(await run(MAIL, { job: strange }))).toBe(true);
    const byNetwork = settingsWith({ forwarders: { networks: ['203.0.113.0/24'] } });
    expect(refused(await run(MAIL, { job: strange, settings: byNetwork }))).toBe(false);
    const byName = settingsWith({ forwarders: { names: ['*.example'] } });
    expect(refused(await run(MAIL, { job: strange, settings: byName }))).toBe(false);
    const unconfirmed = { transaction: { ...strange.transaction, connection: { clientResolve: 'forged' as const } } };
    expect(refused(await run(MAIL, { job: unconfirmed, settings: byName }))).toBe(true);
  });

  it('rescue from DMARC only if set', async () => {
    const job = { transaction: { mailFrom: 'a@strange.test' } };
    const raw = MAIL.replace('a@outside.test', 'a@strange.test');
    const networks = ['203.0.113.5'];
    expect(idsOf(await run(raw, { job, settings: settingsWith({ forwarders: { networks } }) }))).toContain(
      'AUTH_DMARC_REJECT',
    );
    const rescuing = settingsWith({ forwarders: { networks, rescueDmarc: true } });
    expect(idsOf(await run(raw, { job, settings: rescuing }))).toContain('AUTH_DMARC_FAIL_RESCUED');
  });

  it('local policies, the first that matches', async () => {
    const policyOf = async (overrides: AuthenticationSettings['dmarc']['overrides']) => {
      const report = await run(MAIL, { job: strange, settings: settingsWith({ dmarc: { overrides } }) });
      return factsOf(report).dmarc?.applied;
    };
    expect(await policyOf([])).toBe('reject');
    expect(await policyOf([{ domain: '*.test', policy: 'quarantine' }])).toBe('quarantine');
    expect(
      await policyOf([
        { domain: 'outside.test', policy: 'as-published' },
        { domain: '*', policy: 'none' },
      ]),
    ).toBe('reject');
    expect(await policyOf([{ domain: 'OUTSIDE.test', policy: 'none' }])).toBe('none');
  });

  it('a host of the DKIM allow list is not held to its signatures', async () => {
    const broken = SIGNED.replace('hello', 'HELLO');
    expect(idsOf(await run(broken))).toContain('AUTH_DKIM_BROKEN');
    const settings = settingsWith({ dkim: { allowNetworks: [CLIENT] } });
    expect(idsOf(await run(broken, { settings }))).not.toContain('AUTH_DKIM_BROKEN');
  });
});

describe('ARC', () => {
  const sealer = createSealer({ domain: 'list.test', selector: 'seal', privateKeyPem: RSA.pem });
  /** The mail as a list passes it on: changed, and sealed with what the list saw. */
  const passedOn = (results: string) => {
    const changed = Buffer.from(MAIL.replace('Subject: x', 'Subject: [list] x'));
    const basis: SealBasis = { authservId: 'list.test', results, chain: 'none', instances: 0 };
    return applyEdits(changed, sealer.seal(changed, basis, Date.now()));
  };
  const job = { transaction: { mailFrom: 'bounce@strange.test' } };
  const trusting = settingsWith({ arc: { trustedSealers: ['list.test'] } });
  const PASSED = 'dmarc=pass header.from=outside.test';

  it('a trusted sealer that saw DMARC pass rescues the mail from DMARC and from SPF', async () => {
    const report = await run(passedOn(PASSED), { job, settings: trusting });
    expect(factsOf(report)).toMatchObject({
      arc: { result: 'pass', trusted: true, statedDmarc: 'pass' },
      dmarc: { result: 'fail', applied: 'none', override: 'trusted-arc' },
    });
    expect(idsOf(report)).toEqual(
      expect.arrayContaining(['AUTH_ARC_PASS', 'AUTH_DMARC_FAIL_RESCUED', 'AUTH_SPF_EXEMPT']),
    );
  });

  it.each([
    ['nobody is trusted', PASSED, settingsWith({})],
    ['another is trusted', PASSED, settingsWith({ arc: { trustedSealers: ['other.test'] } })],
    ['it saw DMARC fail', 'dmarc=fail header.from=outside.test', trusting],
    ['it saw another From', 'dmarc=pass header.from=bank.test', trusting],
    ['it says nothing of DMARC', 'spf=pass smtp.mailfrom=outside.test', trusting],
  ])('and not where %s', async (_, results, settings) => {
    const report = await run(passedOn(results), { job, settings });
    expect(factsOf(report).arc?.result).toBe('pass');
    expect(idsOf(report)).toContain('AUTH_DMARC_REJECT');
    expect(idsOf(report)).toContain('AUTH_SPF_FAIL_REFUSED');
  });

  it('a chain broken behind the seal rescues nothing', async () => {
    const tampered = Buffer.from(passedOn(PASSED).toString('latin1').replace('hello', 'pay me'), 'latin1');
    const report = await run(tampered, { job, settings: trusting });
    expect(idsOf(report)).toEqual(expect.arrayContaining(['AUTH_ARC_FAIL', 'AUTH_DMARC_REJECT']));
  });

  it('a seal is given what was found out, and the chain as it came', async () => {
    expect((await run(MAIL)).sealBasis).toMatchObject({ authservId: 'mx.house.test', chain: 'none', instances: 0 });
    const basis = (await run(passedOn(PASSED), { job })).sealBasis;
    expect(basis).toMatchObject({ chain: 'pass', instances: 1 });
    expect(basis?.results).toMatch(/spf=fail .*arc=pass \(i=1\).*dmarc=fail/);
    expect(basis?.results).not.toContain('\n');
  });

  it('no seal is made of a chain that DNS kept from us', async () => {
    const zone: Zone = { ...ZONE, 'seal._domainkey.list.test': { behaviour: 'servfail' } };
    const report = await run(passedOn(PASSED), { job, resolver: zoneResolver(zone) });
    expect(factsOf(report).arc).toMatchObject({ result: 'fail', temporary: true });
    expect(report.sealBasis).toBeUndefined();
  });
});

describe('DNS that fails', () => {
  /** Answers when the question is called off, as our own does. */
  const silent: Resolver = {
    lookup: (_type, _name, options = {}) =>
      new Promise((done) => {
        const give = () => done({ status: 'timeout', detail: 'silence' });
        const timer = options.timeoutMs === undefined ? undefined : setTimeout(give, options.timeoutMs);
        options.signal?.addEventListener('abort', () => (clearTimeout(timer), give()), { once: true });
      }),
  };

  it('silent: temporary errors within the time for all checks, whatever one look-up may take', async () => {
    const started = performance.now();
    const report = await run(SIGNED, {
      resolver: silent,
      settings: settingsWith({ checksTimeoutMs: 300, dnsTimeoutMs: 60_000 }),
    });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(factsOf(report)).toMatchObject({
      spf: { result: 'temperror' },
      dkim: [{ result: 'temperror' }],
      dmarc: { result: 'temperror' },
    });
    expect(headerOf(report)[0]).toContain('spf=temperror');
    expect(headerOf(report)[0]).not.toContain('=pass smtp');
  });

  it('silent: within the limit of one look-up, and before the stage is out of time', async () => {
    const started = performance.now();
    await run(SIGNED, { resolver: silent, settings: settingsWith({ dnsTimeoutMs: 200 }) });
    await run(SIGNED, { resolver: silent, job: { timeMs: 1_200 } });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('tells the operator after several messages of several domains, and when it works again', async () => {
    const outside = { ...makeOutside(), resolver: zoneResolver({}) as Resolver };
    const zone: Zone = { ...ZONE, '*': { behaviour: 'servfail' } };
    let failing = true;
    outside.resolver = {
      lookup: (...args) => zoneResolver(failing ? { '*.test': { behaviour: 'servfail' } } : zone).lookup(...args),
    };
    const stage = await makeStage(authenticationStage, settingsWith({}), outside);
    const send = (mailFrom: string) => runStage(stage, makeJob(MAIL, { transaction: { mailFrom } }));
    for (let count = 0; count < 3; count++) await send('a@outside.test');
    expect(outside.alerts, 'one domain may have broken servers of its own').toEqual([]);
    await send('a@strange.test');
    expect(outside.alerts).toMatchObject([{ code: 'authentication-dns', raised: true }]);
    failing = false;
    await send('a@outside.test');
    expect(outside.alerts.at(-1)).toMatchObject({ code: 'authentication-dns', raised: false });
  });
});

it('a message that was not kept whole has no passing signature', async () => {
  const report = await run(SIGNED, { job: { transaction: { truncated: true } } });
  expect(factsOf(report).dkim.map(({ result }) => result)).not.toContain('pass');
});

it('the edits leave one field under our name: ours, on top', async () => {
  const forged = 'Authentication-Results: mx.house.test; dkim=pass header.d=bank.test\r\n';
  const report = await run(`${forged}${MAIL.replace('Subject: x', `Subject: x\r\n${forged.trim()}`)}`);
  const delivered = applyEdits(
    Buffer.from(`${forged}${MAIL.replace('Subject: x', `Subject: x\r\n${forged.trim()}`)}`),
    report.edits as readonly Edit[],
  ).toString();
  expect(delivered.match(/^Authentication-Results:/gim)).toHaveLength(1);
  expect(delivered).not.toContain('bank.test');
  expect(delivered.startsWith('Authentication-Results: mx.house.test;')).toBe(true);
});

it('the client of a connection without TLS or name is judged like any other', async () => {
  const connection = makeConnection({ clientName: null, clientPtr: null, clientResolve: 'fail' });
  const report = await run(MAIL, { job: { transaction: { connection } } });
  expect(headerOf(report)[0]).toContain('iprev=permerror');
});
