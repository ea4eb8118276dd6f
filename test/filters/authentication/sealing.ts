// Sealed mail for the tests: chains by several domains, made by the sealer under test and put on top as an MTA would.
import { parseMessage } from '../../../message/parse.js';
import { readChain } from '../../../filters/authentication/arc-chain.js';
import { createSealer } from '../../../filters/authentication/seal.js';
import { applyEdits } from '../../../pipeline/edits.js';
import type { SealBasis } from '../../../pipeline/stage.js';
import type { Zone } from '../../ground/scripted-zone.js';
import { ED25519, NOW_MS, RSA, type TestKey } from './signing.js';

/** Domain → its key; the selector is `sel`. */
export const KEYS: Readonly<Record<string, TestKey>> = {
  'list.example': RSA,
  'a.test': RSA,
  'evil.test': RSA,
  'ed.example': ED25519,
};

export const ZONE: Zone = Object.fromEntries(
  Object.entries(KEYS).map(([domain, key]) => [`sel._domainkey.${domain}`, { TXT: [key.record] }]),
);

export interface SealSpec {
  readonly domain: string;
  readonly key?: TestKey;
  readonly results?: string;
  readonly headersToSign?: readonly string[];
  readonly basis?: Partial<SealBasis>;
}

/** `mail` with one more set, its chain taken for passing. Bytes as latin1. */
export function sealed(mail: string, spec: SealSpec): string {
  const content = Buffer.from(mail, 'latin1');
  const { domain, headersToSign, key = KEYS[domain] ?? RSA } = spec;
  const instances = readChain(parseMessage(content)).highest;
  const sealer = createSealer({
    domain,
    selector: 'sel',
    privateKeyPem: key.pem,
    ...(headersToSign && { headersToSign }),
  });
  const basis: SealBasis = {
    authservId: `mx.${domain}`,
    results: spec.results ?? 'spf=pass smtp.mailfrom=example.com; dmarc=pass header.from=example.com',
    chain: instances === 0 ? 'none' : 'pass',
    instances,
    ...spec.basis,
  };
  return applyEdits(content, sealer.seal(content, basis, NOW_MS)).toString('latin1');
}

/** Sets one above the other, the first spec lowest. */
export function chained(mail: string, specs: readonly SealSpec[]): string {
  return specs.reduce(sealed, mail);
}
