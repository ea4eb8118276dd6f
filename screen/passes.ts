// What is remembered of clients that passed: for each test until when. Pure functions of what was kept and the time; the
// store is somebody else's.
import type { Change, StateTable } from '../state/state.js';
import { DEEP_TESTS, type DeepTest, type ScreenSettings } from './settings.js';

/** Tests whose passing is remembered. */
export const PASSED_TESTS = ['pregreet', 'dnsbl', ...DEEP_TESTS] as const;
export type PassedTest = (typeof PASSED_TESTS)[number];

/** For each test until when it need not be repeated, ms since the epoch; 0 = never passed. */
export type PassRecord = Readonly<Record<PassedTest, number>>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Most clients remembered; over it those whose passes end first are forgotten. */
export const PASSES_MAX = 1_000_000;

/** By client address. */
export const PASS_TABLE: StateTable<PassRecord> = { name: 'screen-pass', entriesMax: PASSES_MAX, read: readRecord };

const NEVER: PassRecord = { pregreet: 0, dnsbl: 0, pipelining: 0, nonSmtp: 0, bareNewline: 0 };

function readRecord(kept: unknown): PassRecord | null {
  if (typeof kept !== 'object' || kept === null) return null;
  const values = new Map<string, unknown>(Object.entries(kept));
  const times = PASSED_TESTS.map((test) => values.get(test) ?? 0);
  if (!times.every((time) => typeof time === 'number' && Number.isFinite(time))) return null;
  return Object.fromEntries(PASSED_TESTS.map((test, index) => [test, times[index]])) as unknown as PassRecord;
}

/** Which of the tests in force a client still has to pass. A test that was switched on since is among them. */
export function testsDue(
  record: PassRecord | null,
  inForce: readonly PassedTest[],
  nowMs: number,
): ReadonlySet<PassedTest> {
  return new Set(inForce.filter((test) => (record ?? NEVER)[test] <= nowMs));
}

/** Adds passes; a later end that is known stays. The entry ends with the last of them. */
export function addPasses(
  old: PassRecord | null,
  passes: ReadonlyMap<PassedTest, number>,
  nowMs: number,
): Change<PassRecord, null> {
  const value = { ...(old ?? NEVER) };
  for (const [test, until] of passes) value[test] = Math.max(value[test], until);
  const ttlMs = Math.max(...PASSED_TESTS.map((test) => value[test])) - nowMs;
  return ttlMs > 0 ? { kind: 'write', value, ttlMs, result: null } : { kind: 'keep', result: null };
}

/** How long having passed holds, ms. That of the lists comes with their answers. */
export function passLengthMs(settings: ScreenSettings, test: 'pregreet' | DeepTest): number {
  return test === 'pregreet' ? settings.pregreetPassHours * HOUR_MS : settings[`${test}PassDays`] * DAY_MS;
}

/** A deep test that was failed and ignored is not repeated for so long, ms: else such a client could never get through. */
export const ignoredPassMs = (settings: ScreenSettings): number => settings.dnsblPassMinS * 1_000;
