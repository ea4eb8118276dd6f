// Makes a rule set ready for its first message in small steps, so that whoever serves mail meanwhile never stands still.
// What is not made ready here is made when the first message asks for it.
import type { RuleSet } from './compile.js';
import type { Slices } from './evaluate.js';
import { planOf } from './plan.js';

/** Builds what is built once for a set; pauses each time that `sliceMs` has passed. */
export async function prepareInSlices(set: RuleSet, { sliceMs, pause }: Slices): Promise<void> {
  await pause();
  const { groups } = planOf(set);
  await pause();
  let from = performance.now();
  for (const group of groups) {
    for (const step of group.scan.steps()) {
      step();
      if (performance.now() - from < sliceMs) continue;
      await pause();
      from = performance.now();
    }
  }
}
