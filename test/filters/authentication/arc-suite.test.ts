// The public ARC suite through our ARC: 171 chains to verify, against a zone in memory and over real DNS, and 17 messages
// to seal. Every deviation is listed with its cause, and one that ceases fails the test.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { verifyArc } from '../../../filters/authentication/arc.js';
import { readChain } from '../../../filters/authentication/arc-chain.js';
import { createSealer } from '../../../filters/authentication/seal.js';
import { parseMessage } from '../../../message/parse.js';
import { systemClock } from '../../../outside/clock.js';
import { createResolver, type DnsResolver } from '../../../outside/dns-resolver.js';
import type { Resolver } from '../../../outside/resolver.js';
import { startScriptedDns, zoneOfTexts, type ScriptedDns, type Zone } from '../../ground/scripted-dns.js';
import { DATA } from '../../message/data.js';
import { zoneResolver } from './zone-resolver.js';

interface Chain {
  readonly message: string;
  readonly cv: string;
}
interface Sealed {
  readonly message: string;
  readonly t: number;
  readonly 'sig-headers': string;
  readonly 'srv-id': string;
  readonly AS: string;
  readonly AMS: string;
  readonly AAR: string;
}
interface Scenario<Case> {
  readonly description: string;
  readonly tests: Readonly<Record<string, Case>>;
  readonly 'txt-records': Readonly<Record<string, string>>;
  readonly domain: string;
  readonly sel: string;
  readonly privatekey: string;
}

/** Case → our result where it is not the suite's, and why. */
const DEVIATIONS: Readonly<Record<string, { readonly result: string; readonly cause: string }>> = {
  ams_fields_c_na: {
    result: 'fail',
    cause:
      'the draft took relaxed/relaxed for an absent c=; RFC 8617 §4.1.2 takes what RFC 6376 §3.5 takes, simple/simple',
  },
};

function read<Case>(name: string): readonly Scenario<Case>[] {
  const file = DATA === null ? null : join(DATA, 'vectors', 'arc', name);
  if (file === null || !existsSync(file)) return [];
  // Some names stand twice within one scenario; YAML's way out is to take the last, so they are told apart first.
  const seen = new Map<string, number>();
  const text = readFileSync(file, 'utf8').replace(/^ {2}([a-z0-9_]+):$/gm, (line, key: string) => {
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    return count === 1 ? line : `  ${key}__${count}:`;
  });
  return parseAllDocuments(text, { uniqueKeys: false }).map((document) => document.toJS() as Scenario<Case>);
}

const chains = read<Chain>('arc-draft-validation-tests.yml').flatMap((scenario) =>
  Object.entries(scenario.tests).map(([name, one]) => ({
    name,
    one,
    zone: zoneOfTexts(scenario['txt-records'] ?? {}),
  })),
);

async function verify(one: Chain, resolver: Resolver): Promise<string> {
  const facts = await verifyArc({
    message: parseMessage(Buffer.from(one.message.replaceAll('\n', '\r\n'))),
    resolver,
    signal: new AbortController().signal,
    nowMs: Date.UTC(2026, 0, 1),
    trustedSealers: [],
    fromDomain: null,
  });
  return facts.result;
}

/** The suite writes None, Pass and Fail, and leaves out what its own verifier gives for a chain that says it failed. */
function expectCase(name: string, one: Chain, result: string): void {
  const wanted = one.cv.trim().toLowerCase() || 'fail';
  const deviation = DEVIATIONS[name];
  if (deviation === undefined) return expect(result).toBe(wanted);
  expect(result).toBe(deviation.result);
  expect(deviation.result, `${name} deviates no more`).not.toBe(wanted);
}

describe.skipIf(chains.length === 0)('the ARC suite, verifying', () => {
  it('is whole', () => {
    // Four names stand for two cases each, of which YAML would keep one.
    expect(chains.length).toBe(175);
    expect(chains.filter(({ name }) => !name.includes('__')).length).toBe(171);
    expect(Object.keys(DEVIATIONS).filter((name) => !chains.some((one) => one.name === name))).toEqual([]);
  });

  describe('against a zone in memory', () => {
    it.each(chains)('$name', async ({ name, one, zone }) => {
      expectCase(name, one, await verify(one, zoneResolver(zone)));
    });
  });

  describe('over DNS', () => {
    let server: ScriptedDns;
    let resolver: DnsResolver;
    beforeAll(async () => {
      server = await startScriptedDns();
    });
    afterAll(async () => {
      await server.stop();
    });

    it.each(chains)('$name', async ({ name, one, zone }: { name: string; one: Chain; zone: Zone }) => {
      for (const [key, entry] of Object.entries(zone)) server.set(key, entry);
      resolver = createResolver({ servers: [server.address], timeoutMs: 500, tries: 2 }, { clock: systemClock });
      try {
        expectCase(name, one, await verify(one, resolver));
      } finally {
        resolver.close();
        for (const key of Object.keys(zone)) server.set(key, null);
      }
    });
  });
});

const sealings = read<Sealed>('arc-draft-sign-tests.yml').flatMap((scenario) =>
  Object.entries(scenario.tests).map(([name, one]) => ({ name, one, scenario })),
);

/** The results that the site's own fields state, merged in order (RFC 8617 §4.1.1), and what they say of the chain. */
function basisOf(one: Sealed, message: ReturnType<typeof parseMessage>) {
  const stated = message
    .headersNamed('authentication-results')
    .map((field) => field.value.split(';').map((part) => part.trim().replace(/\s+/g, ' ')))
    .filter(([id]) => id === one['srv-id'])
    .flatMap(([, ...results]) => results.filter((result) => result !== ''));
  const said = stated.find((result) => result.startsWith('arc='))?.slice(4);
  const instances = readChain(message).highest;
  const chain = said === 'fail' ? 'fail' : instances === 0 ? 'none' : 'pass';
  return { authservId: one['srv-id'], results: stated.join('; '), chain, instances } as const;
}

/** On one line, without the blanks within b= and around semicolons: those mean nothing. */
const bareTags = (text: string) =>
  text
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/\bb=[^;]*/g, (value) => value.replace(/ /g, ''))
    .replace(/; /g, ';');

describe.skipIf(sealings.length === 0)('the ARC suite, sealing', () => {
  it('is whole', () => {
    expect(sealings.length).toBe(17);
  });

  it.each(sealings)('$name', ({ one, scenario }) => {
    const content = Buffer.from(one.message.replaceAll('\n', '\r\n'));
    const sealer = createSealer({
      domain: scenario.domain,
      selector: scenario.sel,
      privateKeyPem: scenario.privatekey,
      headersToSign: one['sig-headers'].split(':'),
    });
    const edits = sealer.seal(content, basisOf(one, parseMessage(content)), one.t * 1_000);
    const made = edits.map((edit) => (edit.kind === 'prepend-header' ? [edit.name, bareTags(edit.value)] : []));
    const wanted = [
      ['ARC-Authentication-Results', bareTags(one.AAR)],
      ['ARC-Message-Signature', bareTags(one.AMS)],
      ['ARC-Seal', bareTags(one.AS)],
    ].filter(([, value]) => value !== '');
    expect(made).toEqual(wanted);
  });
});
