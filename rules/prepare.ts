// Makes a rule set ready for its first message in small steps, so that whoever serves mail meanwhile never stands still.
// What is not made ready here is made when the first message asks for it.
import type { RuleSet } from './compile.js';
import type { Slices } from './evaluate.js';
import { planInSteps } from './plan.js';
import type { Steps } from './steps.js';

/** Builds what is built once for a set; pauses each time that `sliceMs` has passed. */
export async function prepareInSlices(set: RuleSet, { sliceMs, pause }: Slices): Promise<void> {
  await pause();
  let from = performance.now();
  for (const steps = preparing(set); steps.next().done !== true;) {
    if (performance.now() - from < sliceMs) continue;
    await pause();
    from = performance.now();
  }
}

function* preparing(set: RuleSet): Steps<void> {
  const { groups } = yield* planInSteps(set);
  for (const group of groups) {
    for (const step of group.scan.steps()) {
      step();
      yield;
    }
  }
}
