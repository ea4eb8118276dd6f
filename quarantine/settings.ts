// The `quarantine` section: how many days, and how many entries, of each class of held mail are kept.
import { Type, type Static } from 'typebox';
import { section } from '../config/section.js';
import type { Retention } from './quarantine.js';

const DAYS_MAX = 3_650;
const ENTRIES_MAX = 100_000_000;

const days = (initial: number, what: string) =>
  Type.Integer({ default: initial, minimum: 1, maximum: DAYS_MAX, description: `Days that ${what} is kept.` });

const entries = (what: string) =>
  Type.Integer({
    default: 1_000_000,
    minimum: 1,
    maximum: ENTRIES_MAX,
    description: `Most entries of ${what}; over it the oldest go before their days are over.`,
  });

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
    blockedDays: days(30, 'mail held by a block rule'),
    unprocessableDays: days(90, 'mail that could not be processed'),
    spamEntriesMax: entries('mail held as spam'),
    virusEntriesMax: entries('mail held for a virus'),
    attachmentEntriesMax: entries('mail held for an attachment'),
    contentEntriesMax: entries('mail held for dangerous content'),
    mcpEntriesMax: entries('mail held by content protection rules'),
    authenticationEntriesMax: entries('mail held by SPF, DKIM or DMARC, each'),
    dnsblEntriesMax: entries('mail held because of block lists'),
    policyEntriesMax: entries('mail held by policy'),
    blockedEntriesMax: entries('mail held by a block rule'),
    unprocessableEntriesMax: entries('mail that could not be processed'),
  },
);

export type QuarantineSettings = Static<typeof quarantineSection.schema>;

/** The settings as `Quarantine.expire` takes them. */
export function retentionOf(settings: QuarantineSettings): Retention {
  return {
    virus: { days: settings.virusDays, entriesMax: settings.virusEntriesMax },
    attachment: { days: settings.attachmentDays, entriesMax: settings.attachmentEntriesMax },
    content: { days: settings.contentDays, entriesMax: settings.contentEntriesMax },
    mcp: { days: settings.mcpDays, entriesMax: settings.mcpEntriesMax },
    dmarc: { days: settings.authenticationDays, entriesMax: settings.authenticationEntriesMax },
    spf: { days: settings.authenticationDays, entriesMax: settings.authenticationEntriesMax },
    dkim: { days: settings.authenticationDays, entriesMax: settings.authenticationEntriesMax },
    dnsbl: { days: settings.dnsblDays, entriesMax: settings.dnsblEntriesMax },
    blocked: { days: settings.blockedDays, entriesMax: settings.blockedEntriesMax },
    greylist: { days: settings.policyDays, entriesMax: settings.policyEntriesMax },
    policy: { days: settings.policyDays, entriesMax: settings.policyEntriesMax },
    unprocessable: { days: settings.unprocessableDays, entriesMax: settings.unprocessableEntriesMax },
    spam: { days: settings.spamDays, entriesMax: settings.spamEntriesMax },
  };
}
