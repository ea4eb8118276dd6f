// The settings of the authentication stage: which methods run, what each result leads to, whom to trust, how long to wait.
import { Type, type Static, type TProperties } from 'typebox';
import type { Objection } from '../../config/section.js';
import { isNetwork } from '../../message/network.js';

const LIST_MAX = 5_000;
const DOMAIN_LENGTH_MAX = 253;

/** Time kept free between the end of the checks and the stage's own limit, for the policy and the header, ms. */
export const CHECKS_MARGIN_MS = 1_000;

const flag = (value: boolean, description: string) => Type.Boolean({ default: value, description });

const onTemperror = (method: string) =>
  Type.Union([Type.Literal('continue'), Type.Literal('tempfail')], {
    default: 'continue',
    description: `When DNS does not answer for ${method}: \`continue\` goes on without its result and a finding says so; \`tempfail\` lets the sender try again.`,
  });

const networks = (description: string) =>
  Type.Array(Type.String({ minLength: 2, maxLength: 64 }), { default: [], maxItems: LIST_MAX, description });

const names = (description: string) =>
  Type.Array(
    Type.String({ minLength: 1, maxLength: DOMAIN_LENGTH_MAX, pattern: '^[^\\s@]+$', description: 'Domain name.' }),
    { default: [], maxItems: LIST_MAX, description },
  );

const override = Type.Object(
  {
    domain: Type.String({
      minLength: 1,
      maxLength: DOMAIN_LENGTH_MAX,
      pattern: '^[^\\s@]+$',
      description: 'Domain of the From field; `*` stands for any run of characters.',
    }),
    policy: Type.Union(
      [Type.Literal('none'), Type.Literal('quarantine'), Type.Literal('reject'), Type.Literal('as-published')],
      { description: 'Policy for mail of that domain which fails, in place of what the domain publishes.' },
    ),
  },
  { additionalProperties: false },
);

const group = <Properties extends TProperties>(description: string, properties: Properties) =>
  Type.Object(properties, { additionalProperties: false, default: {}, description });

export const authenticationSettings = Type.Object({
  authservId: Type.String({
    default: '',
    maxLength: DOMAIN_LENGTH_MAX,
    pattern: '^[0-9A-Za-z._-]*$',
    description:
      'Name under which results are written into `Authentication-Results`; empty: the name the mail server calls itself.',
  }),
  ownAuthservIds: names(
    'Further names of this site: incoming `Authentication-Results` fields under one of them are removed too.',
  ),
  spf: group('SPF (RFC 7208).', {
    enabled: flag(true, 'Whether SPF results count; DMARC has them evaluated all the same.'),
    refuseFail: flag(true, 'Whether `fail` is refused (by `verdict.spf`).'),
    refuseSoftfail: flag(false, 'Whether `softfail` is refused too.'),
    refuseHeloFail: flag(false, 'Whether `fail` for the HELO name is refused too.'),
    refuseDespiteDmarc: flag(
      false,
      'Whether `fail` is refused even while an aligned DKIM signature passes DMARC, as it does for forwarded mail (RFC 7489 §10.1).',
    ),
    onTemperror: onTemperror('SPF'),
    onPermerror: Type.Union([Type.Literal('continue'), Type.Literal('refuse')], {
      default: 'continue',
      description: "When the domain's SPF record cannot be read: go on with a finding, or refuse (by `verdict.spf`).",
    }),
  }),
  dkim: group('DKIM (RFC 6376).', {
    enabled: flag(
      true,
      'Whether DKIM results count; DMARC has them evaluated all the same. What a failing signature leads to is `verdict.dkim`.',
    ),
    onTemperror: onTemperror('DKIM'),
    allowNetworks: networks('Addresses and networks whose failing signatures are not held against a message.'),
  }),
  dmarc: group('DMARC (RFC 7489).', {
    enabled: flag(true, "Whether the policy of the From field's domain is followed."),
    onTemperror: onTemperror('DMARC'),
    refuseRepeatedFrom: flag(
      true,
      'Whether a message with more than one From field is refused: no policy can be found for it (RFC 7489 §6.6.1).',
    ),
    overrides: Type.Array(override, {
      default: [],
      maxItems: LIST_MAX,
      description: 'Local policies for domains of the From field; the first entry that matches is used.',
    }),
  }),
  arc: group('ARC (RFC 8617).', {
    enabled: flag(true, 'Whether ARC chains are verified.'),
    trustedSealers: names(
      'Domains whose ARC seal is believed: where such a chain passes and says that DMARC passed before, a failure here is not acted on.',
    ),
  }),
  forwarders: group('Hosts known to forward mail for our users: SPF never refuses what they hand in.', {
    networks: networks('Their addresses and networks.'),
    names: names('Their host names, forward-confirmed; `*` stands for any run of characters.'),
    rescueDmarc: flag(false, 'Whether a DMARC failure of mail from them is not acted on either.'),
  }),
  dnsTimeoutMs: Type.Integer({
    default: 5_000,
    minimum: 100,
    maximum: 60_000,
    description: 'Longest wait for one DNS answer, ms.',
  }),
  checksTimeoutMs: Type.Integer({
    default: 15_000,
    minimum: 200,
    maximum: 120_000,
    description:
      'Longest time all checks of one message may take, ms; what is not known by then is `temperror`. Lower than `timeLimitMs` by 1,000 at least.',
  }),
});

export type AuthenticationSettings = Static<typeof authenticationSettings>;

/** Networks that are none, and times that cross. */
export function checkSettings(
  settings: AuthenticationSettings & { readonly timeLimitMs?: number },
): readonly Objection[] {
  const objections: Objection[] = [];
  const lists = [
    { path: ['dkim', 'allowNetworks'], entries: settings.dkim.allowNetworks },
    { path: ['forwarders', 'networks'], entries: settings.forwarders.networks },
  ];
  for (const { path, entries } of lists) {
    for (const [index, entry] of entries.entries()) {
      if (!isNetwork(entry)) {
        objections.push({ path: [...path, String(index + 1)], expected: 'an address or network such as 192.0.2.0/24' });
      }
    }
  }
  const { timeLimitMs, checksTimeoutMs } = settings;
  if (timeLimitMs !== undefined && checksTimeoutMs > timeLimitMs - CHECKS_MARGIN_MS) {
    objections.push({
      path: ['checksTimeoutMs'],
      expected: `at most timeLimitMs less ${CHECKS_MARGIN_MS} (${timeLimitMs - CHECKS_MARGIN_MS})`,
    });
  }
  return objections;
}
