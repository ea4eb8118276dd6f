// The `quarantine` section: how many days each class of held mail is kept.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';
import type { Category } from '../pipeline/finding.js';

const DAYS_MAX = 3_650;

const days = (initial: number, what: string) =>
  Type.Integer({ default: initial, minimum: 1, maximum: DAYS_MAX, description: `Days that ${what} is kept.` });

export const quarantineSection = section(
  'quarantine',
  'How long held mail is kept; then it is deleted, released or not.',
  {
    spamDays: days(30, 'mail held as spam'),
    virusDays: days(30, 'mail held for a virus'),
    attachmentDays: days(30, 'mail held for an attachment'),
    contentDays: days(30, 'mail held for dangerous content'),
    mcpDays: days(90, 'mail held by content protection rules'),
    authenticationDays: days(30, 'mail held by SPF, DKIM or DMARC'),
    dnsblDays: days(30, 'mail held because of block lists'),
    policyDays: days(30, 'mail held by policy'),
    unprocessableDays: days(90, 'mail that could not be processed'),
  },
);

export type QuarantineSettings = Static<typeof quarantineSection.schema>;

/** The settings as `Quarantine.expire` takes them. */
export function keepDays(settings: QuarantineSettings): Readonly<Record<Category, number>> {
  return {
    spam: settings.spamDays,
    virus: settings.virusDays,
    attachment: settings.attachmentDays,
    content: settings.contentDays,
    mcp: settings.mcpDays,
    dmarc: settings.authenticationDays,
    spf: settings.authenticationDays,
    dkim: settings.authenticationDays,
    dnsbl: settings.dnsblDays,
    policy: settings.policyDays,
    unprocessable: settings.unprocessableDays,
  };
}
