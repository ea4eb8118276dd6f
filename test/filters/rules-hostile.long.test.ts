// Hostile mail, at full size, while the rule stage judges it with the core rules: the event loop is never held for long.
// What is measured is CPU time between two turns of the loop, the best of three, so that a busy machine fails nobody.
import { describe, expect, it } from 'vitest';
import { FULL_SIZES, listAttacks } from '../../bench/hostile-material.js';
import { benchHostile, HELD_MAX_MS, type HostileFigures } from '../../bench/hostile-rules.js';

const TRIES_MAX = 3;
const TEST_MS = 120_000;

async function bestOf(name: string): Promise<HostileFigures> {
  let best: HostileFigures | null = null;
  for (let turn = 0; turn < TRIES_MAX; turn++) {
    const rows = await benchHostile([], FULL_SIZES, name);
    const row = rows.find((one) => one.name === name);
    if (row === undefined) throw new Error(`no attack ${name}`);
    if (best === null || row.heldCpuMs < best.heldCpuMs) best = row;
    if (best.heldCpuMs <= HELD_MAX_MS) break;
  }
  return best!;
}

describe('the event loop is free while rules judge', () => {
  it.each(listAttacks(FULL_SIZES).map(({ name }) => name))('%s', { timeout: TEST_MS }, async (name) => {
    const { heldCpuMs, told } = await bestOf(name);
    expect(heldCpuMs).toBeLessThanOrEqual(HELD_MAX_MS);
    expect(told).not.toContain('broke');
  });
});
