// What the doctor says of a domain of ours.
import { expect, it } from 'vitest';
import { checkOwnDomain } from '../../../filters/authentication/own-domain.js';
import type { Zone } from '../../ground/scripted-zone.js';
import { zoneResolver } from './zone-resolver.js';

const ZONE: Zone = {
  'good.test': { TXT: ['v=spf1 mx -all', 'other words'] },
  '_dmarc.good.test': { TXT: ['v=DMARC1; p=reject'] },
  'bare.test': { A: ['192.0.2.1'] },
  'twice.test': { TXT: ['v=spf1 -all', 'v=spf1 +all'] },
  '_dmarc.twice.test': { TXT: ['v=DMARC1; p=whatever'] },
  'late.test': { behaviour: 'servfail' },
  '_dmarc.late.test': { behaviour: 'servfail' },
};

it.each([
  ['good.test', ['ok publishes SPF', 'ok publishes DMARC, policy reject']],
  ['bare.test', ['warn publishes no SPF record: anybody may send in its name', 'warn publishes no DMARC policy']],
  ['twice.test', [/^warn publishes 2 SPF records/, /^warn DMARC permerror/]],
  ['late.test', [/^warn SPF could not be looked up: servfail/, /^warn DMARC temperror/]],
  ['not a name', [/^warn no domain name/]],
])('%s', async (name, expected) => {
  const checks = await checkOwnDomain(name, zoneResolver(ZONE), new AbortController().signal);
  expect(checks.map(({ state, detail }) => `${state} ${detail}`)).toEqual(
    expected.map((one) => (typeof one === 'string' ? one : (expect.stringMatching(one) as string))),
  );
});
