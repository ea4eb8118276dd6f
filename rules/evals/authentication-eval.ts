// Evals on SPF, DKIM, ARC and DMARC, of SpamAssassin's plugins of those names. They check nothing: they read the results
// handed in with the message, and hold where there are none for no rule.
import { addressListOf, globFits } from '../mail/address-list.js';
import type { RuleMail } from '../mail/rule-mail.js';
import { holds, type Eval, type EvalResult } from './eval.js';
import type { AuthenticationView } from './facts.js';

/** Domains that one rule may name. */
const DOMAINS_MAX = 100;

type Signature = AuthenticationView['dkim'][number];

function simple(summary: string, run: Eval['run'], argsMin = 0, argsMax = argsMin): Eval {
  return { summary, argsMin, argsMax, run };
}

/** Whether authentication was looked at. */
function isChecked({ facts }: Pick<RuleMail, 'facts'>): boolean {
  return facts !== null && facts.authentication !== null;
}

const SPF_RESULTS = ['pass', 'neutral', 'none', 'softfail', 'fail', 'permerror', 'temperror'] as const;

function spfEvals(): (readonly [string, Eval])[] {
  return SPF_RESULTS.flatMap((result) => [
    [
      `check_for_spf_${result}`,
      simple(`SPF of the envelope's sender: ${result}.`, ({ facts }) =>
        holds(facts?.authentication?.spf?.result === result),
      ),
    ] as const,
    [
      `check_for_spf_helo_${result}`,
      simple(`SPF of the greeting: ${result}.`, ({ facts }) =>
        holds(facts?.authentication?.spfHelo?.result === result),
      ),
    ] as const,
  ]);
}

function isListed(mail: RuleMail, lists: readonly string[], address: string): boolean {
  return lists.some((list) => {
    const globs = mail.settings.addressLists.get(list);
    return globs !== undefined && addressListOf(globs).has(address);
  });
}

/** The envelope's sender is on one of the lists, and SPF passes. */
function spfListed(lists: readonly string[]): Eval['run'] {
  return (mail) => {
    const sender = mail.headers.text('EnvelopeFrom:addr');
    return holds(mail.facts?.authentication?.spf?.result === 'pass' && sender !== '' && isListed(mail, lists, sender));
  };
}

function signatures({ facts }: RuleMail): readonly Signature[] {
  return facts?.authentication?.dkim ?? [];
}

/** Signatures that pass, of keys that are long enough. */
function validSignatures(mail: RuleMail): readonly Signature[] {
  const least = mail.settings.dkimMinimumKeyBits;
  return signatures(mail).filter(({ result, keyBits }) => result === 'pass' && (keyBits === null || keyBits >= least));
}

function hostOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

/** Whether one of the domains, or one above it, signed. */
function isByAny(found: readonly Signature[], domains: readonly string[]): boolean {
  return found.some(({ domain }) =>
    domains.some((each) => {
      const name = each.toLowerCase().replace(/^\*?\./, '');
      return each.startsWith('.') || each.startsWith('*.') ? domain.endsWith(`.${name}`) : domain === name;
    }),
  );
}

function authors({ headers }: RuleMail): readonly string[] {
  return headers.values('From:addr');
}

function signedBy(mail: RuleMail, found: readonly Signature[], domains: readonly string[]): EvalResult {
  return holds(found.length > 0 && (domains.length === 0 || isByAny(found, domains.slice(0, DOMAINS_MAX))));
}

function authorSigned(mail: RuleMail, domains: readonly string[]): EvalResult {
  const hosts = new Set(authors(mail).map(hostOf));
  const own = validSignatures(mail).filter(({ domain }) => hosts.has(domain));
  return signedBy(mail, own, domains);
}

function envelopeSigned(mail: RuleMail): EvalResult {
  const sender = mail.headers.text('EnvelopeFrom:addr');
  return holds(sender.includes('@') && isByAny(validSignatures(mail), [hostOf(sender)]));
}

/** An author is on the list with a domain that signed, or on the other one and its own domain signed. */
function dkimListed(prefix: '' | 'def_'): Eval['run'] {
  return (mail) => {
    const signers = validSignatures(mail).map(({ identity }) => hostOf(identity));
    if (signers.length === 0) return holds(false);
    const entries = [...(mail.settings.domainLists.get(`${prefix}welcomelist_from_dkim`)?.values() ?? [])];
    return holds(
      authors(mail).some((author) => {
        const own = signers.includes(hostOf(author));
        if (own && isListed(mail, [`${prefix}welcomelist_auth`], author)) return true;
        return entries.some(
          ({ glob, domains }) =>
            globFits(glob, author.slice(0, 1_024).toLowerCase()) &&
            domains.some((domain) => (domain === '' ? own : signers.some((signer) => isSigner(signer, domain)))),
        );
      }),
    );
  };
}

function isSigner(signer: string, wanted: string): boolean {
  const name = hostOf(wanted);
  const above = name.replace(/^\*?\./, '');
  return above === name ? signer === name : signer.endsWith(`.${above}`);
}

/** Policies of author domains that `adsp_override` gives, asked for by their letters; no policy is looked up. */
function adsp(mail: RuleMail, [letters = '', ...only]: readonly string[]): EvalResult {
  if (!isChecked(mail)) return holds(false);
  const { adspOverrides } = mail.settings;
  const signers = new Set(validSignatures(mail).map(({ domain }) => domain));
  const hosts = authors(mail)
    .map(hostOf)
    .filter((host) => !signers.has(host));
  return holds(
    hosts.some((host) => {
      if (only.length > 0 && !only.some((domain) => hostIsIn(host, domain.toLowerCase()))) return false;
      const policy = overrideOf(adspOverrides, host);
      return policy !== null && letters.includes(policy);
    }),
  );
}

function hostIsIn(host: string, domain: string): boolean {
  return domain.startsWith('*.') ? host.endsWith(domain.slice(1)) : host === domain;
}

function overrideOf(overrides: ReadonlyMap<string, string>, host: string): string | null {
  const own = overrides.get(host);
  if (own !== undefined) return own;
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    const above = overrides.get(`*${host.slice(dot)}`);
    if (above !== undefined) return above;
  }
  return null;
}

function dmarc(wanted: (view: NonNullable<AuthenticationView['dmarc']>) => boolean): Eval['run'] {
  return ({ facts }) => {
    const view = facts?.authentication?.dmarc ?? null;
    return holds(view !== null && wanted(view));
  };
}

function failsWith(policy: 'none' | 'quarantine' | 'reject'): Eval['run'] {
  return dmarc(({ result, published }) => result === 'fail' && published === policy);
}

const SPF_LISTED = simple(
  'SPF passes for a sender on the welcome list.',
  spfListed(['welcomelist_from_spf', 'welcomelist_auth']),
);
const SPF_DEF_LISTED = simple(
  'SPF passes for a sender on the welcome list of the rule set.',
  spfListed(['def_welcomelist_from_spf', 'def_welcomelist_auth']),
);
const DKIM_LISTED = simple('A signer on the welcome list signed for the author.', dkimListed(''));
const DKIM_DEF_LISTED = simple(
  'A signer on the welcome list of the rule set signed for the author.',
  dkimListed('def_'),
);
const DKIM_VALID = simple('A signature is valid, of one of the domains if any are named.', validBy, 0, DOMAINS_MAX);

function validBy(mail: RuleMail, domains: readonly string[]): EvalResult {
  return signedBy(mail, validSignatures(mail), domains);
}

export const AUTHENTICATION_EVALS: readonly (readonly [string, Eval])[] = [
  ...spfEvals(),
  ['check_for_spf_welcomelist_from', SPF_LISTED],
  ['check_for_spf_whitelist_from', SPF_LISTED],
  ['check_for_def_spf_welcomelist_from', SPF_DEF_LISTED],
  ['check_for_def_spf_whitelist_from', SPF_DEF_LISTED],
  [
    'check_spf_skipped_noenvfrom',
    simple('No envelope sender is known.', ({ headers, facts }) =>
      holds(isChecked({ facts }) && !headers.exists('EnvelopeFrom')),
    ),
  ],
  [
    'check_dkim_signed',
    simple(
      'There is a signature, of one of the domains if any are named.',
      (mail, domains) => signedBy(mail, signatures(mail), domains),
      0,
      DOMAINS_MAX,
    ),
  ],
  ['check_dkim_valid', DKIM_VALID],
  ['check_dkim_verified', DKIM_VALID],
  [
    'check_dkim_valid_author_sig',
    simple("A signature of the author's own domain is valid.", authorSigned, 0, DOMAINS_MAX),
  ],
  ['check_dkim_valid_envelopefrom', simple("A signature of the envelope sender's domain is valid.", envelopeSigned)],
  ['check_dkim_dependable', simple('Signatures could be checked.', (mail) => holds(isChecked(mail)))],
  ['check_dkim_adsp', simple('`adsp_override` gives the author domain one of those policies.', adsp, 1, DOMAINS_MAX)],
  ['check_dkim_signall', simple('The author domain signs all its mail.', (mail) => adsp(mail, ['A']))],
  ['check_dkim_signsome', simple('Never holds; kept for old rules.', () => holds(false))],
  [
    'check_dkim_testing',
    simple('A signing key is marked as being tested.', (mail) =>
      holds(signatures(mail).some(({ testing }) => testing)),
    ),
  ],
  ['check_for_dkim_welcomelist_from', DKIM_LISTED],
  ['check_for_dkim_whitelist_from', DKIM_LISTED],
  ['check_for_def_dkim_welcomelist_from', DKIM_DEF_LISTED],
  ['check_for_def_dkim_whitelist_from', DKIM_DEF_LISTED],
  [
    'check_arc_signed',
    simple('There is an ARC chain.', ({ facts }) => holds((facts?.authentication?.arc?.instances ?? 0) > 0)),
  ],
  [
    'check_arc_valid',
    simple('The ARC chain is valid.', ({ facts }) => holds(facts?.authentication?.arc?.result === 'pass')),
  ],
  [
    'check_dmarc_pass',
    simple(
      'DMARC passes.',
      dmarc(({ result, published }) => result === 'pass' && published !== null),
    ),
  ],
  ['check_dmarc_reject', simple('DMARC fails, and the domain wants such mail refused.', failsWith('reject'))],
  [
    'check_dmarc_quarantine',
    simple('DMARC fails, and the domain wants such mail kept apart.', failsWith('quarantine')),
  ],
  ['check_dmarc_none', simple('DMARC fails, and the domain wants nothing done.', failsWith('none'))],
  [
    'check_dmarc_missing',
    simple(
      'The domain publishes no DMARC policy.',
      dmarc(({ published }) => published === null),
    ),
  ],
];
