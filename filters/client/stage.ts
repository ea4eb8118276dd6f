// The connection policy (product A4): reverse DNS of the client, and caps on its connections and messages per minute.
// Counts in the state, so that all workers count together; says nothing of caps where nothing may be kept.
import type { Connection } from '../../message/envelope.js';
import { NetworkSet, networkOf } from '../../message/network.js';
import type { Finding } from '../../pipeline/finding.js';
import type { EarlyJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import type { State, StateTable } from '../../state/state.js';
import { showName } from '../evidence.js';
import { hearingOf, lookupBounds, restrict } from '../restriction.js';
import { countOne, rateTable, type Rate, type RateAnswer } from './rate.js';
import { reverseName, type ReverseName } from './reverse-name.js';
import { checkNetworks, clientFindings, clientSettings, type ClientSettings } from './settings.js';

/** The span and the block of product A4. */
export const RATE_SPAN_MS = 60_000;
export const RATE_BLOCK_MS = 60_000;
/** Who counts as one client. */
export const CLIENT_BITS = { ipv4: 32, ipv6: 64 } as const;

export const CONNECTION_RATES = rateTable('client-connections');
export const MESSAGE_RATES = rateTable('client-messages');

const NOTHING: StageReport = { findings: [] };

export const clientStage: StageModule<typeof clientSettings> = {
  spec: {
    name: 'client',
    summary: 'Connection policy: reverse DNS of clients, and caps on their connections and messages per minute.',
    runsAt: ['connect', 'mail'],
    directions: ['received'],
    needs: [],
    settings: clientSettings,
    check: checkNetworks,
    findings: clientFindings,
    onBreak: 'continue',
    timeLimitMs: 10_000,
  },
  create: makeStage,
};

function makeStage(settings: ClientSettings, outside: Outside): Stage {
  const exempt = new NetworkSet(settings.exemptNetworks);
  const { connectionsPerMinute, messagesPerMinute } = settings;
  const isSpared = ({ connection }: EarlyJob): boolean => exempt.has(connection.clientAddress);
  const onConnect = async (job: EarlyJob): Promise<StageReport> => {
    if (isSpared(job)) return NOTHING;
    const wait = await count(job, outside.state, CONNECTION_RATES, connectionsPerMinute);
    if (wait !== null) return overCap('CLIENT_CONNECTIONS_OVER_CAP', wait, connectionsPerMinute);
    return { findings: await lookBack(job, settings, outside) };
  };
  const onMail = async (job: EarlyJob): Promise<StageReport> => {
    if (isSpared(job)) return NOTHING;
    const wait = await count(job, outside.state, MESSAGE_RATES, messagesPerMinute);
    return wait === null ? NOTHING : overCap('CLIENT_MESSAGES_OVER_CAP', wait, messagesPerMinute);
  };
  return {
    hears: (moment) => (moment === 'mail' || connectionsPerMinute > 0 ? 'now' : hearingOf(modesOf(settings))),
    ...((connectionsPerMinute > 0 || looksBack(settings)) && { onConnect }),
    ...(messagesPerMinute > 0 && { onMail }),
  };
}

const modesOf = ({ noReverseName, nameUnresolved, nameMismatch }: ClientSettings) => [
  noReverseName,
  nameUnresolved,
  nameMismatch,
];

const looksBack = (settings: ClientSettings): boolean => modesOf(settings).some((mode) => mode !== 'off');

/** Counts one against a cap; null where it passes, and where there is no cap, no store or no address. */
async function count(
  { connection }: EarlyJob,
  state: State | null,
  table: StateTable<Rate>,
  max: number,
): Promise<RateAnswer> {
  const client = networkOf(connection.clientAddress, CLIENT_BITS);
  if (max === 0 || state === null || client === null) return null;
  const cap = { max, spanMs: RATE_SPAN_MS, blockMs: RATE_BLOCK_MS };
  return state.update(table, `${doorOf(connection)} ${client}`, (old, nowMs) => countOne(old, nowMs, cap));
}

/**
 * Where Postfix asks by milter and by policy protocol, it tells of everything twice: each counts for itself. Only a milter
 * has macros.
 */
function doorOf({ macros }: Connection): 'milter' | 'policy' {
  return macros.size === 0 ? 'policy' : 'milter';
}

function overCap(id: string, { waitMs }: NonNullable<RateAnswer>, max: number): StageReport {
  const evidence = `over ${max} in a minute, refused for ${Math.ceil(waitMs / 1_000)} s more`;
  return { findings: [{ id, category: 'policy', score: 1, evidence }] };
}

async function lookBack(job: EarlyJob, settings: ClientSettings, { resolver, clock }: Outside) {
  if (!looksBack(settings)) return [];
  const found = await reverseName(job.connection, resolver, lookupBounds(modesOf(settings), job, clock));
  return found === null ? [] : findingsOf(found, settings);
}

function findingsOf(found: ReverseName, settings: ClientSettings): readonly Finding[] {
  const { noReverseName, nameUnresolved, nameMismatch } = settings;
  switch (found.kind) {
    case 'ok':
      return [];
    case 'missing':
      return restrict(noReverseName, 'CLIENT_NO_REVERSE_NAME', '');
    case 'unresolved':
      return restrict(nameUnresolved, 'CLIENT_NAME_UNRESOLVED', showName(found.name));
    case 'mismatch':
      return restrict(nameMismatch, 'CLIENT_NAME_MISMATCH', showName(found.name));
    case 'unsure': {
      const isAsked = [noReverseName, nameUnresolved, nameMismatch].includes('refuse');
      return restrict(isAsked ? 'refuse' : 'note', 'CLIENT_NAME_UNSURE', found.detail);
    }
  }
}
