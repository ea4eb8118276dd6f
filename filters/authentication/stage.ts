// The authentication stage (product B1 to B3, B5): who sent a message, by SPF, DKIM, DMARC and ARC. It reports facts and
// findings, writes Authentication-Results, and removes forged ones; it trusts nothing that the mail says about itself.
import type { Connection, Transaction } from '../../message/envelope.js';
import { NetworkSet } from '../../message/network.js';
import type { Edit } from '../../pipeline/answer.js';
import { matchesPattern } from '../../pipeline/pattern.js';
import type { MessageJob, Outside, SealBasis, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import type { Resolver } from '../../outside/resolver.js';
import { isVouchedFor, needsDkim, runChecks, type Checked, type CheckInput } from './checks.js';
import { DnsWatch } from './dns-watch.js';
import type { AuthenticationFacts } from './facts.js';
import { authenticationFindings } from './findings.js';
import { removeForgedResults } from './forged-results.js';
import { judge, type ClientStanding } from './policy.js';
import { RESULTS_FIELD, writeResults, writeResultsField, type ReportedFacts } from './results-header.js';
import { authenticationSettings, CHECKS_MARGIN_MS, checkSettings, type AuthenticationSettings } from './settings.js';

export const authenticationStage: StageModule<typeof authenticationSettings> = {
  spec: {
    name: 'authentication',
    summary: 'Checks SPF, DKIM, DMARC and ARC of received mail and writes Authentication-Results.',
    runsAt: ['message'],
    directions: ['received', 'sent', 'internal'],
    needs: [],
    settings: authenticationSettings,
    check: checkSettings,
    findings: authenticationFindings,
    onBreak: 'tempfail',
    timeLimitMs: 20_000,
  },
  create: (settings, outside) => createStage(settings, outside),
};

function createStage(settings: AuthenticationSettings, outside: Outside): Stage {
  const { resolver } = outside;
  if (resolver === null) return { onMessage: () => ({ findings: [] }) };
  const standing = new Standing(settings);
  const watch = new DnsWatch((code, raised, detail) => outside.alert(code, raised, detail));
  return {
    onMessage: (job) => {
      const authservId = authservIdOf(settings, job.transaction.connection);
      const forged = removeForgedResults(job.message, [authservId, ...settings.ownAuthservIds]);
      // Mail from inside is not checked (behaviour 3), but its forgeries go all the same.
      if (!job.directions.includes('received')) return { findings: [], edits: forged };
      const client = standing.of(job.transaction.connection);
      return checkMessage({ job, settings, outside, resolver, authservId, forged, client, watch });
    },
  };
}

interface Run {
  readonly job: MessageJob;
  readonly settings: AuthenticationSettings;
  readonly outside: Outside;
  readonly resolver: Resolver;
  readonly authservId: string;
  readonly forged: readonly Edit[];
  readonly client: ClientStanding;
  readonly watch: DnsWatch;
}

async function checkMessage(run: Run): Promise<StageReport> {
  const { job, settings, outside, resolver, authservId, client } = run;
  const { message, transaction } = job;
  const rescuedByForwarder = client.forwarder !== null && settings.forwarders.rescueDmarc;
  const deadline = Math.min(outside.clock.monotonicMs() + settings.checksTimeoutMs, job.deadline - CHECKS_MARGIN_MS);
  const given = { message, transaction, settings, authservId, rescuedByForwarder, resolver, deadline };
  const checked = await withinTime({ ...given, clock: outside.clock }, job.signal);
  run.watch.see(checked.facts);
  return report(run, checked);
}

/** Runs the checks under a signal that aborts at their deadline. */
async function withinTime(input: Omit<CheckInput, 'signal'>, signal: AbortSignal): Promise<Checked> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), Math.max(0, input.deadline - input.clock.monotonicMs()));
  try {
    return await runChecks({ ...input, signal: AbortSignal.any([signal, over.signal]) });
  } finally {
    clearTimeout(timer);
  }
}

function report({ job, settings, authservId, forged, client }: Run, { facts, author }: Checked): StageReport {
  const { transaction } = job;
  const reported = {
    facts,
    author,
    dkimChecked: needsDkim(settings),
    connection: transaction.connection,
    mailFrom: transaction.mailFrom.address,
  };
  const sealBasis = sealBasisOf(reported);
  return {
    findings: judge({ facts, author, client, settings, vouched: isVouchedFor(facts.arc) }),
    edits: [...forged, { kind: 'prepend-header', name: RESULTS_FIELD, value: writeResultsField(authservId, reported) }],
    facts: facts satisfies AuthenticationFacts,
    ...(sealBasis && { sealBasis }),
  };
}

/** Null where the chain is not known, since DNS failed or ARC is off: a seal would state a lasting failure (RFC 8617 §5.2). */
function sealBasisOf(reported: ReportedFacts): SealBasis | null {
  const { arc, authservId } = reported.facts;
  if (arc === null || arc.temporary === true) return null;
  return { authservId, results: writeResults(reported), chain: arc.result, instances: arc.instances };
}

/** Where the MTA does not say its name. */
const NAMELESS = 'localhost';

/** The name under which results are written: of the settings, or the MTA's own where it is a plain name. */
export function authservIdOf({ authservId }: AuthenticationSettings, { mtaName }: Connection): string {
  if (authservId !== '') return authservId;
  return mtaName !== null && /^[0-9A-Za-z][0-9A-Za-z._-]{0,252}$/.test(mtaName) ? mtaName : NAMELESS;
}

/** What the settings say of single clients. */
class Standing {
  readonly #forwarders: readonly { readonly entry: string; readonly network: NetworkSet }[];
  readonly #dkimAllowed: NetworkSet;

  constructor(private readonly settings: AuthenticationSettings) {
    this.#forwarders = settings.forwarders.networks.map((entry) => ({ entry, network: new NetworkSet([entry]) }));
    this.#dkimAllowed = new NetworkSet(settings.dkim.allowNetworks);
  }

  of({ clientAddress, clientName, clientResolve }: Transaction['connection']): ClientStanding {
    const byNetwork = this.#forwarders.find(({ network }) => network.has(clientAddress))?.entry ?? null;
    const name = clientResolve === 'ok' ? clientName : null;
    const byName = name === null ? null : this.settings.forwarders.names.find((one) => matchesPattern(one, name));
    return {
      address: clientAddress,
      forwarder: byNetwork ?? byName ?? null,
      dkimAllowed: this.#dkimAllowed.has(clientAddress),
    };
  }
}
