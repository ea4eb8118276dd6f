// The stage of the block and allow lists (product A7): at each command of the SMTP dialogue and at the whole message, what
// the rules of the settings and of the store say of client, sender and recipient. Reports; what it leads to is decided
// elsewhere.
import type { Check, EarlyJob, MessageJob, Outside, Stage, StageModule, StageReport } from '../../pipeline/stage.js';
import type { AuthenticationFacts } from '../authentication/facts.js';
import { borrowBook, type AccessBook } from './book.js';
import { checkLines } from './check.js';
import { accessFindings } from './findings.js';
import { HitCounter } from './hits.js';
import { judgeCommand, judgeMessage, subjectOf, waitsAt, type AccessFacts } from './judge.js';
import type { Vouched } from './resolve.js';
import {
  accessSettings,
  checkAccessSettings,
  completeAccessSettings,
  pinnedRules,
  type AccessSettings,
} from './settings.js';
import { joinTables, RuleTable, type RuleLookup } from './table.js';
import { vouchedAtMail, vouchedAtMessage } from './vouch.js';

const NAME = 'access';
const AUTHENTICATION = 'authentication';
const TROUBLE_ALERT = 'access-unreadable';

export const accessStage: StageModule<typeof accessSettings> = {
  spec: {
    name: NAME,
    summary: 'Block and allow lists: rules on client, sender and recipient, of the settings and of `weir access`.',
    runsAt: ['connect', 'mail', 'rcpt', 'message'],
    directions: ['received', 'sent', 'internal'],
    needs: [AUTHENTICATION],
    settings: accessSettings,
    check: checkAccessSettings,
    complete: completeAccessSettings,
    findings: accessFindings,
    onBreak: 'tempfail',
    timeLimitMs: 5_000,
  },
  create: makeStage,
};

async function makeStage(settings: AccessSettings, outside: Outside): Promise<Stage> {
  const pinned = new RuleTable(pinnedRules(settings));
  const borrowed = await borrow(settings, outside);
  const counter = outside.state === null ? null : new HitCounter(outside.state, outside.clock);
  const rules = new LiveRules(pinned, borrowed?.book ?? null);
  const early = (job: EarlyJob): Promise<StageReport> | StageReport =>
    counted(
      withLookup(rules, (lookup) => atCommand(job, lookup, settings, outside)),
      counter,
    );
  return {
    // A rule may be made at any time: sessions that are open then must come to hear of it.
    hears: () => 'by-rcpt',
    onConnect: early,
    onMail: early,
    onRcpt: early,
    onMessage: (job) =>
      counted(
        withLookup(rules, (lookup) => atMessage(job, lookup, settings, outside)),
        counter,
      ),
    check: (): Promise<readonly Check[]> => checkLines(pinned, borrowed?.book ?? null, outside.clock.now()),
    async close() {
      await counter?.close();
      await borrowed?.giveBack();
    },
  };
}

/** The store's rules. Where nothing is kept (commands), only a store that is there and may be read counts. */
async function borrow({ dir }: AccessSettings, outside: Outside) {
  const { clock, state } = outside;
  if (dir === null) return null;
  const onTrouble = (raised: boolean, detail: string): void => outside.alert(TROUBLE_ALERT, raised, detail);
  try {
    return await borrowBook({ dir, clock, make: state !== null, onTrouble });
  } catch (error) {
    if (state !== null) throw error;
    onTrouble(true, error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** The pinned rules and the stored ones of this moment. */
class LiveRules {
  #stored: RuleTable | null = null;
  #joined: RuleLookup;

  constructor(
    private readonly pinned: RuleTable,
    private readonly book: AccessBook | null,
  ) {
    this.#joined = pinned;
  }

  current(): RuleLookup | Promise<RuleLookup> {
    if (this.book === null) return this.pinned;
    const stored = this.book.current();
    return stored instanceof Promise ? stored.then((table) => this.#join(table)) : this.#join(stored);
  }

  #join(stored: RuleTable): RuleLookup {
    if (stored !== this.#stored) {
      this.#stored = stored;
      this.#joined = this.pinned.size === 0 ? stored : joinTables([this.pinned, stored]);
    }
    return this.#joined;
  }
}

function withLookup<T>(rules: LiveRules, work: (lookup: RuleLookup) => Promise<T> | T): Promise<T> | T {
  const lookup = rules.current();
  return lookup instanceof Promise ? lookup.then(work) : work(lookup);
}

function atCommand(
  job: EarlyJob,
  lookup: RuleLookup,
  settings: AccessSettings,
  outside: Outside,
): Promise<StageReport> | StageReport {
  const before = job.results(NAME);
  const nowMs = outside.clock.now();
  const matches = lookup.match(subjectOf(job), nowMs);
  const known = knownBefore(before);
  const judge = (vouched: Vouched, asked: boolean): StageReport =>
    judgeCommand(job, matches, { lookup, nowMs, blockPoints: settings.blockPoints, vouched, asked }, before);
  if (known.asked || !waitsAt(job.moment, matches)) return judge(known.vouched, known.asked);
  return vouchedAtMail(job, outside).then((vouched) => judge(vouched, true));
}

function atMessage(job: MessageJob, lookup: RuleLookup, settings: AccessSettings, outside: Outside): StageReport {
  const before = job.early(NAME);
  const facts = (job.results(AUTHENTICATION)?.facts ?? null) as AuthenticationFacts | null;
  const vouched = vouchedAtMessage(job, facts, knownBefore(before).vouched);
  const { blockPoints } = settings;
  return judgeMessage(job, { lookup, nowMs: outside.clock.now(), blockPoints, vouched, asked: true }, before);
}

/** What SPF said earlier of this transaction's sender. */
function knownBefore(before: readonly StageReport[]): { readonly vouched: Vouched; readonly asked: boolean } {
  const facts = before.map((report) => report.facts as AccessFacts | undefined);
  const isVouched = facts.some((one) => one?.vouched === 'yes');
  return { vouched: isVouched ? 'yes' : 'unknown', asked: facts.some((one) => one?.asked === true) };
}

function counted(
  report: Promise<StageReport> | StageReport,
  counter: HitCounter | null,
): Promise<StageReport> | StageReport {
  if (counter === null) return report;
  const count = (done: StageReport): StageReport => {
    counter.count((done.facts as AccessFacts | undefined)?.counted ?? []);
    return done;
  };
  return report instanceof Promise ? report.then(count) : count(report);
}
