// The names of the authentication journeys: one domain for each result of each method. The client is 127.0.0.2, since that
// is where journeys send from.
import { OUTSIDE } from '../ground/line.js';
import type { Zone } from '../ground/scripted-dns.js';
import { ED25519, RSA, rsaKey, signed, type SignOptions } from '../filters/authentication/signing.js';

/** Under which results are written. */
export const AUTHSERV_ID = 'mx.house.test';

const WEAK = rsaKey(512);
const SPF_PASS = `v=spf1 ip4:${OUTSIDE} -all`;

/** A domain that passes SPF, with a key, and a DMARC policy. */
const domain = (name: string, dmarc: string | null, spf: string | null = SPF_PASS): Zone => ({
  [name]: { A: ['192.0.2.80'], ...(spf !== null && { TXT: [spf] }) },
  [`s1._domainkey.${name}`]: { TXT: [RSA.record] },
  ...(dmarc !== null && { [`_dmarc.${name}`]: { TXT: [dmarc] } }),
});

export const ZONE: Zone = {
  'client.test': { A: [OUTSIDE] },
  'helo-pass.test': { TXT: [`v=spf1 ip4:${OUTSIDE} -all`] },
  'helo-fail.test': { TXT: ['v=spf1 -all'] },
  // SPF
  'spf-none.test': { A: ['192.0.2.80'] },
  'spf-neutral.test': { TXT: ['v=spf1 ?all'] },
  'spf-pass.test': { TXT: [SPF_PASS] },
  'spf-fail.test': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] },
  'spf-softfail.test': { TXT: ['v=spf1 ~all'] },
  'spf-temperror.test': { behaviour: 'servfail' },
  'spf-silent.test': { behaviour: 'silent' },
  'spf-permerror.test': { TXT: ['v=spf1 ip4:192.0.2.0/24 nonsense:x -all'] },
  'spf-twice.test': { TXT: ['v=spf1 +all', 'v=spf1 -all'] },
  // DKIM
  's1._domainkey.dkim.test': { TXT: [RSA.record] },
  's2._domainkey.dkim.test': { TXT: [ED25519.record] },
  'weak._domainkey.dkim.test': { TXT: [WEAK.record] },
  'gone._domainkey.dkim.test': { TXT: ['v=DKIM1; p='] },
  'test._domainkey.dkim.test': { TXT: [`${RSA.record}; t=y`] },
  'late._domainkey.dkim.test': { behaviour: 'servfail' },
  // DMARC
  ...domain('d-open.test', null),
  ...domain('d-none.test', 'v=DMARC1; p=none'),
  ...domain('d-quarantine.test', 'v=DMARC1; p=quarantine'),
  ...domain('d-reject.test', 'v=DMARC1; p=reject'),
  ...domain('d-strict.test', 'v=DMARC1; p=reject; adkim=s; aspf=s'),
  ...domain('d-sub.test', 'v=DMARC1; p=none; sp=reject'),
  ...domain('d-sampled.test', 'v=DMARC1; p=reject; pct=0'),
  ...domain('d-local.test', 'v=DMARC1; p=reject'),
  ...domain('d-closed.test', 'v=DMARC1; p=reject', 'v=spf1 -all'),
  ...domain('d-broken.test', 'v=DMARC1; p=perhaps'),
  ...domain('d-late.test', null),
  '_dmarc.d-late.test': { behaviour: 'servfail' },
  // ARC
  'seal._domainkey.list.test': { TXT: [RSA.record] },
  'seal._domainkey.stranger.test': { TXT: [RSA.record] },
};

/** A signature of `domain`, by the key of its selector. */
export function signFor(
  domainName: string,
  content: string,
  options: SignOptions & { readonly selector?: string } = {},
): string {
  const { selector = 's1', ...rest } = options;
  const key = selector === 's2' ? ED25519 : selector === 'weak' ? WEAK : RSA;
  return signed(content, { key, ...rest, tags: { d: domainName, s: selector, ...rest.tags } });
}
