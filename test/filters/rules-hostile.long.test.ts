// Hostile mail, at full size, while the rule stage judges it with the core rules: the work is cut into turns of the event
// loop. How long the longest turn is the bench measures, against 200 ms; here it is held against several times that, since
// a core shared with other tests runs at half its speed and less, and work that is not cut takes seconds.
import { describe, expect, it } from 'vitest';
import { FULL_SIZES, listAttacks } from '../../bench/hostile-material.js';
import { benchHostile, type HostileFigures } from '../../bench/hostile-rules.js';

/** CPU of one turn, ms. */
const TURN_MAX_MS = 1_000;
const TRIES_MAX = 3;
const TEST_MS = 120_000;

async function bestOf(name: string): Promise<HostileFigures> {
  let best: HostileFigures | null = null;
  for (let turn = 0; turn < TRIES_MAX; turn++) {
    const rows = await benchHostile([], FULL_SIZES, name);
    const row = rows.find((one) => one.name === name);
    if (row === undefined) throw new Error(`no attack ${name}`);
    if (best === null || row.heldCpuMs < best.heldCpuMs) best = row;
    if (best.heldCpuMs <= TURN_MAX_MS) break;
  }
  return best!;
}

describe('the event loop is free while rules judge', () => {
  it.each(listAttacks(FULL_SIZES).map(({ name }) => name))('%s', { timeout: TEST_MS }, async (name) => {
    const { heldCpuMs, told } = await bestOf(name);
    expect(heldCpuMs).toBeLessThanOrEqual(TURN_MAX_MS);
    expect(told).not.toContain('broke');
  });
});
