// What all connections of the front listener share: the settings in force, who is connected, the way to the MTA, the pass
// records, and the counters. Knows no phase of any connection.
import { StateUnavailable, type State } from '../state/state.js';
import { Crowd } from './crowd.js';
import type { ScreenDeps } from './deps.js';
import { Handoffs } from './handoff.js';
import { addPasses, PASS_TABLE, type PassedTest, type PassRecord } from './passes.js';
import type { TestAction } from './settings.js';
import type { Terms } from './terms.js';

/** Pass records cannot be read or written; clients are tested each time. */
export const ALERT_STATE = 'screen-state';
/** The MTA does not take clients. */
export const ALERT_UPSTREAM = 'screen-upstream';
/** So many clients are under test that the waits are short. */
export const ALERT_STRESS = 'screen-stress';

/** A raised alert is told again after so long, ms. */
const REPEAT_MS = 60_000;

/** Counters since the start. */
export interface Tally {
  accepted: number;
  refused: number;
  limited: number;
  handedOn: number;
  passedNew: number;
  passedOld: number;
  spliced: number;
}

export class Hall {
  readonly crowd: Crowd;
  readonly handoffs: Handoffs;
  readonly tally: Tally = {
    accepted: 0,
    refused: 0,
    limited: 0,
    handedOn: 0,
    passedNew: 0,
    passedOld: 0,
    spliced: 0,
  };

  readonly #told = new Map<string, { readonly raised: boolean; readonly atMs: number }>();

  constructor(
    readonly deps: ScreenDeps,
    /** Those for connections from now on. */
    public terms: Terms,
  ) {
    this.crowd = new Crowd(terms.settings, (on) =>
      this.alert(ALERT_STRESS, on, on ? 'many clients under test: short waits' : ''),
    );
    this.handoffs = new Handoffs(terms.settings);
  }

  /** Connections from now on are under these terms. */
  take(terms: Terms): void {
    const { settings } = terms;
    this.terms.retire();
    this.terms = terms;
    this.crowd.setLimits(settings);
    this.handoffs.setLimits(settings);
  }

  close(): void {
    this.terms.retire();
  }

  /** Sockets that are open, about. */
  get sockets(): number {
    return this.crowd.open + this.tally.spliced + this.handoffs.size;
  }

  /** Monotonic, ms. */
  now(): number {
    return this.deps.clock.monotonicMs();
  }

  /** What the lists of networks say: those of the program first. */
  access(terms: Terms, address: string): 'permit' | { readonly deny: TestAction } | null {
    const word = this.deps.access(address) ?? terms.access(address);
    return word === 'deny' ? { deny: terms.settings.denyAction } : word;
  }

  /** What is remembered of a client; null also when nothing can be known now. */
  async passOf(address: string): Promise<PassRecord | null> {
    const entry = await this.#ask((state) => state.read(PASS_TABLE, address));
    return entry?.value ?? null;
  }

  /** Remembers passes for so many ms; the connection does not wait for it. */
  remember(address: string, passes: ReadonlyMap<PassedTest, number>): void {
    if (passes.size === 0) return;
    const now = this.deps.clock.now();
    const ends = new Map([...passes].map(([test, lengthMs]) => [test, now + lengthMs]));
    void this.#ask((state) => state.update(PASS_TABLE, address, (old, nowMs) => addPasses(old, ends, nowMs)));
  }

  /** Raises or clears an alert: on a change, and now and then while it is raised, not with every connection. */
  alert(code: string, raised: boolean, detail: string): void {
    const told = this.#told.get(code);
    const now = this.now();
    if (told?.raised === raised && (!raised || now - told.atMs < REPEAT_MS)) return;
    this.#told.set(code, { raised, atMs: now });
    this.deps.alert(code, raised, detail);
  }

  /** The policy when the store fails: go on as if nothing was remembered, and say so. */
  async #ask<Result>(question: (state: State) => Promise<Result>): Promise<Result | null> {
    const { state } = this.deps;
    if (state === null) return null;
    try {
      const result = await question(state);
      this.alert(ALERT_STATE, false, '');
      return result;
    } catch (error) {
      if (!(error instanceof StateUnavailable)) throw error;
      this.alert(ALERT_STATE, true, error.message);
      return null;
    }
  }
}
