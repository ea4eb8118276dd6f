// The settings of the block and allow lists: rules that the file pins, and what rules of domains and users weigh. All
// other rules live in the store that `weir access` changes.
import { join } from 'node:path';
import { Type, type Static } from 'typebox';
import type { AllValues, Objection } from '../../config/section.js';
import { makeRule, NAME_MAX_CHARS, NOTE_MAX_CHARS, type AccessRule, type RuleWish } from './rule.js';

/** Rules of the settings file; more belong into the store. */
export const PINNED_MAX = 10_000;

const choice = (values: readonly string[], description: string) => Type.Enum([...values], { description });

const pinnedRule = Type.Object(
  {
    name: Type.String({
      minLength: 1,
      maxLength: NAME_MAX_CHARS,
      examples: ['partner'],
      description: 'Name, unlike that of any other rule here: logs and counters use it.',
    }),
    kind: choice(
      ['ip', 'network', 'sender', 'recipient', 'domain'],
      'What the rule looks at: the address or network of the client, MAIL FROM, RCPT TO, or the domain of MAIL FROM (allow only).',
    ),
    value: Type.String({
      minLength: 1,
      maxLength: 320,
      examples: ['192.0.2.0/24'],
      description: 'Address, network or domain; `*` for any run of characters except in addresses of clients.',
    }),
    effect: choice(
      ['allow', 'reject', 'discard'],
      'What it does: let through, refuse so that the sender learns of it, or take the mail and lose it.',
    ),
    enabled: Type.Boolean({ default: true, description: 'Whether the rule holds.' }),
    note: Type.String({ default: '', maxLength: NOTE_MAX_CHARS, description: 'For whoever reads it.' }),
    expires: Type.Optional(
      Type.String({
        maxLength: 40,
        examples: ['2027-01-31T00:00:00Z'],
        description: 'Time from which it holds no longer, as 2027-01-31 or 2027-01-31T00:00:00Z; absent for never.',
      }),
    ),
    scope: Type.String({
      default: 'global',
      maxLength: 330,
      description: 'Whose mail it is for: `global`, `domain:example.org` or `user:bob@example.org`.',
    }),
    final: Type.Boolean({ default: false, description: 'Whether rules of domains and users yield to it.' }),
    authenticated: Type.Optional(
      Type.Boolean({
        description:
          'Whether an allow rule for a sender or domain holds only where SPF or DKIM vouches for it; absent means yes.',
      }),
    ),
    skips: Type.Optional(
      Type.String({
        maxLength: 80,
        description:
          'Checks an allow rule spares: `model` (the whole row of the table), `safe` (the same with antivirus on), `none`, or some of dnsbl,spf,antivirus,dkim,dmarc,restriction. Absent: `safe` for senders and domains, else `model`.',
      }),
    ),
  },
  { additionalProperties: false },
);
type PinnedRule = Static<typeof pinnedRule>;

export const accessSettings = Type.Object({
  rules: Type.Array(pinnedRule, {
    default: [],
    maxItems: PINNED_MAX,
    description: 'Rules that this file pins, beside those of `weir access`.',
  }),
  blockPoints: Type.Number({
    default: 10,
    minimum: 0,
    maximum: 1_000,
    description:
      "Points that the block list of a recipient or of a recipient's domain adds; the mail is tagged at least.",
  }),
  dir: Type.Union([Type.String({ minLength: 1, maxLength: 4_096, pattern: '^/[^\\0]*$' }), Type.Null()], {
    default: null,
    description: 'Directory that holds the rules of `weir access`, an absolute path; null = `storage.dir`.',
  }),
});
export type AccessSettings = Static<typeof accessSettings>;

/** `access.dir` from `storage.dir`, unless it is set. */
export function completeAccessSettings(settings: AccessSettings, all: AllValues): AccessSettings {
  const storage = all['storage']?.['dir'];
  return settings.dir !== null || typeof storage !== 'string'
    ? settings
    : { ...settings, dir: join(storage, 'access') };
}

/** What is wrong with the rules of the settings, at their own keys. */
export function checkAccessSettings({ rules }: AccessSettings): readonly Objection[] {
  const taken = new Set<string>();
  return rules.flatMap((rule, index): readonly Objection[] => {
    const path = ['rules', String(index + 1)];
    const objections: Objection[] = [];
    if (taken.has(rule.name)) objections.push({ path: [...path, 'name'], expected: 'a name of its own' });
    taken.add(rule.name);
    if (rule.expires !== undefined && Number.isNaN(timeOf(rule.expires)))
      objections.push({
        path: [...path, 'expires'],
        expected: 'a day or time such as 2027-01-31 or 2027-01-31T12:00:00Z',
      });
    const made = makeRule(wishFor(rule));
    if ('fault' in made) objections.push({ path: [...path, made.fault.key], expected: made.fault.expected });
    return objections;
  });
}

/** What ids of rules of the settings begin with. */
export const PINNED = 'pinned:';

/** The rules of settings that were checked. */
export function pinnedRules({ rules }: Pick<AccessSettings, 'rules'>): readonly AccessRule[] {
  return rules.flatMap((pinned) => {
    const made = makeRule(wishFor(pinned));
    return 'fault' in made ? [] : [{ ...made.rule, id: `${PINNED}${pinned.name}`, author: 'settings', createdAt: 0 }];
  });
}

function wishFor({ expires, ...rule }: PinnedRule): RuleWish {
  const time = expires === undefined ? null : timeOf(expires);
  return { ...rule, expiresAt: time === null || Number.isNaN(time) ? null : time };
}

/** ms since the epoch of an ISO 8601 day or time; a time without zone is UTC; NaN for anything else. */
function timeOf(text: string): number {
  const shape = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$/;
  if (!shape.test(text)) return Number.NaN;
  return Date.parse(
    text.length === 10 ? `${text}T00:00:00Z` : /(Z|[+-][0-9]{2}:[0-9]{2})$/.test(text) ? text : `${text}Z`,
  );
}
