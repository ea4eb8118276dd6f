// DMARC over DNS that fails, which never becomes a pass nor a refusal, and against mailauth's evaluation, the oracle where
// both RFCs (7489 and 9989) say the same.
import fc from 'fast-check';
import { dmarc as mailauthDmarc } from 'mailauth/lib/dmarc/index.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mailauthResolver } from '../../../filters/authentication/mailauth-dns.js';
import { systemClock } from '../../../outside/clock.js';
import { createResolver, type DnsResolver } from '../../../outside/dns-resolver.js';
import { startScriptedDns, type ScriptedDns } from '../../ground/scripted-dns.js';
import { evaluate, policy, signal } from './dmarc-ground.js';
import { dkimFacts, spfFacts } from './facts-made.js';
import { zoneResolver } from './zone-resolver.js';

describe('over DNS that fails', () => {
  let server: ScriptedDns;
  let resolver: DnsResolver;
  beforeAll(async () => {
    server = await startScriptedDns({
      '_dmarc.good.test': {
        TXT: [`v=DMARC1; p=reject; rua=${'mailto:reports@good.test,'.repeat(40)}`],
        behaviour: 'truncated',
      },
      '_dmarc.silent.test': { behaviour: 'silent' },
      '_dmarc.servfail.test': { behaviour: 'servfail' },
      '_dmarc.refused.test': { behaviour: 'refused' },
      '_dmarc.garbage.test': { behaviour: 'garbage' },
      '_dmarc.a.good.test': { behaviour: 'servfail' },
      '_dmarc.forged.test': { TXT: ['v=DMARC1; p=reject'], behaviour: 'spoofed-first' },
      'empty.test': { A: ['192.0.2.1'] },
    });
  });
  // One for each test: a resolver remembers that its server was silent.
  beforeEach(() => {
    resolver = createResolver({ servers: [server.address], timeoutMs: 300, tries: 1 }, { clock: systemClock });
  });
  afterEach(() => {
    resolver.close();
  });
  afterAll(async () => {
    await server.stop();
  });

  it.each([
    ['good.test', 'fail'],
    ['b.good.test', 'fail'],
    ['forged.test', 'fail'],
    ['empty.test', 'none'],
    ['silent.test', 'temperror'],
    ['b.silent.test', 'temperror'],
    ['servfail.test', 'temperror'],
    ['refused.test', 'temperror'],
    ['garbage.test', 'temperror'],
    ['a.good.test', 'temperror'],
  ])('%s: %s', async (domain, result) => {
    const facts = await evaluate({}, domain, { resolver });
    expect(facts).toMatchObject({ result, applied: result === 'fail' ? 'reject' : 'none' });
    expect(facts.problem === null).toBe(result !== 'temperror');
  });
});

describe('mailauth', () => {
  const tags = fc.array(
    fc.constantFrom(
      'p=none',
      'p=reject',
      'p=quarantine',
      'sp=none',
      'sp=reject',
      'np=reject',
      'adkim=s',
      'aspf=s',
      'rua=mailto:a@b.test',
      'p=x',
      'x',
    ),
    { maxLength: 5 },
  );
  const domains = fc.constantFrom('good.test', 'a.good.test', 'b.a.good.test', 'other.test');
  const cases = fc.record({
    tags,
    author: fc.constantFrom('good.test', 'a.good.test'),
    spf: fc.option(domains, { nil: null }),
    dkim: fc.array(domains, { maxLength: 2 }),
  });

  it('agrees on results and policies where both RFCs do', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ tags, author, spf, dkim }) => {
        const zone = policy(`v=DMARC1; ${tags.join('; ')}`);
        const ours = await evaluate(zone, author, {
          spf: spf === null ? null : spfFacts('pass', { domain: spf }),
          dkim: dkim.map((domain) => dkimFacts('pass', { domain })),
        });
        const theirs = (await mailauthDmarc({
          headerFrom: [`x@${author}`],
          spfDomains: spf === null ? [] : [spf],
          dkimDomains: dkim,
          strict: true,
          resolver: mailauthResolver(zoneResolver(zone), { signal }),
        } as unknown as Parameters<typeof mailauthDmarc>[0])) as { status: { result: string }; policy?: string };
        // A record that cannot be used is `none` to mailauth, which keeps `permerror` for nothing.
        expect(ours.result === 'permerror' ? 'none' : ours.result).toBe(theirs.status.result);
        if (ours.result === 'fail') expect(ours.published).toBe(theirs.policy);
      }),
      { numRuns: 500 },
    );
  });
});
