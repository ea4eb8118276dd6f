// Facts of authentication for tests of the policy and the header: plain ones, with what a test wants otherwise.
import { Value } from 'typebox/value';
import type { Author } from '../../../filters/authentication/author.js';
import type {
  ArcFacts,
  AuthenticationFacts,
  DkimFacts,
  DmarcFacts,
  SpfFacts,
} from '../../../filters/authentication/facts.js';
import { authenticationSettings, type AuthenticationSettings } from '../../../filters/authentication/settings.js';

/** The settings as they come, read-only in depth. */
export const DEFAULTS = Value.Default(authenticationSettings, {}) as AuthenticationSettings;

/** Settings with single keys of single groups changed. */
export function settingsWith(groups: {
  readonly [Key in keyof AuthenticationSettings]?: AuthenticationSettings[Key] extends
    readonly unknown[] | string | number
    ? AuthenticationSettings[Key]
    : Partial<AuthenticationSettings[Key]>;
}): AuthenticationSettings {
  const settings = structuredClone(DEFAULTS) as Record<string, unknown>;
  for (const [key, value] of Object.entries(groups)) {
    const before = settings[key];
    settings[key] = typeof value === 'object' && !Array.isArray(value) ? { ...(before as object), ...value } : value;
  }
  return settings as AuthenticationSettings;
}

export const spfFacts = (result: SpfFacts['result'], fields: Partial<SpfFacts> = {}): SpfFacts => ({
  result,
  scope: 'mfrom',
  domain: 'away.test',
  mechanism: result === 'fail' || result === 'softfail' ? 'all' : null,
  explanation: null,
  problem: result.endsWith('error') ? 'no answer' : null,
  ...fields,
});

export const dkimFacts = (result: DkimFacts['result'], fields: Partial<DkimFacts> = {}): DkimFacts => ({
  result,
  domain: 'away.test',
  selector: 's1',
  identity: '@away.test',
  algorithm: 'rsa-sha256',
  keyBits: result === 'pass' ? 2048 : null,
  signatureStart: 'Abc+/def',
  alignment: 'strict',
  testing: false,
  signedHeaders: ['from'],
  problem: result === 'pass' ? null : 'body hash did not verify',
  ...fields,
});

export const dmarcFacts = (result: DmarcFacts['result'], fields: Partial<DmarcFacts> = {}): DmarcFacts => ({
  result,
  domain: 'away.test',
  recordDomain: result === 'none' ? '' : 'away.test',
  published: result === 'none' ? null : 'reject',
  applied: result === 'fail' ? 'reject' : 'none',
  override: null,
  alignedSpf: false,
  alignedDkim: result === 'pass',
  problem: null,
  ...fields,
});

export const arcFacts = (result: ArcFacts['result'], fields: Partial<ArcFacts> = {}): ArcFacts => ({
  result,
  instances: result === 'none' ? 0 : 1,
  sealer: result === 'none' ? '' : 'list.test',
  trusted: false,
  statedDmarc: null,
  problem: null,
  ...fields,
});

export const factsWith = (fields: Partial<AuthenticationFacts> = {}): AuthenticationFacts => ({
  authservId: 'mx.house.test',
  spf: spfFacts('pass'),
  spfHelo: null,
  dkim: [],
  dmarc: dmarcFacts('none'),
  arc: null,
  ...fields,
});

export const AUTHOR: Author = { domain: 'away.test', problem: null };
