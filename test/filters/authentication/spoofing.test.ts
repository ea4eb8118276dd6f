// Forged authors through the whole stage over real DNS: whoever passes SPF for a domain of his own never passes DMARC for
// another one, and no shape of the From field is a way around a published policy.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuthenticationFacts } from '../../../filters/authentication/facts.js';
import { authenticationStage } from '../../../filters/authentication/stage.js';
import { systemClock } from '../../../outside/clock.js';
import { createResolver, type DnsResolver } from '../../../outside/dns-resolver.js';
import { startScriptedDns, type ScriptedDns } from '../../ground/scripted-dns.js';
import { idsOf, mail, makeJob, makeOutside, makeStage, runStage } from '../message-job.js';

const CLIENT = '203.0.113.66';

describe('a host that may send for evil.test alone', () => {
  let server: ScriptedDns;
  let resolver: DnsResolver;
  beforeAll(async () => {
    server = await startScriptedDns({
      'evil.test': { TXT: [`v=spf1 ip4:${CLIENT} -all`] },
      'bank.test.evil.test': { TXT: [`v=spf1 ip4:${CLIENT} -all`] },
      'helo.evil.test': { TXT: [`v=spf1 ip4:${CLIENT} -all`] },
      '_dmarc.evil.test': { TXT: ['v=DMARC1; p=none'] },
      'bank.test': { TXT: ['v=spf1 -all'] },
      '_dmarc.bank.test': { TXT: ['v=DMARC1; p=reject'] },
    });
    resolver = createResolver({ servers: [server.address], timeoutMs: 1_000, tries: 2 }, { clock: systemClock });
  });
  afterAll(async () => {
    resolver.close();
    await server.stop();
  });

  async function scan(lines: readonly string[], mailFrom = 'x@evil.test', helo = 'helo.evil.test') {
    const stage = await makeStage(authenticationStage, {}, { ...makeOutside(), resolver });
    const report = await runStage(
      stage,
      makeJob(mail(...lines, 'To: b@house.test', '', 'Hello.', ''), {
        transaction: { mailFrom, connection: { clientAddress: CLIENT, helo } },
      }),
    );
    const facts = report.facts as AuthenticationFacts;
    const field = report.edits?.find((edit) => edit.kind === 'prepend-header');
    return { ids: idsOf(report), dmarc: facts.dmarc, results: field?.kind === 'prepend-header' ? field.value : '' };
  }

  it('passes for itself, whatever name it gives itself', async () => {
    for (const value of [
      'x@evil.test',
      '"a@bank.test" <x@evil.test>',
      'x@evil.test (a@bank.test)',
      'Bank <x@a.evil.test>',
    ]) {
      const { ids, dmarc } = await scan([`From: ${value}`]);
      expect(dmarc, value).toMatchObject({ result: 'pass', recordDomain: 'evil.test' });
      expect(ids).toContain('AUTH_DMARC_PASS');
    }
    expect((await scan(['From: x@evil.test'], '')).dmarc).toMatchObject({ result: 'pass', alignedSpf: true });
  });

  it.each([
    ['plain', ['From: a@bank.test']],
    ['below the domain', ['From: a@mail.bank.test']],
    ['with a final dot', ['From: a@BANK.test.']],
    ['an address in the name', ['From: "x@evil.test" <a@bank.test>']],
    ['an address in a comment', ['From: a@bank.test (x@evil.test)']],
    ['a quoted local-part', ['From: "x@evil.test"@bank.test']],
    ['a list', ['From: x@evil.test, a@bank.test']],
    ['a list the other way round', ['From: a@bank.test, x@evil.test']],
    ['a comma in the name', ['From: Bank , <a@bank.test>']],
    ['a semicolon', ['From: x@evil.test; a@bank.test']],
    ['a group', ['From: staff: x@evil.test, a@bank.test;']],
    ['two pairs of brackets', ['From: <x@evil.test> <a@bank.test>']],
    ['an address before the brackets', ['From: a@bank.test <x@evil.test>']],
    ['a source route', ['From: <@evil.test:a@bank.test>']],
    ['two at signs', ['From: a@bank.test@evil.test']],
    ['a NUL', ['From: a@bank.test\0@evil.test']],
    ['an open quote', ['From: "Bank <a@bank.test>']],
    ['two fields', ['From: x@evil.test', 'From: a@bank.test']],
    ['two fields in two cases', ['From: a@bank.test', 'fRoM: x@evil.test']],
    ['two fields, one with a blank', ['From : a@bank.test', 'From: x@evil.test']],
    [
      'two fields far apart',
      ['From: x@evil.test', ...Array.from({ length: 1_100 }, (_, at) => `X-${at}: y`), 'From: a@bank.test'],
    ],
  ])('is refused for bank.test: %s', async (_what, lines) => {
    for (const mailFrom of ['x@evil.test', '', 'x@bank.test.evil.test']) {
      const { ids, dmarc, results } = await scan(lines, mailFrom);
      expect(dmarc).toMatchObject({ result: 'fail', applied: 'reject' });
      expect(ids).toContain('AUTH_DMARC_REJECT');
      expect(ids).not.toContain('AUTH_DMARC_PASS');
      expect(results).not.toMatch(/dmarc=pass/);
    }
  });

  it.each([
    ['no field', []],
    ['an empty one', ['From:']],
    ['no address', ['From: Bank']],
    ['an encoded address', ['From: =?utf-8?q?a=40bank.test?=']],
    ['an encoded domain', ['From: a@=?utf-8?q?bank?=.test']],
    ['bytes that are no domain', ['From: a@b\xe4nk.test']],
    ['a literal', ['From: a@[203.0.113.66]']],
    ['a hidden field', ['From: x@evil.test', 'Fr\0om: a@bank.test']],
    ['a field behind a bare CR', ['From: x@evil.test', 'X: y\rFrom: a@bank.test']],
    ['a field behind no field', ['From: x@evil.test', 'junk', 'From: a@bank.test']],
  ])('has no pass with %s', async (_what, lines) => {
    const { ids, dmarc, results } = await scan(lines);
    expect(dmarc).toMatchObject({ result: 'permerror', alignedSpf: false, alignedDkim: false });
    expect(ids).not.toContain('AUTH_DMARC_PASS');
    expect(results).not.toMatch(/dmarc=pass/);
  });

  it('has no pass by a HELO name that only looks like one', async () => {
    for (const helo of ['x@bank.test', '[203.0.113.66]', 'bank.test evil.test', 'evil.test\0'])
      expect((await scan(['From: a@bank.test'], '', helo)).dmarc).toMatchObject({ result: 'fail', alignedSpf: false });
  });
});
