// Work that can rest: each step of it yields where others may have their turn, and whoever drives it says whether they do.

/** Work that comes to a T. */
export type Steps<T> = Generator<void, T, void>;

/** Does all of it without a rest. */
export function doAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
