// Rules, sessions and a state in memory for the tests of the block and allow lists.
import type { EnvelopeAddress } from '../../../message/envelope.js';
import type { Clock } from '../../../outside/clock.js';
import type { EarlyJob, EarlyMoment, Outside, Stage, StageReport } from '../../../pipeline/stage.js';
import { StateUnavailable, type Change, type State, type StateEntry, type StateTable } from '../../../state/state.js';
import { makeRule, type AccessRule, type RuleWish } from '../../../filters/access/rule.js';
import { envelopeAddress, makeConnection } from '../../ground/transaction.js';
import { makeOutside } from '../message-job.js';

let made = 0;

/** A sound rule; throws where the wish is none. */
export function rule(effect: string, kind: string, value: string, more: Partial<RuleWish> = {}): AccessRule {
  const result = makeRule({ effect, kind, value, ...more });
  if ('fault' in result) throw new Error(`${result.fault.key}: expected ${result.fault.expected}`);
  made += 1;
  return { ...result.rule, id: `rule-${String(made)}`, author: 'test', createdAt: 0 };
}

/** A clock that stands still until it is moved. */
export function fakeClock(nowMs = 1_800_000_000_000): Clock & { move(ms: number): void } {
  let now = nowMs;
  return { now: () => now, monotonicMs: () => now, move: (ms) => void (now += ms) };
}

/** State in memory; `down` makes it fail. */
export class MemoryState implements State {
  readonly kept = new Map<string, StateEntry<unknown>>();
  down = false;

  constructor(private readonly clock: Clock) {}

  async read<Value>(table: StateTable<Value>, key: string): Promise<StateEntry<Value> | null> {
    await this.reach();
    const entry = this.kept.get(`${table.name} ${key}`);
    const value = entry === undefined || entry.endsAt <= this.clock.now() ? null : table.read(entry.value);
    return value === null || entry === undefined ? null : { key, value, endsAt: entry.endsAt };
  }

  async update<Value, Result>(
    table: StateTable<Value>,
    key: string,
    change: (old: Value | null, nowMs: number) => Change<Value, Result>,
  ): Promise<Result> {
    const old = await this.read(table, key);
    const done = change(old?.value ?? null, this.clock.now());
    if (done.kind === 'write')
      this.kept.set(`${table.name} ${key}`, { key, value: done.value, endsAt: this.clock.now() + done.ttlMs });
    if (done.kind === 'remove') this.kept.delete(`${table.name} ${key}`);
    return done.result;
  }

  async remove(table: StateTable<unknown>, key: string): Promise<boolean> {
    await this.reach();
    return this.kept.delete(`${table.name} ${key}`);
  }

  list(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  count(): Promise<number> {
    return Promise.resolve(this.kept.size);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async reach(): Promise<void> {
    await Promise.resolve();
    if (this.down) throw new StateUnavailable('down');
  }
}

/** The world of a stage under a clock that is moved by hand. */
export function world(
  more: Partial<Outside> = {},
  clock = fakeClock(),
): ReturnType<typeof makeOutside> & { readonly clock: ReturnType<typeof fakeClock> } {
  return { ...makeOutside(), ...more, clock };
}

export interface Session {
  readonly client?: string | null;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly login?: string | null;
}

/** One SMTP session through the early moments of a stage: the reports, in order. */
export async function runEarly(stage: Stage, session: Session): Promise<readonly StageReport[]> {
  const reports: StageReport[] = [];
  const ask = async (moment: EarlyMoment, more: Partial<EarlyJob> = {}): Promise<void> => {
    const job: EarlyJob = {
      moment,
      connection: makeConnection({ clientAddress: session.client === undefined ? '198.51.100.7' : session.client }),
      login: moment === 'connect' ? null : (session.login ?? null),
      mailFrom: moment === 'connect' ? null : envelopeAddress(session.from ?? 'ann@sender.example'),
      rcptTo: null,
      accepted: [],
      directions: ['received'],
      recipientIsOurs: null,
      isOwnDomain: () => false,
      results: () => [...reports],
      deadline: 60_000 + 1_800_000_000_000,
      signal: new AbortController().signal,
      ...more,
    };
    const handlers = { connect: stage.onConnect, mail: stage.onMail, rcpt: stage.onRcpt, helo: stage.onHelo };
    const report = await handlers[moment]?.call(stage, job);
    if (report !== undefined) reports.push(report);
  };
  await ask('connect');
  await ask('mail');
  const accepted: EnvelopeAddress[] = [];
  for (const to of session.to ?? ['bob@here.example']) {
    await ask('rcpt', { rcptTo: envelopeAddress(to), accepted: [...accepted] });
    accepted.push(envelopeAddress(to));
  }
  return reports;
}
