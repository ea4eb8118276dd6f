// Rules of conduct (product A5): HELO names, and a block for clients that try out recipients. Counts only what the MTA
// itself refused as unknown; a client that a rule or an allow list vouches for is never blocked.
import { readAnswer } from '../../lists/answer.js';
import { counts, readLists, type List } from '../../lists/list.js';
import { canonicalAddress, questionName, reverseAddress } from '../../lists/question.js';
import type { AttachedFiles } from '../../config/attached.js';
import { NetworkSet, networkOf } from '../../message/network.js';
import type { Finding } from '../../pipeline/finding.js';
import type { EarlyJob, Outside, RefusedRecipient, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import type { State } from '../../state/state.js';
import type { Resolver } from '../../outside/resolver.js';
import { ACCESS, isClientAllowed } from '../client-allowed.js';
import { CLIENT_BITS } from '../client/stage.js';
import { fullName, hostStanding } from '../domain-standing.js';
import { showName } from '../evidence.js';
import { hearingOf, lookupBounds, REFUSE_WAIT_MS, restrict } from '../restriction.js';
import { addUnknown, blockLeft, HARVESTS, memberOf, settle, type HarvestCap } from './harvest.js';
import { checkConduct, completeConduct, conductFindings, conductSettings, type ConductSettings } from './settings.js';

const NAME = 'conduct';
const DAY_MS = 86_400_000;
/** Enhanced status of a recipient that does not exist (RFC 3463 §3.2); others say nothing of who asks. */
const UNKNOWN_RECIPIENT = '5.1.1';
const MINUTE_MS = 60_000;

const NOTHING: StageReport = { findings: [] };

export const conductStage: StageModule<typeof conductSettings> = {
  spec: {
    name: NAME,
    summary: 'Rules of conduct in the SMTP dialogue: HELO names, and a block for clients that try out recipients.',
    runsAt: ['connect', 'helo', 'mail', 'rcpt'],
    directions: ['received'],
    needs: [ACCESS],
    settings: conductSettings,
    complete: completeConduct,
    check: checkConduct,
    findings: conductFindings,
    onBreak: 'continue',
    timeLimitMs: 10_000,
  },
  create: (settings, outside, files) => new Conduct(settings, outside, files).stage(),
};

/** What the connect found out for the rest of the session. */
interface ConductFacts {
  readonly isAllowed: boolean;
}

class Conduct {
  readonly #exempt: NetworkSet;
  readonly #allowLists: readonly List[];
  readonly #cap: HarvestCap;

  constructor(
    private readonly settings: ConductSettings,
    private readonly outside: Outside,
    files: AttachedFiles,
  ) {
    this.#exempt = new NetworkSet(settings.exemptNetworks);
    this.#allowLists = readLists(
      settings.exemptLists.map((list) => ({ list, ask: ['client'] })),
      files,
    );
    this.#cap = { max: settings.unknownRecipientsPerDay, dayMs: DAY_MS };
  }

  stage(): Stage {
    const { heloNotFqdn, heloUnresolved } = this.settings;
    const checksHelo = heloNotFqdn !== 'off' || heloUnresolved !== 'off';
    const { state } = this.outside;
    return {
      // Who tries out recipients is counted and refused at every command; what a name leads to is said at RCPT.
      hears: (moment) => (moment === 'helo' ? hearingOf([heloNotFqdn, heloUnresolved]) : 'now'),
      ...(checksHelo && { onHelo: (job) => this.#onHelo(job) }),
      ...(this.#cap.max > 0 && state !== null && this.#harvestHooks(state)),
    };
  }

  #harvestHooks(state: State): Stage {
    return {
      onConnect: async (job) => {
        const facts: ConductFacts = { isAllowed: isClientAllowed(job) };
        return { ...(await this.#block(job, state, facts.isAllowed)), facts };
      },
      onMail: (job) => this.#block(job, state, wasAllowed(job)),
      onRcpt: (job) => this.#block(job, state, wasAllowed(job)),
      onRefusedRcpt: (refused) => this.#countUnknown(refused, state),
    };
  }

  async #block({ connection }: EarlyJob, state: State, isAllowed: boolean): Promise<StageReport> {
    const key = this.#keyOf(connection.clientAddress);
    if (isAllowed || key === null) return NOTHING;
    const left = blockLeft((await state.read(HARVESTS, key))?.value ?? null, this.outside.clock.now());
    if (left === null) return NOTHING;
    const evidence = `over ${this.#cap.max} unknown recipients in a day, blocked for ${Math.ceil(left / MINUTE_MS)} min more`;
    return { findings: [{ id: 'HARVEST_BLOCKED', category: 'policy', score: 1, evidence }] };
  }

  async #countUnknown({ connection, login, rcptTo, status }: RefusedRecipient, state: State): Promise<void> {
    const key = this.#keyOf(connection.clientAddress);
    if (status !== UNKNOWN_RECIPIENT || login !== null || key === null) return;
    const member = memberOf(rcptTo.address);
    const isOver = await state.update(HARVESTS, key, (old, nowMs) => addUnknown(old, nowMs, member, this.#cap));
    if (!isOver) return;
    const isSpared = await this.#isOnAllowList(connection.clientAddress);
    await state.update(HARVESTS, key, (old, nowMs) => settle(old, nowMs, isSpared, this.#cap));
  }

  #keyOf(address: string | null): string | null {
    return this.#exempt.has(address) ? null : networkOf(address, CLIENT_BITS);
  }

  /** Asked only of a client that went over the cap. */
  async #isOnAllowList(address: string | null): Promise<boolean> {
    const { resolver } = this.outside;
    const client = canonicalAddress(address);
    if (resolver === null || client === null) return false;
    const listed = await Promise.all(this.#allowLists.map((list) => isListed(list, client, resolver)));
    return listed.includes(true);
  }

  async #onHelo(job: EarlyJob): Promise<StageReport> {
    const { helo, clientAddress } = job.connection;
    if (helo === null || this.#exempt.has(clientAddress) || isAddressLiteral(helo)) return NOTHING;
    const name = fullName(helo);
    if (name === null) return { findings: restrict(this.settings.heloNotFqdn, 'HELO_NOT_FQDN', showName(helo)) };
    return { findings: await this.#lookUp(name, job) };
  }

  async #lookUp(name: string, job: EarlyJob): Promise<readonly Finding[]> {
    const { resolver, clock } = this.outside;
    const mode = this.settings.heloUnresolved;
    if (mode === 'off' || resolver === null) return [];
    const standing = await hostStanding(name, resolver, lookupBounds([mode], job, clock));
    if (standing.kind === 'absent') return restrict(mode, 'HELO_UNRESOLVED', showName(name));
    if (standing.kind === 'unsure') return restrict(mode, 'HELO_UNSURE', `${showName(name)}: ${standing.detail}`);
    return [];
  }
}

function wasAllowed(job: EarlyJob): boolean {
  return job.results(NAME).some(({ facts }) => (facts as ConductFacts | undefined)?.isAllowed === true);
}

/** `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3). */
export function isAddressLiteral(text: string): boolean {
  if (!text.startsWith('[') || !text.endsWith(']')) return false;
  const inside = text.slice(1, -1);
  const v6 = /^ipv6:(.*)$/i.exec(inside)?.[1];
  return v6 === undefined
    ? /^[0-9.]+$/.test(inside) && canonicalAddress(inside) !== null
    : canonicalAddress(v6) !== null;
}

async function isListed(list: List, client: string, resolver: Resolver): Promise<boolean> {
  const name = questionName(reverseAddress(client), list.zone);
  if (name === null) return false;
  const { state, codes } = readAnswer(list, await resolver.lookup('A', name, { timeoutMs: REFUSE_WAIT_MS }));
  return state === 'listed' && codes.some((code) => list.entries.some((entry) => counts(entry, 'client', code)));
}
