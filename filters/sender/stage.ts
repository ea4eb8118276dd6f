// The sender policy: MAIL FROM domains that cannot be answered (product A6), and senders that belong to a login (A9). The
// null sender is never touched. Takes the envelope, asks the DNS and the map of logins; reports.
import type { AttachedFiles } from '../../config/attached.js';
import { openPostfixTables, type PostfixTables } from '../../outside/postmap.js';
import type { Finding } from '../../pipeline/finding.js';
import type { Check, EarlyJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import { ACCESS, isClientAllowed } from '../client-allowed.js';
import { isAddressLiteral } from '../conduct/stage.js';
import { domainStanding, fullName } from '../domain-standing.js';
import { showName, showWord } from '../evidence.js';
import { hearingOf, lookupBounds, restrict } from '../restriction.js';
import { fileSource, firstOf, readOwnerFile, tableSource, type Owners, type OwnerSource } from './owners.js';
import {
  checkSender,
  loginsFileOf,
  senderFiles,
  senderFindings,
  senderSettings,
  type SenderSettings,
} from './settings.js';

const NAME = 'sender';
const LOGIN_MAPS = 'smtpd_sender_login_maps';
/** Asked by the health check: nobody's address. */
const PROBE = 'weir-probe@weir.invalid';

const NOTHING: StageReport = { findings: [] };

export const senderStage: StageModule<typeof senderSettings> = {
  spec: {
    name: NAME,
    summary: 'Sender policy: MAIL FROM domains that cannot be answered, and senders that belong to a login.',
    runsAt: ['connect', 'mail'],
    directions: ['received', 'sent', 'internal'],
    needs: [ACCESS],
    settings: senderSettings,
    check: checkSender,
    files: senderFiles,
    findings: senderFindings,
    onBreak: 'tempfail',
    timeLimitMs: 15_000,
  },
  create: makeStage,
};

/** What the connect found out for the rest of the session. */
interface SenderFacts {
  readonly isAllowed: boolean;
}

async function makeStage(settings: SenderSettings, outside: Outside, files: AttachedFiles): Promise<Stage> {
  const source = await openOwners(settings, outside, files);
  const { notFqdn, unknownDomain, malformedMx, nullMx, ownership } = settings;
  const owners = source === null ? ('off' as const) : ownership;
  const domain = [notFqdn, unknownDomain, malformedMx, nullMx];
  return {
    hears: (moment) => hearingOf(moment === 'connect' ? [owners] : [owners, ...domain]),
    ...(source !== null && { onConnect: rememberAllowed }),
    async onMail(job) {
      const { mailFrom } = job;
      if (mailFrom === null || mailFrom.address === '') return NOTHING;
      const owned = source === null ? [] : await checkOwner(job, mailFrom.address, source, settings);
      return { findings: [...owned, ...(await checkDomain(job, mailFrom.address, settings, outside))] };
    },
    ...(source !== null && { check: async () => [await checkSource(source)] }),
  };
}

/** Null where no map is named. Rejects when postconf is to name one and cannot be run. */
async function openOwners(
  settings: SenderSettings,
  { clock }: Outside,
  files: AttachedFiles,
): Promise<OwnerSource | null> {
  const { loginsFile, recipientDelimiter: delimiter, ownership } = settings;
  if (ownership === 'off') return null;
  const tables = openPostfixTables(clock, settings.postfixDirectory === '' ? null : settings.postfixDirectory);
  const names = await tableNames(settings, tables);
  const sources = [
    ...(loginsFile === '' ? [] : [fileSource(readOwnerFile(files.read(loginsFileOf(loginsFile))), delimiter)]),
    ...(names.length === 0 ? [] : [tableSource(tables, names, delimiter)]),
  ];
  return sources.length === 0 ? null : firstOf(sources);
}

async function tableNames(settings: SenderSettings, tables: PostfixTables): Promise<readonly string[]> {
  if (!settings.loginTablesFromPostfix) return settings.loginTables;
  return [...settings.loginTables, ...(await tables.tablesOf(LOGIN_MAPS))];
}

async function checkSource(source: OwnerSource): Promise<Check> {
  const found = await source.owners(PROBE);
  const name = 'map of logins';
  return 'failure' in found
    ? { name, state: 'fail', detail: found.failure }
    : { name, state: 'ok', detail: 'can be asked' };
}

function rememberAllowed(job: EarlyJob): StageReport {
  const facts: SenderFacts = { isAllowed: isClientAllowed(job) };
  return facts.isAllowed ? { findings: [], facts } : NOTHING;
}

/** Rules on senders and recipients spare nobody this: whoever forges a sender could forge what they look at. */
async function checkOwner(
  job: EarlyJob,
  address: string,
  source: OwnerSource,
  settings: SenderSettings,
): Promise<readonly Finding[]> {
  const { login } = job;
  if (login === null && isExempt(job, settings)) return [];
  const names = [...new Set([address, job.underMainName(address)])];
  const isLogin = names.some((name) => name.toLowerCase() === login?.toLowerCase());
  if (settings.loginIsAddress && isLogin) return [];
  const owners = await firstOwners(names, source);
  if ('failure' in owners) return restrict(settings.ownership, 'SENDER_OWNER_UNSURE', showWord(owners.failure));
  if (login === null)
    return owners.logins.size === 0 ? [] : restrict(settings.ownership, 'SENDER_NEEDS_LOGIN', showName(address));
  if (owners.logins.has(login.toLowerCase())) return [];
  return restrict(settings.ownership, 'SENDER_NOT_OWNED', `${showName(address)} by login ${showName(login)}`);
}

/** Under the name that was used, then under the main name of its domain. */
async function firstOwners([name = '', ...others]: readonly string[], source: OwnerSource): Promise<Owners> {
  const owners = await source.owners(name);
  const isKnown = 'failure' in owners || owners.logins.size > 0;
  return isKnown || others.length === 0 ? owners : firstOwners(others, source);
}

/** Behind a trusted relay the client is not known: its address is null. */
function isExempt(job: EarlyJob, { exemptOwnNetworks }: SenderSettings): boolean {
  const { connection, directions } = job;
  const isTrusted = !directions.includes('received') || (connection.smtp && connection.clientAddress === null);
  if (isTrusted && exemptOwnNetworks) return true;
  // What programs of this machine hand in has no login by nature.
  if (!connection.smtp) return true;
  return job.results(NAME).some(({ facts }) => (facts as SenderFacts | undefined)?.isAllowed === true);
}

/** Of mail from outside alone, and of a relay's not: it would have to send the refusal back to a sender nobody knows. */
async function checkDomain(
  job: EarlyJob,
  address: string,
  settings: SenderSettings,
  { resolver, clock }: Outside,
): Promise<readonly Finding[]> {
  const { connection, directions } = job;
  if (!directions.includes('received') || connection.clientAddress === null || job.isOwnDomain(address)) return [];
  const domain = address.slice(address.lastIndexOf('@') + 1);
  if (address.includes('@') && isAddressLiteral(domain)) return [];
  const name = address.includes('@') ? fullName(domain) : null;
  if (name === null) return restrict(settings.notFqdn, 'SENDER_NOT_FQDN', showName(address));
  const modes = [settings.unknownDomain, settings.malformedMx, settings.nullMx];
  if (resolver === null || modes.every((mode) => mode === 'off')) return [];
  const standing = await domainStanding(name, resolver, lookupBounds([settings.unknownDomain], job, clock));
  switch (standing.kind) {
    case 'known':
      return [];
    case 'null-mx':
      return restrict(settings.nullMx, 'SENDER_NULL_MX', showName(name));
    case 'malformed-mx':
      return restrict(settings.malformedMx, 'SENDER_MX_MALFORMED', `${showName(name)}: ${standing.detail}`);
    case 'absent':
      return restrict(settings.unknownDomain, 'SENDER_DOMAIN_UNKNOWN', showName(name));
    case 'unsure': {
      // Only whoever refuses unknown domains has to know.
      const mode = settings.unknownDomain === 'refuse' ? 'refuse' : 'note';
      return restrict(mode, 'SENDER_DOMAIN_UNSURE', `${showName(name)}: ${standing.detail}`);
    }
  }
}
