// The public RFC 7208 suite through our SPF: against a zone in memory, over real DNS, and through the whole stage. Every
// deviation is listed with its cause, and one that ceases fails the test.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { checkSpf } from '../../../filters/authentication/spf.js';
import { authenticationStage } from '../../../filters/authentication/stage.js';
import type { AuthenticationFacts, SpfFacts } from '../../../filters/authentication/facts.js';
import { systemClock } from '../../../outside/clock.js';
import { createResolver } from '../../../outside/dns-resolver.js';
import type { Resolver } from '../../../outside/resolver.js';
import { startScriptedDns, zoneOfSuite, type ScriptedDns, type Zone } from '../../ground/scripted-dns.js';
import { DATA } from '../../message/data.js';
import { mail, makeJob, makeOutside, makeStage, runStage } from '../message-job.js';
import { zoneResolver } from './zone-resolver.js';

interface Case {
  readonly helo: string;
  readonly host: string;
  readonly mailfrom: string;
  readonly result: string | readonly string[];
  readonly explanation?: string;
}
interface Scenario {
  readonly description: string;
  readonly tests: Readonly<Record<string, Case>>;
  readonly zonedata: Readonly<Record<string, readonly unknown[]>>;
}

/** Case → what we give in place of the suite's answer, and why. */
const DEVIATIONS: Readonly<Record<string, { readonly explanation: string; readonly cause: string }>> = {
  'v-macro-ip6': {
    explanation: 'cafe:babe::1 is queried as 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.e.b.a.b.e.f.a.c.ip6.arpa',
    cause:
      'the suite spells the hex digits of %{ir} in capitals; RFC 7208 §7.4 spells them small, and DNS knows no case',
  },
};

const FILE = DATA === null ? null : join(DATA, 'vectors', 'spf', 'rfc7208-tests.yml');
const scenarios: readonly Scenario[] =
  FILE !== null ? parseAllDocuments(readFileSync(FILE, 'utf8')).map((document) => document.toJS() as Scenario) : [];
const cases = scenarios.flatMap((scenario) =>
  Object.entries(scenario.tests).map(([name, one]) => ({ name, one, zone: zoneOfSuite(scenario.zonedata) })),
);

const TIME_MS = 10_000;

function check(one: Case, resolver: Resolver): Promise<SpfFacts> {
  return checkSpf({
    clientAddress: one.host,
    scope: 'mfrom',
    mailFrom: one.mailfrom,
    helo: one.helo,
    receiverName: 'receiver.test',
    resolver,
    signal: new AbortController().signal,
    deadline: systemClock.monotonicMs() + TIME_MS,
    clock: systemClock,
  });
}

/** `DEFAULT` stands for no explanation of the domain's own. */
function expectCase(name: string, one: Case, facts: SpfFacts): void {
  expect([one.result].flat()).toContain(facts.result);
  if (one.explanation === undefined || facts.result !== 'fail') return;
  const wanted = one.explanation === 'DEFAULT' ? null : one.explanation;
  const deviation = DEVIATIONS[name];
  if (deviation === undefined) return expect(facts.explanation).toBe(wanted);
  expect(facts.explanation).toBe(deviation.explanation);
  expect(deviation.explanation, `${name} deviates no more`).not.toBe(wanted);
}

describe.skipIf(cases.length === 0)('the RFC 7208 suite', () => {
  it('is whole', () => {
    expect(cases.length).toBe(203);
    expect(Object.keys(DEVIATIONS).filter((name) => !cases.some((one) => one.name === name))).toEqual([]);
  });

  describe('against a zone in memory', () => {
    it.each(cases)('$name', async ({ name, one, zone }) => {
      expectCase(name, one, await check(one, zoneResolver(zone)));
    });
  });

  describe('over DNS', () => {
    let server: ScriptedDns;
    beforeAll(async () => {
      server = await startScriptedDns();
    });
    afterAll(async () => {
      await server.stop();
    });

    /** The case's zone served, asked through a resolver that remembers nothing of others. */
    async function served(zone: Zone, look: (resolver: Resolver) => Promise<void>): Promise<void> {
      for (const [key, entry] of Object.entries(zone)) server.set(key, entry);
      const resolver = createResolver({ servers: [server.address], timeoutMs: 300, tries: 1 }, { clock: systemClock });
      try {
        await look(resolver);
      } finally {
        resolver.close();
        for (const key of Object.keys(zone)) server.set(key, null);
      }
    }

    it.each(cases)('$name', async ({ name, one, zone }) => {
      await served(zone, async (resolver) => expectCase(name, one, await check(one, resolver)));
    });

    it.each(cases)('$name, through the stage', async ({ name, one, zone }) => {
      await served(zone, async (resolver) => {
        const stage = await makeStage(
          authenticationStage,
          { authservId: 'receiver.test' },
          { ...makeOutside(), resolver },
        );
        const { facts } = await runStage(
          stage,
          makeJob(MAIL, {
            transaction: {
              mailFrom: one.mailfrom,
              connection: { clientAddress: one.host, helo: one.helo },
            },
          }),
        );
        const { spf } = facts as AuthenticationFacts;
        expect(spf).not.toBeNull();
        expectCase(name, one, spf as SpfFacts);
      });
    });
  });
});

/** Mail of no author: then DMARC asks nothing. */
const MAIL = mail('To: b@house.test', 'Subject: x', '', 'Hello.', '');
